"""`database`: query patterns by their cost, and below them the lines that ask once a row."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.answers.database import PatternSummary
from perfctl.console import Console
from perfctl.render.glyphs import cut_middle
from perfctl.render.sparkline import share_bar
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
    Column("a req", is_right=True),
    Column("avg", is_right=True),
    Column("p95", is_right=True),
    Column("max", is_right=True, drop=6),
    Column("total", is_right=True, drop=4),
    Column("share", drop=2),
    Column("N+1", is_right=True, drop=1),
    Column("dup", is_right=True, drop=3),
    Column("db", drop=7),
    Column("id", drop=5),
    Column("pattern", cut=cut_middle, least=32),
)
_SHARE = 6


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """A line a pattern; a call site of N+1 or duplicates stands below it."""
    found: list[PatternSummary] = answer.data["patterns"]
    if not found:
        what = "queries" if not answer.coverage.samples else "such queries"
        return empty(what, answer, console, store)
    shown = cut(found, limit)
    total_ms = sum(row.total_ms for row in found)
    aliases = {row.alias for row in found}
    pieces = [
        f"{say_count(sum(row.calls for row in found), 'call')} in {say_ms(total_ms)}",
        say_count(len(found), "pattern"),
        *about(answer),
    ]
    return join(
        heading("Database", pieces, console),
        "\n" + draw(_COLUMNS, [_row(row, len(aliases) > 1) for row in shown], console),
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
        Cell(cell_times(row.n_plus_one), "yellow"),
        Cell(cell_times(row.duplicates), "yellow"),
        Cell(row.alias if has_aliases else ""),
        Cell(row.fingerprint, "dim"),
        Cell(row.sql),
    )
    return Row(cells, () if row.call_site is None else (_call_site(row, row.call_site),))


def _call_site(row: PatternSummary, site: str) -> str:
    where = f" ({row.endpoints[0]}{_others(row)})" if row.endpoints else ""
    return f"{site}{where}: {row.detail}" if row.detail else f"{site}{where}"


def _others(row: PatternSummary) -> str:
    return f" and {len(row.endpoints) - 1} more" if len(row.endpoints) > 1 else ""
