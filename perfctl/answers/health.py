"""`health`: is it well now, and if one cannot tell, why not."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from perfctl.answers import traffic
from perfctl.answers.answer import Answer, Question, answer, has_requests
from perfctl.config import Config
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS, Level
from perfctl.spool.room import MAX_TOTAL_BYTES
from perfctl.stats import nearest_rank
from perfctl.store import cells, open_alerts, requests, systems
from perfctl.thresholds import Limits
from perfctl.units import format_duration, iso_utc

WINDOW_MS = 5 * MINUTE_MS
FEWEST = 20
"""Requests under which a window says nothing by itself."""
_TREND_MS = HOUR_MS
_TREND_POINTS = 12
_RETIRED_MS = HOUR_MS
_USUAL_GAP_S = 60.0


class Status(StrEnum):
    """How a check came out; the last two do not count in the verdict."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    IDLE = "idle"
    NOT_MEASURED = "not_measured"


_WORST_FIRST = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING)


class Check(NamedTuple):
    """One check: what was measured against which limits."""

    name: str
    value: float | None
    unit: str
    target: float | None
    threshold: float | None
    status: Status
    since: str | None
    trend: list[float | None]
    detail: str | None


class SystemNow(NamedTuple):
    """This machine's values, taken for this answer."""

    host: str
    cpu: float | None
    memory: float | None
    disk: float | None
    disk_mount: str | None
    scope: str


class Health(NamedTuple):
    """The verdict and what it stands on."""

    status: Status
    checks: list[Check]


def check_health(
    question: Question, config: Config, system: SystemNow | None, *, system_only: bool = False
) -> Answer:
    """The worst of all checks; a store that never held a request is `unknown`."""
    checks = check_system(question, config, system)
    samples = 0
    warnings: tuple[str, ...] = ()
    if not system_only:
        requests_checks, samples = check_requests(question, config)
        checks += requests_checks
        checks += [check_freshness(question), check_alerts(question)]
        if not has_requests(question.con):
            warnings = ("this store never held a request: is it the right one?",)
    status = judge(checks)
    if warnings and status not in (Status.CRITICAL,):
        status = Status.UNKNOWN
    return answer(question, "health", Health(status, checks), samples, warnings=warnings)


def judge(checks: Iterable[Check]) -> Status:
    """The worst status that counts; unknown where nothing could be measured at all."""
    found = {check.status for check in checks}
    for status in _WORST_FIRST:
        if status in found:
            return status
    return Status.OK if Status.OK in found else Status.UNKNOWN


def grade(value: float, limits: Limits) -> Status:
    """Fine up to the target, critical above the threshold, a warning between."""
    if value > limits.threshold:
        return Status.CRITICAL
    return Status.WARNING if value > limits.target else Status.OK


def check_system(question: Question, config: Config, system: SystemNow | None) -> list[Check]:
    """CPU, memory and disk: now where this machine is asked about, else of the last sample."""
    host = question.filters.host or (system.host if system else None)
    history = systems.select(
        question.con, question.now_ms - _TREND_MS, question.now_ms + MINUTE_MS, host
    )
    latest = history[-1].row if history else None
    found = []
    for name in ("cpu", "memory", "disk"):
        limits: Limits = getattr(config.thresholds, name)
        source = system or latest
        value = None if source is None else getattr(source, name)
        points = [(sample.at_ms, getattr(sample.row, name)) for sample in history]
        detail = _system_detail(name, source)
        found.append(_check(name, value, "ratio", limits, points, question.now_ms, detail))
    return found


def _system_detail(name: str, source: SystemNow | systems.SystemRow | None) -> str | None:
    if source is None:
        return "no sample within the hour: perfctl collect"
    if name == "disk":
        return source.disk_mount
    return f"of the {source.scope}" if source.scope != "machine" else None


