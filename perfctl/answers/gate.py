"""What the merge gate judges: the requests of a test run one by one, or live traffic by route."""

from __future__ import annotations

from typing import NamedTuple

from perfctl import sketch
from perfctl.answers import traffic
from perfctl.answers.answer import Question
from perfctl.answers.database import name_pattern
from perfctl.answers.traffic import Traffic
from perfctl.answers.window import plan_details
from perfctl.config import Config
from perfctl.model import Level, Window
from perfctl.stats import ratio
from perfctl.store import details, errors, gate
from perfctl.store.cells import Span
from perfctl.store.details import PatternSums
from perfctl.store.gate import Pattern, PeriodRow, StoredTest
from perfctl.store.names import OTHER


class QueryUse(NamedTuple):
    """Calls of one query pattern in a request; with `is_repeated` those of an N+1."""

    pattern: str
    """12 hex digits that name it."""
    sql: str
    calls: int
    is_repeated: bool
    call_site: str | None
    """`file:line in function`, of an N+1 where it is known."""
    detail: str | None
    is_known: bool
    """False for what a record could not hold: which statements they were is lost."""


class ExactRequest(NamedTuple):
    """One request of a test."""

    test: str
    subject: str
    """`GET /items/`."""
    process: str
    duration_us: int
    queries: int | None
    """None where the connections were not watched."""
    cache_hits: int
    cache_misses: int
    uses: tuple[QueryUse, ...]


def read_tests(question: Question) -> list[ExactRequest]:
    """All requests of tests in the window, whichever run made them, in the order of the runs."""
    con = question.con
    patterns, sites = gate.patterns(con), gate.call_sites(con)
    rows = gate.select_tests(con, question.window, question.filters)
    rows.sort(key=lambda row: row.segment_id)  # stable: within a segment by the clock
    return [_exact_request(row, patterns, sites) for row in rows]


def _exact_request(
    row: StoredTest, patterns: dict[int, Pattern], sites: dict[int, tuple[str, str | None]]
) -> ExactRequest:
    return ExactRequest(
        row.test,
        f"{row.method} {row.route}",
        row.process,
        row.duration_us,
        row.queries,
        row.cache_hits,
        row.cache_misses,
        tuple(_use(*use, patterns, sites) for use in row.uses),
    )


def _use(
    pattern_id: int,
    calls: int,
    site_id: int | None,
    patterns: dict[int, Pattern],
    sites: dict[int, tuple[str, str | None]],
) -> QueryUse:
    alias, sql = patterns.get(pattern_id, Pattern(OTHER, OTHER))
    place, detail = sites.get(site_id or 0, ("", None))
    return QueryUse(
        name_pattern(alias, sql),
        sql,
        calls,
        site_id is not None,
        place or None,
        detail,
        sql != OTHER,
    )


def has_tests(question: Question) -> bool:
    """Whether the store holds requests of tests."""
    return gate.has_tests(question.con)


_MOST_PERIODS = 48
_FIRST_ERROR_CLASS = 4


class LiveRoute(NamedTuple):
    """What a route did in live traffic."""

    requests: int
    error_rate: float
    p95_ms: float | None
    """None for long polls."""
    queries_avg: float | None
    watched_requests: int
    durations: dict[int, dict[int, dict[int, int]]]
    """By status class and stretch of time: answers that were no errors, by bucket of the sketch."""
    queries: dict[int, tuple[int, int]]
    """By stretch of time: (requests whose queries were recorded, their queries)."""
    repeats: tuple[QueryUse, ...]
    """Its N+1, with the calls of a request."""


class ErrorSeen(NamedTuple):
    """An error group that occurred."""

    id: str
    type: str
    location: str | None
    status: str
    occurrences: int


class Live(NamedTuple):
    """Live traffic in a window."""

    window: Window
    routes: dict[str, LiveRoute]
    """By `GET /items/`; answers without a route of their own, as `(unmatched)`, are left out."""
    errors: tuple[ErrorSeen, ...]
    known_errors: dict[str, str]
    """The status of every error group known by the end of the window, by id."""


