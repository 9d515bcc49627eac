"""`deps`: what is vulnerable, what could not be verified, what is outdated; what is well is counted."""

from __future__ import annotations

from collections.abc import Iterator

from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.deps.report import PackageRow, Scan, VulnerabilityRow
from perfctl.render.glyphs import cut_end
from perfctl.render.table import NONE, Cell, Column, Row, draw
from perfctl.render.text import cut, footer, heading, join, notes
from perfctl.render.values import say_count, say_moment

_COLUMNS = (
    Column("status"),
    Column("package", cut=cut_end, least=12),
    Column("installed"),
    Column("latest"),
    Column("move", drop=1),
    Column("imported", drop=2),
    Column("required by", cut=cut_end, least=10, drop=3),
)
_SIGNS = {
    "vulnerable": ("✖", "red"),
    "unverified": ("?", "yellow"),
    "outdated": ("▲", "yellow"),
    "ok": ("●", "green"),
}
_SEVERITIES = {"critical": "bold red", "high": "red", "medium": "yellow", "unknown": "yellow"}


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """The worst first."""
    scan: Scan = answer.data
    found = [row for row in scan.packages if row.status != "ok" or row.vulnerabilities]
    shown = cut(found, limit)
    return join(
        heading("Dependencies", list(_pieces(scan)), console),
        "\n".join(_about(scan)),
        "\n" + draw(_COLUMNS, [_row(row) for row in shown], console) if shown else "",
        footer(len(shown), len(found), "packages", console),
        notes(answer, console),
    )


def _pieces(scan: Scan) -> Iterator[str]:
    yield say_count(scan.total, "package")
    for status in _SIGNS:
        count = sum(row.status == status for row in scan.packages)
        if count:
            yield f"{count:,} {status}"


def _about(scan: Scan) -> Iterator[str]:
    yield f"{scan.target} ({scan.origin})"
    as_of = "" if scan.advisories_as_of is None else f" as of {say_moment(scan.advisories_as_of)}"
    by = f" by {scan.tool}" if scan.tool else ""
    yield f"audited {scan.audited:,} of {scan.total:,}{by} · advisories of {scan.advisories_from}{as_of}"


def _row(row: PackageRow) -> Row:
    sign, style = _SIGNS[row.status]
    return Row(
        (
            Cell(f"{sign} {row.status}", style),
            Cell(row.name, "bold"),
            Cell(row.installed or NONE),
            Cell(row.latest or NONE),
            Cell(row.update_type or ""),
            Cell(row.imported or ""),
            Cell(", ".join(row.required_by[:3])),
        ),
        tuple(_notes(row)),
    )


def _notes(row: PackageRow) -> Iterator[Cell]:
    for found in row.vulnerabilities:
        yield Cell(_say(found), "dim" if found.ignored else _SEVERITIES.get(found.severity, ""))
    if row.problem is not None:
        yield Cell(f"{row.problem}{' (allowed)' if row.allowed else ''}", "dim")
    if row.project_status is not None:
        yield Cell(f"the project is {row.project_status}", "yellow")
    if row.yanked is not None:
        yield Cell(f"{row.installed} was yanked{': ' if row.yanked else ''}{row.yanked}", "yellow")
    if row.held_back is not None:
        yield Cell(f"{row.held_back} is there, but does not fit or is too young", "dim")


def _say(found: VulnerabilityRow) -> str:
    score = "" if found.score is None else f" {found.score:g}"
    fix = f"fixed in {', '.join(found.fixed_in)}" if found.fixed_in else "no fix known"
    pieces = [f"{found.id} {found.severity}{score}", fix]
    sources = {rating.severity for rating in found.ratings}
    if len(sources) > 1:
        pieces.append(", ".join(f"{r.source} says {r.severity}" for r in found.ratings[1:]))
    if found.is_new:
        pieces.append("new")
    if found.exploited:
        pieces.append("known to be exploited")
    if found.ignored:
        pieces.append(f"ignored: {found.ignored}")
    if found.ignore_ended:
        pieces.append("its ignore has ended")
    return " · ".join([*pieces, found.summary] if found.summary else pieces)
