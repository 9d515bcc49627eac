"""`summary`: the window on one screen of 80 by 24."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perfctl.answers.answer import Answer
from perfctl.answers.summary import Summary
from perfctl.console import Console
from perfctl.render.glyphs import cut_middle, pad
from perfctl.render.style import mark, paint
from perfctl.render.table import Cell, Column, Row, draw
from perfctl.render.text import about, empty, flow, heading, join, notes
from perfctl.render.values import cell_count, cell_mean, cell_ms, cell_ratio, say_count, say_ms
from perfctl.units import format_count, format_ratio

_LEFT = 8
_LINES = 22
"""Of 24: the prompt and one line of notes are left."""
_ROUTE = (
    Column("most time", cut=cut_middle, least=20),
    Column("total", is_right=True),
    Column("count", is_right=True),
    Column("p95", is_right=True),
    Column("errors", is_right=True),
)
_ERROR = (Column("errors", cut=cut_middle, least=20), Column("count", is_right=True), Column("id"))
_MOST_ERRORS = 3
_MOST_ALERTS = 2


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """Totals and open alerts, the routes that cost most and the slowest, then errors."""
    summary: Summary = answer.data
    if not summary.requests and not summary.alerts:
        return empty("requests", answer, console, store)
    pieces = [say_count(summary.requests, "request"), *about(answer)]
    totals = "\n".join(_totals(summary, console))
    head = join(heading("Summary", pieces, console), f"\n{totals}")
    errors = _errors(summary, console)
    used = len(f"{head}\n{errors}".split("\n"))
    routes = _routes(summary, (_LINES - used - 4) // 2, console)
    return join(head, routes, errors, notes(answer, console))


def _totals(summary: Summary, console: Console) -> Iterator[str]:
    room = None if console.width is None else max(1, console.width - _LEFT - 2)
    for name, pieces in _kinds(summary):
        said = [piece for piece in pieces if piece]
        for index, line in enumerate(flow(said, room, "   ")):
            left = pad("" if index else name, _LEFT)
            yield f"{paint(left, 'dim', console)}  {line}"


def _kinds(summary: Summary) -> list[tuple[str, list[str]]]:
    statuses = [f"{name} {format_count(count)}" for name, count in summary.status.items()]
    queries = None if summary.queries_avg is None else cell_mean(summary.queries_avg)
    return [
        ("traffic", [f"{cell_mean(summary.per_minute)} a minute", *statuses]),
        ("duration", _durations(summary)),
        (
            "faults",
            [
                _ratio("errors", summary.error_rate),
                f"slow {summary.slow_count:,}",
                "" if summary.n_plus_one_count is None else f"N+1 in {summary.n_plus_one_count:,}",
            ],
        ),
        (
            "load",
            [
                f"SQL {queries} a request" if queries else "",
                _ratio("cache hits", summary.cache_hit_rate),
                _ratio("CPU", summary.cpu_avg),
                _ratio("memory", summary.memory_avg),
            ],
        ),
        ("alerts", _alerts(summary.alerts)),
    ]


def _durations(summary: Summary) -> list[str]:
    named = {
        "avg": summary.avg_ms,
        "p50": summary.p50_ms,
        "p95": summary.p95_ms,
        "p99": summary.p99_ms,
        "max": summary.max_ms,
    }
    return [f"{name} {say_ms(value)}" for name, value in named.items() if value is not None]


def _ratio(name: str, ratio: float | None) -> str:
    return "" if ratio is None else f"{name} {format_ratio(ratio)}"


def _alerts(alerts: list[dict[str, Any]]) -> list[str]:
    said = [
        f"{mark(alert['severity']).sign} {alert['rule']} {alert['subject']} ({alert['status']})"
        for alert in alerts[:_MOST_ALERTS]
    ]
    more = [f"and {len(alerts) - len(said)} more"] if len(alerts) > len(said) else []
    return [*said, *more] or ["none open"]


def _routes(summary: Summary, most: int, console: Console) -> str:
    """Both lists in one table, so that their columns line up."""
    if not summary.busiest:
        return ""
    titles = [Cell("slowest" if i == 0 else c.title, "bold") for i, c in enumerate(_ROUTE)]
    rows = [
        *(_route(route) for route in summary.busiest[: max(2, most)]),
        Row([""] * len(_ROUTE)),
        Row(titles),
        *(_route(route) for route in summary.slowest[: max(2, most)]),
    ]
    return "\n" + draw(_ROUTE, rows, console, has_rule=False)


def _route(route: dict[str, Any]) -> Row:
    return Row(
        (
            f"{route['method']} {route['route']}",
            cell_ms(route["total_ms"]),
            cell_count(route["count"]),
            cell_ms(route["p95_ms"]),
            Cell(cell_ratio(route["error_rate"]), "yellow" if route["error_rate"] else "dim"),
        )
    )


def _errors(summary: Summary, console: Console) -> str:
    if not summary.errors:
        return ""
    rows: list[Row] = []
    for found in summary.errors[:_MOST_ERRORS]:
        group: dict[str, Any] = found
        status = "" if group["status"] == "open" else f" ({group['status']})"
        what = f"{group['type']} {group['location'] or ''}{status}"
        rows.append(Row((what, f"×{format_count(group['count'])}", Cell(group["id"], "dim"))))
    return "\n" + draw(_ERROR, rows, console, has_rule=False)
