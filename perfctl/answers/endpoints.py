"""`endpoints`: what each route did in a window."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from perfctl import sketch
from perfctl.answers import traffic, trend
from perfctl.answers.answer import Answer, Question, answer
from perfctl.answers.spans import summarise_spans
from perfctl.answers.traffic import Traffic
from perfctl.config import Config
from perfctl.errors import NoDataError, UsageError
from perfctl.model import EndpointKind
from perfctl.recording.check import METHODS
from perfctl.stats import ratio
from perfctl.store import endpoints
from perfctl.units import iso_utc


class Order(StrEnum):
    """What decides which route comes first."""

    TOTAL = "total"
    COUNT = "count"
    AVG = "avg"
    P95 = "p95"
    ERRORS = "errors"
    QUERIES = "queries"
    ROUTE = "route"


@dataclass(frozen=True, slots=True)
class EndpointSummary:
    """One route and method in the window; what was not measured is None."""

    method: str
    route: str
    count: int
    per_minute: float
    avg_ms: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float
    error_rate: float
    slow_count: int
    status: dict[str, int]
    queries_avg: float | None
    queries_max: int | None
    n_plus_one: int | None
    duplicates: int | None
    db_ms_avg: float | None
    db_share: float | None
    cache_hit_rate: float | None
    queue_ms_avg: float | None
    total_ms: float
    kind: str
    trend: list[float | None]


def summarise_endpoints(
    question: Question,
    config: Config,
    *,
    route: str | None = None,
    method: str | None = None,
    order: Order = Order.TOTAL,
    with_probes: bool = False,
) -> Answer:
    """Every route of the window, the one that took most time first; or one route alone."""
    if route is not None:
        method, route = split_route(route, method)
    found, used = traffic.read(question, config.retention)
    shown = [item for item in found if with_probes or route or traffic.is_counted(item)]
    if route is not None and found:  # without data nothing can be said about a route
        route = resolve_route(question, route)
        shown = [item for item in shown if item.endpoint.route == route]
    if method is not None:
        shown = [item for item in shown if item.endpoint.method == method.upper()]
    trends = trend.averages(question, used)
    rows = [
        summarise(item, used.length_ms, config, trends.get(item.endpoint, [])) for item in shown
    ]
    rows.sort(key=_KEYS[order])
    data: dict[str, object] = {"endpoints": rows}
    if route is not None:
        methods = {row.method for row in rows}
        spans, window = summarise_spans(question, config.retention, route)
        data["spans"] = [span for span in spans if span.method in methods]
        data["spans_window"] = {
            "since": iso_utc(window.since_ms),
            "until": iso_utc(window.until_ms),
        }
    samples = sum(row.count for row in rows if row.kind != "probe" or route)
    return answer(question, "endpoints", data, samples, used)


def split_route(text: str, method: str | None = None) -> tuple[str | None, str]:
    """The method and the route of `GET /items/`, as tables write it; the method may be said apart."""
    leading, _, route = text.partition(" ")
    if leading.upper() not in METHODS or not route:
        return method, text
    if method is not None and method.upper() != leading.upper():
        raise UsageError(f"{text!r} is not of --method {method}", "say the method once")
    return leading.upper(), route.strip()


def resolve_route(question: Question, route: str) -> str:
    """The route as it is stored; UsageError with the nearest for one that does not exist."""
    known = endpoints.routes(question.con)
    if not known:
        raise NoDataError("no requests are recorded yet", "perfctl doctor")
    for candidate in (route, f"/{route}", route.rstrip("/"), f"{route}/", f"/{route.strip('/')}/"):
        if candidate in known:
            return candidate
    near = get_close_matches(route, known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else "perfctl endpoints lists all routes"
    raise UsageError(f"no route {route!r} is recorded", hint)


def summarise(
    item: Traffic, length_ms: int, config: Config, points: list[float | None]
) -> EndpointSummary:
    """One route's row; a quantile is never shown above the largest value seen."""
    endpoint, cell, counts = item.endpoint, item.cell, item.counts
    p50, p95, p99 = (
        None if value is None else min(value, cell.max_us) / 1000
        for value in sketch.quantiles(counts, (0.5, 0.95, 0.99))
    )
    limit_ms = config.for_route(endpoint.method, endpoint.route).request_ms.threshold
    is_watched = cell.watched_requests > 0
    return EndpointSummary(
        method=endpoint.method,
        route=endpoint.route,
        count=cell.requests,
        per_minute=cell.requests / (length_ms / 60_000),
        avg_ms=cell.sum_us / cell.requests / 1000,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        max_ms=cell.max_us / 1000,
        error_rate=cell.errors / cell.requests,
        slow_count=sketch.count_above(counts, int(limit_ms * 1000))
        if traffic.is_timed(item)
        else 0,
        status={f"{status_class}xx": count for status_class, count in item.by_class.items()},
        queries_avg=ratio(cell.queries, cell.watched_requests),
        queries_max=cell.queries_max if is_watched else None,
        n_plus_one=cell.n_plus_one if is_watched else None,
        duplicates=cell.duplicates if is_watched else None,
        db_ms_avg=_ms(ratio(cell.db_us, cell.watched_requests)),
        db_share=min(1.0, cell.db_us / cell.sum_us) if is_watched and cell.sum_us else None,
        cache_hit_rate=ratio(cell.cache_hits, cell.cache_hits + cell.cache_misses),
        queue_ms_avg=_ms(ratio(cell.queue_us, cell.queue_requests)),
        total_ms=cell.sum_us / 1000,
        kind=EndpointKind(endpoint.kind).name.lower(),
        trend=points,
    )


def _ms(value_us: float | None) -> float | None:
    return None if value_us is None else value_us / 1000


_KEYS = {
    Order.TOTAL: lambda row: (-row.total_ms, row.route, row.method),
    Order.COUNT: lambda row: (-row.count, row.route, row.method),
    Order.AVG: lambda row: (-row.avg_ms, row.route, row.method),
    Order.P95: lambda row: (-(row.p95_ms or 0), row.route, row.method),
    Order.ERRORS: lambda row: (-row.error_rate, -row.count, row.route),
    Order.QUERIES: lambda row: (-(row.queries_avg or 0), row.route, row.method),
    Order.ROUTE: lambda row: (row.route, row.method),
}
