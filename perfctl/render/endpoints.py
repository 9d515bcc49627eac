"""`endpoints`: what each route did, or all there is to say about one."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.answers.endpoints import EndpointSummary
from perfctl.console import Console
from perfctl.render.glyphs import cut_middle
from perfctl.render.sparkline import share_bar, sparkline
from perfctl.render.table import Cell, Column, Row, draw
from perfctl.render.text import about, cut, empty, footer, heading, join, notes
from perfctl.render.values import (
    cell_count,
    cell_mean,
    cell_ms,
    cell_ratio,
    cell_times,
    say_count,
)

_COLUMNS = (
    Column("endpoint", cut=cut_middle, least=28),
    Column("count", is_right=True),
    Column("share", drop=2),
    Column("avg", is_right=True, drop=6),
    Column("p50", is_right=True, drop=1),
    Column("p95", is_right=True),
    Column("p99", is_right=True, drop=4),
    Column("max", is_right=True, drop=5),
    Column("errors", is_right=True),
    Column("SQL", is_right=True, drop=1),
    Column("N+1", is_right=True, drop=1),
    Column("db", is_right=True, drop=7),
    Column("cache", is_right=True, drop=8),
    Column("queue", is_right=True, drop=9),
    Column("slow", is_right=True, drop=11),
    Column("trend", drop=10),
)
_SHARE = 4
_TREND = 8


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """A table by the time that each took; a single route with all its numbers."""
    if "compared_with" in answer.data:
        from perfctl.render import compare

        return compare.render(answer, console, store=store, limit=limit)
    found: list[EndpointSummary] = answer.data["endpoints"]
    if not found:
        return empty("requests", answer, console, store)
    routes = len({row.route for row in found})
    pieces = [
        say_count(answer.coverage.samples, "request"),
        say_count(routes, "route"),
        *about(answer),
    ]
    if routes == 1:
        from perfctl.render.endpoint import render_endpoint

        text = render_endpoint(found, answer, console)
        return join(text, notes(answer, console))
    shown = cut(found, limit)
    whole_ms = sum(row.total_ms for row in found)
    longest = max(len(row.method) for row in shown)
    rows = [_row(row, longest, whole_ms) for row in shown]
    return join(
        heading("Endpoints", pieces, console),
        "\n" + draw(_COLUMNS, rows, console),
        footer(len(shown), len(found), "endpoints", console),
        notes(answer, console),
    )


def _row(row: EndpointSummary, longest: int, whole_ms: float) -> Row:
    return Row(
        (
            Cell(f"{row.method:<{longest}} {row.route}{_mark(row)}"),
            Cell(cell_count(row.count)),
            Cell(share_bar(row.total_ms / whole_ms if whole_ms else None, _SHARE), "cyan"),
            Cell(cell_ms(row.avg_ms)),
            Cell(cell_ms(row.p50_ms)),
            Cell(cell_ms(row.p95_ms), "bold"),
            Cell(cell_ms(row.p99_ms)),
            Cell(cell_ms(row.max_ms)),
            Cell(cell_ratio(row.error_rate), "yellow" if row.error_rate else "dim"),
            Cell(cell_mean(row.queries_avg)),
            Cell(cell_times(row.n_plus_one), "yellow"),
            Cell(cell_ratio(row.db_share)),
            Cell(cell_ratio(row.cache_hit_rate)),
            Cell(cell_ms(row.queue_ms_avg)),
            Cell(cell_count(row.slow_count), "yellow" if row.slow_count else "dim"),
            Cell(sparkline(row.trend, _TREND), "cyan"),
        )
    )


def _mark(row: EndpointSummary) -> str:
    """What keeps a row out of slow and percentiles, or of all totals."""
    return {"long": " (long poll)", "probe": " (probe)"}.get(row.kind, "")