def check_requests(question: Question, config: Config) -> tuple[list[Check], int]:
    """p95, queue time, error rate and queries; the last 20 requests where the window has fewer."""
    silence_ms = _unexpected_silence_ms(question, config)
    if silence_ms is not None:
        detail = f"none for {format_duration(silence_ms * 1000)}, though traffic is expected"
        return _without_requests(config, Status.CRITICAL, detail), 0
    found, _ = traffic.read(question, config.retention)
    counted = [item for item in found if traffic.is_counted(item)]
    count = sum(item.cell.requests for item in counted)
    if count >= FEWEST:
        measured = _measure_cells(counted)
        queued = sum(item.cell.queue_requests for item in counted)
        detail = f"{count:,} requests"
    else:
        rows = _last_requests(question)
        if len(rows) < FEWEST:
            return _without_requests(config, *_too_few(question, len(rows))), len(rows)
        count = len(rows)
        measured = _measure_rows(rows)
        queued = sum(row.queue_us is not None for row in rows)
        detail = f"the last {count} requests, since {iso_utc(rows[-1].started_ms)}"
    details = dict.fromkeys(measured, detail) | {"queue_time": _queue_detail(queued)}
    if queued < FEWEST:
        measured["queue_time"] = None
    trends = _trends(question)
    return [
        _check(
            name,
            measured[name],
            unit,
            limits,
            trends[name],
            question.now_ms,
            details[name],
            without=Status.NOT_MEASURED,
        )
        for name, unit, limits in _request_checks(config)
    ], count


def _queue_detail(queued: int) -> str:
    if queued >= FEWEST:
        return f"{queued:,} requests"
    if queued:
        return f"only {queued} requests told it, {FEWEST} are needed"
    return "no front server told it (X-Request-Start)"


def _request_checks(config: Config) -> tuple[tuple[str, str, Limits], ...]:
    limits = config.thresholds
    return (
        ("request_p95", "ms", limits.request_ms),
        ("queue_time", "ms", limits.queue_ms),
        ("error_rate", "ratio", limits.error_rate),
        ("queries", "per request", limits.queries),
    )


def _measure_cells(counted: list[traffic.Traffic]) -> dict[str, float | None]:
    timed = b"".join([item.cell.sketch for item in counted if traffic.is_timed(item)])
    return _measure(traffic.add([item.cell for item in counted]), timed)


def _measure(cell: cells.Cell, timed_sketch: bytes) -> dict[str, float | None]:
    (p95_us,) = traffic.quantiles_us(timed_sketch, cell.max_us, (0.95,))
    return {
        "request_p95": None if p95_us is None else p95_us / 1000,
        "queue_time": cell.queue_us / cell.queue_requests / 1000 if cell.queue_requests else None,
        "error_rate": cell.errors / cell.requests,
        "queries": cell.queries / cell.watched_requests if cell.watched_requests else None,
    }


def _measure_rows(rows: list[requests.StoredRequest]) -> dict[str, float | None]:
    timed = sorted(row.duration_us for row in rows if row.kind == 0)
    p95_us = nearest_rank(timed, 0.95)
    failed = sum(row.status >= 500 or bool(row.flags & 1) for row in rows)
    return {
        "request_p95": None if p95_us is None else p95_us / 1000,
        "queue_time": _mean([row.queue_us / 1000 for row in rows if row.queue_us is not None]),
        "error_rate": failed / len(rows),
        "queries": _mean([row.queries for row in rows if row.queries is not None]),
    }


def _mean(values: list[float] | list[int]) -> float | None:
    return sum(values) / len(values) if values else None


def _last_requests(question: Question) -> list[requests.StoredRequest]:
    filters = question.filters
    return requests.select(
        question.con,
        requests.Question(
            question.now_ms - DAY_MS,
            question.now_ms + MINUTE_MS,
            filters.source,
            filters.host,
            filters.release,
            most=FEWEST,
        ),
    )


def _too_few(question: Question, count: int) -> tuple[Status, str]:
    if count:
        return Status.UNKNOWN, f"only {count} requests in 24 h, {FEWEST} are needed"
    if not has_requests(question.con):
        return Status.NOT_MEASURED, "no request was ever recorded"
    return Status.IDLE, "no requests in 24 h"


def _without_requests(config: Config, status: Status, detail: str) -> list[Check]:
    return [
        Check(name, None, unit, limits.target, limits.threshold, status, None, [], detail)
        for name, unit, limits in _request_checks(config)
    ]


def _unexpected_silence_ms(question: Question, config: Config) -> int | None:
    """How long no request came, where one is expected more often; None where that is as it may be."""
    if config.expect_traffic_ms is None:
        return None
    newest_ms = requests.last_counted_ms(question.con, question.filters.source)
    if newest_ms is None:
        return None
    silence_ms = question.now_ms - newest_ms
    return silence_ms if silence_ms > config.expect_traffic_ms else None


