"""The options that every command takes, before or after its verb.

Without `from __future__ import annotations`, here and in `commands`: typer reads the annotations at
every start, and to evaluate them from text took 3 ms of the 80 that `perfctl health` may take.
"""

from enum import StrEnum
from functools import cache
from typing import Annotated, Any, NamedTuple

import typer
from typer import Option

from perfctl.errors import UsageError


class Format(StrEnum):
    """The faces of an answer."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    TSV = "tsv"
    MD = "md"
    GITHUB = "github"
    JUNIT = "junit"
    SARIF = "sarif"


OF_GATES = (Format.GITHUB, Format.JUNIT, Format.SARIF)
"""Faces of a verdict: only these commands have one."""
_GATES = ("ci",)


class Options(NamedTuple):
    """What was said on the command line for all commands."""

    db: str | None = None
    config: str | None = None
    format: Format = Format.TABLE
    since: str | None = None
    until: str | None = None
    host: str | None = None
    release: str | None = None
    source: str | None = None
    limit: int | None = None
    no_color: bool = False
    quiet: bool = False
    verbose: bool = False


def _declare(
    db: Annotated[str | None, Option("--db", metavar="PATH", help="The store to use.")] = None,
    config: Annotated[
        str | None, Option("--config", metavar="FILE", help="A perfctl.toml to read.")
    ] = None,
    format: Annotated[  # noqa: A002  # the option's name
        Format | None,
        Option(
            "--format",
            help="How to show the answer [default: table]; github, junit and sarif: only ci.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        Option("--since", metavar="WHEN", help="24h, 7d, today, 2026-11-01, deploy:REF."),
    ] = None,
    until: Annotated[
        str | None, Option("--until", metavar="WHEN", help="The end of the window.")
    ] = None,
    host: Annotated[str | None, Option("--host", metavar="NAME", help="Only of this host.")] = None,
    release: Annotated[
        str | None, Option("--release", metavar="NAME", help="Only of this release.")
    ] = None,
    source: Annotated[
        str | None,
        Option("--source", metavar="NAME", help="live, test or frontend [default: live]."),
    ] = None,
    limit: Annotated[
        int | None,
        Option("--limit", min=0, metavar="N", help="Rows to list [default: 20 in tables]; 0: all."),
    ] = None,
    no_color: Annotated[bool | None, Option("--no-color", help="No colours.")] = None,
    quiet: Annotated[bool | None, Option("-q", "--quiet", help="No notes on stderr.")] = None,
    verbose: Annotated[bool | None, Option("-v", "--verbose", help="Say more.")] = None,
) -> None: ...


@cache
def global_params() -> tuple[Any, ...]:
    """Parameters that keep their values in the context's `obj` instead of the command."""
    declared = typer.Typer(add_completion=False)
    declared.command()(_declare)
    params = [p for p in typer.main.get_command(declared).params if p.name != "help"]
    for param in params:
        param.expose_value = False
        param.callback = _keep
    return tuple(params)


def _keep(ctx: Any, param: Any, value: Any) -> Any:
    if value is not None:
        ctx.find_root().ensure_object(dict)[param.name] = value
    return value


def read(ctx: typer.Context) -> Options:
    """What was said, wherever on the line; UsageError for a face that the command does not have."""
    kept = ctx.find_root().obj
    said = Options(**{name: value for name, value in kept.items() if name in Options._fields})
    said = said._replace(format=Format(said.format))  # typer keeps the word
    if said.format in OF_GATES and kept.get("command") not in _GATES:
        known = ", ".join(face for face in Format if face not in OF_GATES)
        raise UsageError(f"{ctx.command_path} has no --format {said.format}", f"one of {known}")
    return said
