"""`database`: query patterns by their cost, and below them the lines that ask once a row."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.answers.database import PatternSummary
from perfctl.console import Console
from perfctl.render.sparkline import share_bar
from perfctl.render.statement import cut_statement
from perfctl.render.table import Cell, Column, Row, draw
from perfctl.render.text import about, cut, empty, footer, heading, join, notes
from perfctl.render.values import (
    cell_count,
    cell_mean,
    cell_ms,
    cell_times,
    say_count,
    say_ms,
)

_COLUMNS = (
    Column("calls", is_right=True),
    Column("/req", is_right=True),
    Column("avg", is_right=True),
    Column("p95", is_right=True, drop=1),
    Column("max", is_right=True, drop=4),
    Column("total", is_right=True, drop=3),
    Column("share", drop=2),
    Column("db", drop=5),
    Column("id", drop=6),
    Column("pattern", cut=cut_statement, least=40),
)
_SHARE = 5


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """A line a pattern; a call site of N+1 or duplicates stands below it."""
    found: list[PatternSummary] = answer.data["patterns"]
    if not found:
        what = "queries" if not answer.coverage.samples else "such queries"
        return empty(what, answer, console, store)
    shown = cut(found, limit)
    total_ms = sum(row.total_ms for row in found)
    has_aliases = console.width is None or len({row.alias for row in found}) > 1
    pieces = [
        f"{say_count(sum(row.calls for row in found), 'call')} in {say_ms(total_ms)}",
        say_count(len(found), "pattern"),
        *about(answer),
    ]
    return join(
        heading("Database", pieces, console),
        "\n" + draw(_COLUMNS, [_row(row, has_aliases) for row in shown], console),
        footer(len(shown), len(found), "patterns", console),
        notes(answer, console),
    )


def _row(row: PatternSummary, has_aliases: bool) -> Row:
    cells = (
        Cell(cell_count(row.calls)),
        Cell(cell_mean(row.per_request)),
        Cell(cell_ms(row.avg_ms)),
        Cell(cell_ms(row.p95_ms)),
        Cell(cell_ms(row.max_ms)),
        Cell(cell_ms(row.total_ms)),
        Cell(share_bar(row.share, _SHARE), "cyan"),
        Cell(row.alias if has_aliases else ""),
        Cell(row.fingerprint, "dim"),
        Cell(row.sql),
    )
    note = _finding(row)
    return Row(cells, (Cell(note, "yellow"),) if note else ())


def _finding(row: PatternSummary) -> str:
    """What is asked again and again, where, and what to add: `N+1 ×12 at items/views.py:33 …`."""
    kinds = {"N+1": row.n_plus_one, "duplicates": row.duplicates}
    said = ", ".join(f"{name} {cell_times(count)}" for name, count in kinds.items() if count)
    if not said and row.call_site is None:
        return ""
    place = " at ".join(piece for piece in (said, row.call_site) if piece)
    hint = f": {row.detail}" if row.detail else ""
    return f"{place}{hint}{_where(row)}"


def _where(row: PatternSummary) -> str:
    if not row.endpoints:
        return ""
    others = f" and {len(row.endpoints) - 1} more" if len(row.endpoints) > 1 else ""
    return f" · {row.endpoints[0]}{others}"
