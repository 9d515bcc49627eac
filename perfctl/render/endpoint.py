"""One endpoint with all its numbers, in words."""

from __future__ import annotations

from collections.abc import Callable

from perfctl.answers.endpoints import EndpointSummary
from perfctl.answers.spans import SpanSummary
from perfctl.console import Console
from perfctl.render.glyphs import pad
from perfctl.render.sparkline import sparkline
from perfctl.render.style import paint
from perfctl.render.text import flow, heading
from perfctl.render.values import cell_mean, say_count, say_ms
from perfctl.units import format_count, format_ratio
from perfctl.visible import visible

_NOT_MEASURED = "not measured"
_LEFT = 8
_TREND = 24


def render_endpoint(
    found: list[EndpointSummary], spans: list[SpanSummary], pieces: list[str], console: Console
) -> str:
    """The numbers of each method of a route, by kind."""
    if len(found) == 1:
        title = heading(f"{found[0].method} {found[0].route}", pieces, console)
        return f"{title}\n\n{_numbers(found[0], spans, console)}"
    blocks = [
        f"{paint(visible(row.method), 'bold', console)}\n"
        + _numbers(row, [span for span in spans if span.method == row.method], console)
        for row in found
    ]
    return "\n\n".join([heading(found[0].route, pieces, console), *blocks])


def _numbers(row: EndpointSummary, spans: list[SpanSummary], console: Console) -> str:
    room = None if console.width is None else max(1, console.width - _LEFT - 2)
    lines = []
    measured = [("measured" if not at else "", _span(spans[at])) for at in range(len(spans))]
    for name, pieces in [*_kinds(row), *measured]:
        for index, line in enumerate(flow([piece for piece in pieces if piece], room, "   ")):
            left = pad("" if index else name, _LEFT)
            lines.append(f"{paint(left, 'dim', console)}  {line}")
    return "\n".join(lines)


def _kinds(row: EndpointSummary) -> list[tuple[str, list[str]]]:
    statuses = [f"{name} {format_count(count)}" for name, count in row.status.items()]
    kind = "" if row.kind == "plain" else f"({row.kind})"
    kinds = [
        (
            "requests",
            [
                f"{row.count:,}",
                f"{cell_mean(row.per_minute)} a minute",
                f"{say_ms(row.total_ms)} in all",
                kind,
            ],
        ),
        ("status", [*statuses, f"errors {format_ratio(row.error_rate)}"]),
        ("duration", _durations(row)),
        ("slow", [f"{row.slow_count:,} above the threshold"]),
        ("queries", _queries(row)),
        ("N+1", _repeats(row)),
        ("cache", [_or_not(row.cache_hit_rate, lambda rate: f"{format_ratio(rate)} hits")]),
        ("queue", [_or_not(row.queue_ms_avg, lambda ms: f"{say_ms(ms)} on average")]),
    ]
    drawn = sparkline(row.trend, _TREND)
    return [*kinds, ("trend", [drawn])] if drawn else kinds


def _durations(row: EndpointSummary) -> list[str]:
    named = {
        "avg": row.avg_ms,
        "p50": row.p50_ms,
        "p95": row.p95_ms,
        "p99": row.p99_ms,
        "max": row.max_ms,
    }
    return [f"{name} {say_ms(value)}" for name, value in named.items() if value is not None]


def _queries(row: EndpointSummary) -> list[str]:
    if row.queries_avg is None:
        return [_NOT_MEASURED]
    most = "" if row.queries_max is None else f"{row.queries_max:,} at most"
    time = "" if row.db_ms_avg is None else f"{say_ms(row.db_ms_avg)} a request"
    share = "" if row.db_share is None else f"{format_ratio(row.db_share)} of the time"
    return [f"{cell_mean(row.queries_avg)} a request", most, time, share]


def _repeats(row: EndpointSummary) -> list[str]:
    if row.queries_avg is None:
        return [_NOT_MEASURED]
    if not row.n_plus_one and not row.duplicates:
        return ["none"]
    return [
        f"in {say_count(row.n_plus_one, 'request')}" if row.n_plus_one else "none",
        f"duplicate queries in {row.duplicates:,}" if row.duplicates else "",
        "see perfctl database --n-plus-one" if row.n_plus_one else "",
    ]


def _span(span: SpanSummary) -> list[str]:
    return [
        visible(span.name),
        f"{say_ms(span.avg_ms)} a call",
        f"{cell_mean(span.calls / span.requests)} a request in {span.requests:,}",
        f"{say_ms(span.total_ms)} in all",
    ]


def _or_not(value: float | None, say: Callable[[float], str]) -> str:
    return _NOT_MEASURED if value is None else say(value)
