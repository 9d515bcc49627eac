"""The command reference, from the commands' own help and the answers' own fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, NamedTuple

import typer

from perfctl.answers.alerts import AlertSummary
from perfctl.answers.cache import CacheSummary
from perfctl.answers.database import PatternSummary
from perfctl.answers.deploys import DeployRow, PackageChanges
from perfctl.answers.doctor import Finding
from perfctl.answers.endpoints import EndpointSummary
from perfctl.answers.errors import ErrorGroup
from perfctl.answers.health import Check
from perfctl.answers.requests import RequestRow
from perfctl.answers.spans import SpanSummary
from perfctl.answers.summary import Summary
from perfctl.answers.upkeep import StoreCheck, StoreInfo
from perfctl.cli import COMMANDS, app
from perfctl.collectors.cycle import Collected
from perfctl.deps.report import PackageRow, Scan, VulnerabilityRow
from perfctl.options import global_params
from perfctl.prune_report import Report, TableRow


class Shown(NamedTuple):
    """One command as a reader calls it."""

    name: str
    """With its group: `db info`."""
    heading: str
    command: Any


def shown_commands() -> Iterator[Shown]:
    """Every command that can be called, in the order of the help."""
    group = typer.main.get_command(app)
    context = group.make_context("perfctl", ["doctor"], resilient_parsing=True)
    for entry in COMMANDS:
        command = group.get_command(context, entry.name)
        subcommands = getattr(command, "commands", {})
        for name, subcommand in subcommands.items():
            yield Shown(f"{entry.name} {name}", entry.heading, subcommand)
        if not subcommands:
            yield Shown(entry.name, entry.heading, command)


def example_of(command: Any) -> str:
    """The command line that the help ends with."""
    return str(command.epilog or "").removeprefix("Example: ")


def own_params(command: Any) -> list[Any]:
    """The parameters that a command has beside those of every command."""
    shared = {opt for param in global_params() for opt in param.opts}
    return [param for param in command.params if not shared.intersection(param.opts)]


def field_names(kind: Any) -> list[str]:
    """The fields of a NamedTuple or a dataclass."""
    return [field.name for field in fields(kind)] if is_dataclass(kind) else list(kind._fields)


def _listed(name: str, kind: Any) -> str:
    return f"`{name}[]`: {_names(kind)}"


def _names(kind: Any) -> str:
    return ", ".join(f"`{name}`" for name in field_names(kind))


DATA = {
    "health": f"`status`; {_listed('checks', Check)}",
    "summary": _names(Summary),
    "endpoints": (
        f"{_listed('endpoints', EndpointSummary)}; of one route also"
        f" {_listed('spans', SpanSummary)}, `spans_window{{since, until}}`; with"
        " `--compare` also `before{…}` and `change{…}` a row, `compared_with` and `gone[]`"
    ),
    "requests": _listed("requests", RequestRow),
    "database": _listed("patterns", PatternSummary),
    "cache": _listed("caches", CacheSummary),
    "alerts list": _listed("alerts", AlertSummary),
    "errors list": _listed("groups", ErrorGroup),
    "why": (
        "`subject`; `verdict`: `found`, `nothing_fits`, `no_change` or `cannot_tell`; `change`:"
        " `metric`, `unit`, `at`, `interval{since, until}`, `from`, `to`, `ratio`, `is_worse`,"
        " `samples`, `strength`, `is_assumed`, `until`, `other_routes`, or null; `suspects[]`:"
        " `kind`, `what`, `score`, `for`, `against`, `under`; `cleared[]` and `unknown[]`: `kind`, `what`;"
        " `other_changes[]`"
    ),
    "deploy list": (
        f"{_listed('deploys', DeployRow)}; {_listed('package_changes', PackageChanges)}"
    ),
    "deps": (
        f"{_names(Scan)}; {_listed('packages', PackageRow)};"
        f" {_listed('vulnerabilities', VulnerabilityRow)}"
    ),
    "query": "`rows[]`: the columns of the statement",
    "collect": _names(Collected),
    "db info": _names(StoreInfo),
    "db check": _names(StoreCheck),
    "prune": f"{_names(Report)}; {_listed('tables', TableRow)}",
    "doctor": _listed("findings", Finding),
}
"""What stands under `data` in the JSON of a command."""

INTRODUCTION = """\
# Command reference

