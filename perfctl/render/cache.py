"""`cache`: each alias and key prefix."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.answers.cache import CacheSummary
from perfctl.console import Console
from perfctl.render.glyphs import cut_end
from perfctl.render.sparkline import share_bar
from perfctl.render.table import Cell, Column, Row, draw
from perfctl.render.text import about, cut, empty, footer, heading, join, notes
from perfctl.render.values import cell_count, cell_ms, cell_ratio, say_count, say_ms

_COLUMNS = (
    Column("alias"),
    Column("prefix", cut=cut_end, least=16),
    Column("hit rate", is_right=True),
    Column("", drop=2),
    Column("ops", is_right=True),
    Column("hits", is_right=True, drop=5),
    Column("misses", is_right=True, drop=3),
    Column("writes", is_right=True, drop=4),
    Column("requests", is_right=True, drop=6),
    Column("avg", is_right=True),
    Column("total", is_right=True, drop=1),
)
_RATE = 10


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """A line a prefix, the most used first."""
    found: list[CacheSummary] = answer.data["caches"]
    if not found:
        return empty("cache operations", answer, console, store)
    shown = cut(found, limit)
    total_ms = sum(row.total_ms for row in found)
    ops = f"{say_count(answer.coverage.samples, 'operation')} in {say_ms(total_ms)}"
    return join(
        heading("Cache", [ops, *about(answer)], console),
        "\n" + draw(_COLUMNS, [_row(row) for row in shown], console),
        footer(len(shown), len(found), "prefixes", console),
        notes(answer, console),
    )


def _row(row: CacheSummary) -> Row:
    return Row(
        (
            Cell(row.alias),
            Cell(row.prefix),
            Cell(cell_ratio(row.hit_rate), "bold"),
            Cell(share_bar(row.hit_rate, _RATE), "cyan"),
            Cell(cell_count(row.ops)),
            Cell(cell_count(row.hits)),
            Cell(cell_count(row.misses)),
            Cell(cell_count(row.writes)),
            Cell(cell_count(row.requests)),
            Cell(cell_ms(row.avg_ms)),
            Cell(cell_ms(row.total_ms)),
        )
    )
