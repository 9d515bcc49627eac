"""One endpoint with all its numbers, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from perfctl.answers.answer import Answer
from perfctl.answers.endpoints import EndpointSummary
from perfctl.answers.spans import SpanSummary
from perfctl.console import Console
from perfctl.model import Window
from perfctl.render.glyphs import pad
from perfctl.render.sparkline import sparkline
from perfctl.render.style import paint
from perfctl.render.text import about, flow, heading
from perfctl.render.values import cell_mean, say_count, say_ms, say_window
from perfctl.units import format_count, format_ratio, parse_moment
from perfctl.visible import visible

_NOT_MEASURED = "not measured"
_LEFT = 8
_TREND = 24
_EDGES = ("since", "until")


def render_endpoint(found: list[EndpointSummary], answer: Answer, console: Console) -> str:
    """The numbers of each method of a route, by kind."""
    pieces, spans = about(answer), _Spans.of(answer)
    if len(found) == 1:
        title = heading(f"{found[0].method} {found[0].route}", pieces, console)
        return f"{title}\n\n{_numbers(found[0], spans, console)}"
    blocks = [
        f"{paint(visible(row.method), 'bold', console)}\n" + _numbers(row, spans, console)
        for row in found
    ]
    return "\n\n".join([heading(found[0].route, pieces, console), *blocks])


class _Spans(NamedTuple):
    """What a project has timed itself, and of when that is where it is not the answer's window."""

    rows: list[SpanSummary]
    window: str | None

    @classmethod
    def of(cls, answer: Answer) -> _Spans:
        if "spans" not in answer.data:  # the only route there is: nobody asked for it
            return cls([], None)
        window = Window(*(parse_moment(answer.data["spans_window"][edge], 0) for edge in _EDGES))
        return cls(answer.data["spans"], None if window == answer.window else say_window(window))


def _numbers(row: EndpointSummary, spans: _Spans, console: Console) -> str:
    room = None if console.width is None else max(1, console.width - _LEFT - 2)
    lines = []
    measured = [_span(span) for span in spans.rows if span.method == row.method]
    if measured and spans.window:
        measured.append([f"of {spans.window}"])
    kinds = [*_kinds(row), *zip(("measured", *[""] * len(measured)), measured, strict=False)]
    for name, pieces in kinds:
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
        ("cache", [_cache(row)]),
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


def _cache(row: EndpointSummary) -> str:
    """A cell does not tell whether nobody asked a cache or nobody watched."""
    if row.cache_hit_rate is None:
        return "no look-ups, or not measured"
    return f"{format_ratio(row.cache_hit_rate)} hits"


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