Made by `make docs` from the commands' own help: change that, not this page.

    perfctl [OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]

## Options of every command

They stand before or after the command: `perfctl --since 7d endpoints` is `perfctl endpoints --since 7d`.

"""

COMMON = """\

**When.** `90s`, `15m`, `24h`, `7d`, `2w` or a sum such as `1h30m`: so long ago. `2026-11-24`,
`2026-11-24T08:15`, `now`, `today`, `yesterday`: a moment, local unless it names a zone. `deploy:REF`
is a deploy (see [deploys](deploys.md)); `--since deploy:REF` alone ends at the next one. The window is
`[since, until)` over the start of requests, by default 24 h and 5 min for `health`. Its edges are
rounded out to the finest rollup cell that is still kept there, and the answer names the window that
it used.

**Formats.** `table` is for people: it fits the terminal, is not cut in a pipe, and lists 20 rows unless
`--limit` says otherwise. `json` is the whole answer in an envelope. `ndjson`, `csv`, `tsv` and `md`
are the rows of the answer's first list without the envelope. Colour is left out off a terminal, with
`--no-color` and where `NO_COLOR` is set; `COLUMNS` sets the width of a terminal.

**The envelope** of `--format json`. What is not known is `null`, never 0.

```json
{
  "schema": "perfctl.endpoints/1",
  "generated_at": "2026-11-24T12:00:00.000Z",
  "window": {"since": "…", "until": "…", "tz": "UTC"},
  "coverage": {"samples": 652, "hosts": ["web1"], "dropped": 0, "pending_bytes": 0, "newest_age_s": 4.2},
  "data": {},
  "warnings": []
}
```

**Exit codes.**

| code | meaning |
|---|---|
| 0 | ran; nothing at or above what the command fails on |
| 1 | a finding: `health` at or above `--fail-on`, a problem in `doctor`, damage in `db check` |
| 2 | wrong usage or configuration; a route that does not exist (with the nearest that do) |
| 3 | cannot tell: no data in the window, no such store, too few samples; never reported as fine |
| 4 | the environment: a missing extra, another user's store, a store that cannot be read, a bug |
| 130 | interrupted |

With 1 and 3 the answer stands on stdout as it does with 0, unless there is nothing yet that could be asked
(no store for `db`, no request for a route). With 2 and 4 stdout is empty and stderr says what to do.
"""


def page() -> str:
    """The text of docs/cli.md."""
    parts = [INTRODUCTION, _table(list(global_params())), COMMON]
    heading = ""
    for shown in shown_commands():
        if shown.heading != heading:
            heading = shown.heading
            parts.append(f"\n## {heading}\n")
        parts.append(_section(shown))
    return "".join(parts)


def _section(shown: Shown) -> str:
    params = own_params(shown.command)
    lines = [f"\n### `perfctl {_usage(shown.name, params)}`\n", f"{shown.command.help}\n"]
    if params:
        lines.append(_table(params))
    if shown.name in DATA:
        lines.append(f"JSON `data`: {DATA[shown.name]}.\n")
    lines.append(f"```sh\n{example_of(shown.command)}\n```\n")
    return "\n".join(lines)


def _usage(name: str, params: list[Any]) -> str:
    arguments = [
        param.metavar if param.required else f"[{param.metavar}]"
        for param in params
        if param.param_type_name == "argument"
    ]
    return " ".join([name, *arguments])


def _table(params: list[Any]) -> str:
    rows = ["| option | meaning |", "|---|---|"]
    rows += [f"| {_spelled(param)} | {_meaning(param)} |" for param in params]
    return "\n".join(rows) + "\n"


def _spelled(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{param.metavar}`"
    value = "" if param.is_flag else f" {param.metavar or param.name.upper()}"
    return ", ".join(f"`{opt}{value}`" for opt in param.opts)


def _meaning(param: Any) -> str:
    """The help, the choices that it does not name itself, and the default."""
    text = param.help
    choices = [str(choice) for choice in getattr(param.type, "choices", ())]
    if choices:
        text += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    default = param.default.value if isinstance(param.default, Enum) else param.default
    return text if default is None or default is False else f"{text} Default: `{default}`."
