"""`perfctl deps`."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from perfctl import session, settings
from perfctl.collectors import deploys
from perfctl.commands import new_app
from perfctl.deps import auditing, keeping
from perfctl.deps.auditing import Asked
from perfctl.deps.report import Scan, exit_code
from perfctl.deps.settings import DepsSettings, least_of, parse_settings
from perfctl.session import Session

app = new_app()


class FailOn(StrEnum):
    """From which severity on a vulnerability is a finding."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    NEVER = "never"


@app.command(epilog="Example: perfctl deps --venv .venv --fail-on high")
def deps(
    ctx: typer.Context,
    requirement: Annotated[
        list[Path] | None,
        typer.Option(
            "-r",
            "--requirement",
            metavar="FILE",
            help="Audit a file: requirements, pyproject.toml, pylock.toml, uv.lock, poetry.lock.",
        ),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="Audit this interpreter's packages."),
    ] = None,
    venv: Annotated[
        str | None, typer.Option("--venv", metavar="DIR", help="Audit this environment.")
    ] = None,
    osv_url: Annotated[
        str | None, typer.Option("--osv-url", metavar="URL", help="The advisory service to ask.")
    ] = None,
    offline: Annotated[
        Path | None,
        typer.Option("--offline", metavar="DIR|ZIP", help="OSV records on disk in place of it."),
    ] = None,
    max_age: Annotated[
        str | None, typer.Option("--max-age", metavar="TIME", help="How old these may be: 7d.")
    ] = None,
    no_outdated: Annotated[
        bool, typer.Option("--no-outdated", help="Do not ask the index for newer releases.")
    ] = False,
    min_age: Annotated[
        str | None,
        typer.Option("--min-age", metavar="TIME", help="How long a release must lie there: 7d."),
    ] = None,
    allow_unverified: Annotated[
        list[str] | None,
        typer.Option("--allow-unverified", metavar="NAME", help="May stay unverified; repeatable."),
    ] = None,
    fail_on: Annotated[
        FailOn | None,
        typer.Option("--fail-on", help="From which severity on to exit 1 [default: low]."),
    ] = None,
    kev: Annotated[
        Path | None,
        typer.Option("--kev", metavar="FILE", help="CISA's list of exploited ones, for the order."),
    ] = None,
    epss: Annotated[
        Path | None,
        typer.Option("--epss", metavar="FILE", help="FIRST's list of likely ones, for the order."),
    ] = None,
    save: Annotated[bool, typer.Option("--save", help="Keep the scan in the store.")] = False,
    last: Annotated[
        bool, typer.Option("--last", help="Show the scan that was saved last.")
    ] = False,
) -> int:
    """Are the packages safe and current? Vulnerable, outdated, and what could not be verified.

    Audits --venv or --python, else the active virtual environment, else the project's .venv, else
    perfctl's own; with -r files in their place. Exit 1 for a finding, 3 where not all was verified.
    """
    now = session.begin(ctx)
    said = parse_settings(now.config.deps, "configuration")
    said = _with(said, osv_url, max_age, min_age, allow_unverified, fail_on)
    host, _ = settings.host_name(os.environ)
    remarks: tuple[str, ...] = ()
    if last:
        found = auditing.read_last(now.store, now.options.host)
    else:
        asked = Asked(
            tuple(requirement or ()), python, venv, offline or _path(said.offline),
            not no_outdated, kev, epss, os.environ, tuple(deploys.places(now.store, Path.cwd())),
        )  # fmt: skip
        found, remarks = _audit(now, asked, said, host)
        if save:
            session.make(now)
            keeping.save(now.store, host, found, now.now_ms)
    session.reply(now, auditing.to_answer(found, host, remarks))
    return exit_code(found, least_of(said.fail_on))


def _audit(
    now: Session, asked: Asked, said: DepsSettings, host: str
) -> tuple[Scan, tuple[str, ...]]:
    with now.console.status("audit …", is_quiet=now.options.quiet) as show:
        found, remarks = auditing.audit(
            asked, said, now.now_ms, lambda what, done, total: show(f"{what} {done} of {total}")
        )
    session.enter(now)
    return auditing.compare(found, now.store, host), remarks


def _with(
    said: DepsSettings,
    osv_url: str | None,
    max_age: str | None,
    min_age: str | None,
    allowed: list[str] | None,
    fail_on: FailOn | None,
) -> DepsSettings:
    """The settings with what the command line says of them."""
    table: dict[str, object] = {
        "osv_url": osv_url, "max_age": max_age, "min_age": min_age, "fail_on": fail_on,
        "allow_unverified": allowed,
    }  # fmt: skip
    given = {name: value for name, value in table.items() if value is not None}
    return parse_settings(given, "options", said)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