def _trends(question: Question) -> dict[str, list[tuple[int, float | None]]]:
    step_ms = _TREND_MS // _TREND_POINTS
    last = question.now_ms // step_ms
    first = last - _TREND_POINTS + 1
    names = ("request_p95", "queue_time", "error_rate", "queries")
    span = cells.Span(Level.MINUTE, first * step_ms // MINUTE_MS, (last + 1) * step_ms // MINUTE_MS)
    slots = cells.select_slots(question.con, span, step_ms // MINUTE_MS, question.filters)
    found: dict[str, list[tuple[int, float | None]]] = {name: [] for name in names}
    for slot in range(first, last + 1):
        slices = slots.get(slot)
        measured = _measure(slices.counted, slices.timed_sketch) if slices else {}
        for name, points in found.items():
            points.append((slot * step_ms, measured.get(name)))
    begun_ms = requests.first_ms(question.con, first * step_ms)
    return {
        name: [(max(at_ms, begun_ms), point) for at_ms, point in points]
        for name, points in found.items()
    }


def _check(
    name: str,
    value: float | None,
    unit: str,
    limits: Limits,
    points: list[tuple[int, float | None]],
    now_ms: int,
    detail: str | None,
    *,
    without: Status = Status.UNKNOWN,
) -> Check:
    status = without if value is None else grade(value, limits)
    since = None
    if status in (Status.WARNING, Status.CRITICAL):
        since = iso_utc(_begin(points, lambda point: point > limits.target, now_ms))
    trend = [point for _, point in thin(points)]
    return Check(name, value, unit, limits.target, limits.threshold, status, since, trend, detail)


def _begin(
    points: list[tuple[int, float | None]], is_bad: Callable[[float], bool], now_ms: int
) -> int:
    """Where the run of bad points that reaches up to now began."""
    begun = now_ms
    for at_ms, point in reversed(points):
        if point is not None and not is_bad(point):
            break
        if point is not None:
            begun = at_ms
    return begun


def thin(points: list[tuple[int, float | None]], most: int = 30) -> list[tuple[int, float | None]]:
    """At most so many points, evenly spread, the newest among them."""
    step = max(1, -(-len(points) // most))
    return points[::-1][::step][::-1]


def check_freshness(question: Question) -> Check:
    """How old the newest sample is, in terms of how often one is taken."""
    latest_ms = question.now_ms + MINUTE_MS  # one whose clock is ahead says nothing of the others
    known = systems.collectors(question.con)
    newest = max((c.last_ms for c in known if c.last_ms <= latest_ms), default=None)
    stale: list[str] = []
    age_s = interval_s = None
    for collector in systems.collectors(question.con):
        its_age_s = max(0.0, (question.now_ms - collector.last_ms) / 1000)
        its_interval_s = collector.interval_s or _usual_gap_s(question, collector.host)
        if newest is not None and newest - collector.last_ms > _RETIRED_MS:
            continue  # a host that fell silent while others report is retired, not stale
        if collector.last_ms > latest_ms:
            stale.append(collector.host)
        if age_s is None or its_age_s / its_interval_s > age_s / (interval_s or 60):
            age_s, interval_s = its_age_s, its_interval_s
        if its_age_s > 3 * its_interval_s:
            stale.append(collector.host)
    if age_s is None or interval_s is None:
        status, detail = Status.NOT_MEASURED, "perfctl collect never ran"
    elif stale:
        status, detail = Status.UNKNOWN, f"no sample of {', '.join(stale)} for 3 intervals"
    elif question.pending_bytes > MAX_TOTAL_BYTES // 2:
        status, detail = Status.WARNING, "the spool is half full: perfctl collect"
    else:
        status, detail = Status.OK, f"a sample each {interval_s:g} s"
    limit_s = None if interval_s is None else 3 * interval_s
    return Check("freshness", age_s, "s", limit_s, limit_s, status, None, [], detail)


def _usual_gap_s(question: Question, host: str) -> float:
    """The median gap between samples; two by hand within a second are no new habit."""
    gaps = systems.gaps_s(question.con, host)
    return max(_USUAL_GAP_S, gaps[len(gaps) // 2]) if gaps else _USUAL_GAP_S


def check_alerts(question: Question) -> Check:
    """Open alerts; those that somebody has acknowledged or snoozed weigh as warnings."""
    found = open_alerts.select(question.con)
    status = Status.OK
    if any(alert.status == "firing" and alert.severity == "critical" for alert in found):
        status = Status.CRITICAL
    elif found:
        status = Status.WARNING
    detail = ", ".join(f"{alert.rule} {alert.subject}" for alert in found[:3]) or None
    opened_ms = [alert.opened_ms for alert in found if alert.opened_ms is not None]
    since = iso_utc(min(opened_ms)) if opened_ms else None
    return Check("alerts", len(found), "open", 0, 0, status, since, [], detail)
