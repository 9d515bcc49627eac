"""`deploy`: the time line, newest first; below each deploy what it changed in the packages."""

from __future__ import annotations

from collections.abc import Sequence

from perfctl.answers.answer import Answer
from perfctl.answers.deploys import DeployRow, PackageChange, PackageChanges
from perfctl.console import Console
from perfctl.render.glyphs import cut_end, cut_middle, wrap
from perfctl.render.style import paint
from perfctl.render.table import Cell, Column, Row, draw
from perfctl.render.text import cut, empty, footer, heading, join, notes, render_pairs
from perfctl.render.values import say_count, say_moment
from perfctl.visible import visible

_COLUMNS = (
    Column("deployed"),
    Column("release", cut=cut_end, least=20),
    Column("commit", drop=1),
    Column("environment", drop=3, cut=cut_end, least=12),
    Column("host", drop=5, cut=cut_end, least=12),
    Column("first request", drop=4),
    Column("packages", is_right=True, drop=2),
    Column("state"),
)
_CHANGE_COLUMNS = (
    Column("found"),
    Column("host", drop=2, cut=cut_end, least=12),
    Column("environment", drop=1, cut=cut_middle, least=20),
)
_COMMIT = 12
_MOST = 8


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """The list of deploys, or the one that was marked."""
    if answer.command == "deploy.mark":
        return _render_mark(answer, console)
    found: list[DeployRow] = answer.data["deploys"]
    changed: list[PackageChanges] = answer.data["package_changes"]
    blocks = []
    if found:
        shown = cut(found, limit)
        blocks += [
            heading("Deploys", [say_count(len(found), "deploy")], console),
            "\n" + draw(_COLUMNS, [_row(row) for row in shown], console),
            footer(len(shown), len(found), "deploys", console),
        ]
    else:
        blocks.append(empty("deploys", answer, console, store))
    if changed:
        shown_changes = cut(changed, limit)
        rows = [_change_row(row) for row in shown_changes]
        blocks += [
            "\n" + paint("Packages that changed between collections", "bold", console),
            draw(_CHANGE_COLUMNS, rows, console),
            footer(len(shown_changes), len(changed), "changes", console),
        ]
    return join(*blocks, notes(answer, console) if found else "")


def _row(row: DeployRow) -> Row:
    first = row.first_request_at
    cells = (
        Cell(say_moment(row.at)),
        Cell(row.release or row.ref or "–", "bold"),
        Cell((row.commit or "–")[:_COMMIT]),
        Cell(row.environment or "–"),
        Cell(row.host or "–"),
        Cell("–" if first is None else say_moment(first)),
        Cell("–" if row.packages is None else f"{row.packages}"),
        Cell(row.state, "dim" if row.state == "seen" else ""),
    )
    return Row(cells, _notes(row.changes))


def _change_row(row: PackageChanges) -> Row:
    cells = (Cell(say_moment(row.at)), Cell(row.host), Cell(row.python_environment))
    return Row(cells, _notes(row.changes))


def _notes(changes: Sequence[PackageChange] | None) -> tuple[Cell, ...]:
    return (Cell(say_changes(changes), "cyan"),) if changes else ()


def say_changes(changes: Sequence[PackageChange], most: int = _MOST) -> str:
    """`django 5.2.1 → 5.2.8, six 1.17 (removed) and 3 more`."""
    more = f" and {len(changes) - most} more" if len(changes) > most else ""
    return ", ".join(change.text for change in changes[:most]) + more


def _render_mark(answer: Answer, console: Console) -> str:
    row: DeployRow = answer.data["deploy"]
    said = "marked" if answer.data["is_new"] else "was marked already; nothing is changed"
    pairs = {
        "deployed": say_moment(row.at),
        "release": row.release,
        "ref": row.ref,
        "commit": row.commit,
        "environment": row.environment,
        "host": row.host,
        "named by": row.origin,
        "packages": f"{row.packages or 'none'} of {answer.data['packages_of']}",
    }
    changes = "" if row.changes is None else say_changes(row.changes) or "no package changed"
    return join(
        *wrap(visible(f"{row.name}: {said}"), console.width),
        render_pairs("", {name: value for name, value in pairs.items() if value}, console),
        *wrap(visible(changes), console.width),
        notes(answer._replace(coverage=answer.coverage._replace(newest_age_s=None)), console),
    )