def read_live(question: Question, config: Config) -> Live:
    """The traffic, its N+1 and its errors in the window."""
    found, used = traffic.read(question, config.retention)
    counted = {
        f"{item.endpoint.method} {item.endpoint.route}": item
        for item in found
        if traffic.is_counted(item) and not item.endpoint.route.startswith("(")
    }
    periods = _read_periods(question, config)
    repeats = _read_repeats(question, config)
    routes = {
        subject: _live_route(item, periods.get(subject, []), repeats.get(subject, []))
        for subject, item in counted.items()
    }
    filters = question.filters
    groups = errors.select_groups(
        question.con, *question.window, filters.source, filters.host, filters.release
    )
    seen = [
        ErrorSeen(group.id, group.type, group.location, group.status, group.occurrences)
        for group in groups
    ]
    known = gate.error_statuses(question.con, filters.source, question.window.until_ms)
    return Live(used, routes, tuple(seen), known)


def _read_periods(question: Question, config: Config) -> dict[str, list[PeriodRow]]:
    """Cells of one width, as fine as they are kept over the whole window."""
    window, retention = question.window, config.retention
    age_ms = question.now_ms - window.since_ms
    level = Level.DAY
    if age_ms <= retention.hours_ms:
        level = Level.HOUR
    if age_ms <= retention.minutes_ms:
        level = Level.MINUTE
    span = Span(level, window.since_ms // level.width_ms, -(-window.until_ms // level.width_ms))
    span = gate.select_extent(question.con, span, question.filters)
    width = max(1, -(-(span.last - span.first) // _MOST_PERIODS))
    rows: dict[str, list[PeriodRow]] = {}
    for row in gate.select_periods(question.con, span, width, question.filters):
        rows.setdefault(f"{row.method} {row.route}", []).append(row)
    return rows


def _read_repeats(question: Question, config: Config) -> dict[str, list[QueryUse]]:
    """By route; of several fixes for one line that of the costliest is told."""
    spans, _ = plan_details(question.window, question.now_ms, config.retention)
    places: dict[tuple[str, ...], list[PatternSums]] = {}
    for sums in details.select_queries(question.con, spans, question.filters):
        if sums.cell.n_plus_one:
            place = (sums.method, sums.route, sums.alias, sums.fingerprint, sums.location)
            places.setdefault(place, []).append(sums)  # one a span of the window
    found: dict[str, list[QueryUse]] = {}
    for (method, route, *_), of_spans in places.items():
        found.setdefault(f"{method} {route}", []).append(_live_repeat(of_spans))
    return found


def _live_repeat(of_spans: list[PatternSums]) -> QueryUse:
    """An N+1 at its place, with the calls of the mean request that showed it."""
    first = of_spans[0]
    calls = sum(sums.cell.calls for sums in of_spans)
    return QueryUse(
        name_pattern(first.alias, first.fingerprint),
        first.fingerprint,
        round(calls / sum(sums.cell.n_plus_one for sums in of_spans)),
        True,
        first.location or None,
        max(of_spans, key=lambda sums: sums.cell.sum_us).detail,
        first.fingerprint != OTHER,
    )


def _live_route(item: Traffic, periods: list[PeriodRow], repeats: list[QueryUse]) -> LiveRoute:
    cell = item.cell
    is_timed = traffic.is_timed(item)
    (p95_us,) = sketch.quantiles(item.counts, (0.95,)) if is_timed else (None,)
    return LiveRoute(
        cell.requests,
        cell.errors / cell.requests,
        None if p95_us is None else min(p95_us, cell.max_us) / 1000,
        ratio(cell.queries, cell.watched_requests),
        cell.watched_requests,
        _durations(periods) if is_timed else {},
        _queries(periods),
        tuple(repeats),
    )


def _durations(periods: list[PeriodRow]) -> dict[int, dict[int, dict[int, int]]]:
    found: dict[int, dict[int, dict[int, int]]] = {}
    for row in periods:
        if row.status_class < _FIRST_ERROR_CLASS:
            found.setdefault(row.status_class, {})[row.period] = _buckets(row.sketch)
    return found


def _queries(periods: list[PeriodRow]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for row in periods:
        watched, queries = found.get(row.period, (0, 0))
        found[row.period] = watched + row.watched_requests, queries + row.queries
    return found


def _buckets(blob: bytes) -> dict[int, int]:
    return {bucket: n for bucket, n in enumerate(sketch.decode(blob)) if n}


def read_runtime(question: Question) -> dict[str, str]:
    """On which Python, Django and database the records were made, as far as the feeders said."""
    return gate.runtime(question.con)
