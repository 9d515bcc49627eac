"""`summary`: the window in one screen."""

from __future__ import annotations

from typing import NamedTuple

from perfctl.answers import endpoints, traffic
from perfctl.answers.answer import Answer, Question, answer
from perfctl.config import Config
from perfctl.stats import ratio
from perfctl.store import errors, open_alerts, systems


class Summary(NamedTuple):
    """All requests of the window but probes; what was not measured is None."""

    requests: int
    per_minute: float
    avg_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    error_rate: float | None
    failed_count: int
    slow_count: int
    queries_avg: float | None
    n_plus_one_count: int | None
    cache_hit_rate: float | None
    cpu_avg: float | None
    memory_avg: float | None
    status: dict[str, int]
    errors: list[dict[str, object]]
    alerts: list[dict[str, object]]
    slowest: list[dict[str, object]]
    busiest: list[dict[str, object]]


def summarise(question: Question, config: Config) -> Answer:
    """Totals, the slowest and busiest routes, the most frequent errors, open alerts."""
    found, used = traffic.read(question, config.retention)
    counted = [item for item in found if traffic.is_counted(item)]
    rows = [endpoints.summarise(item, used.length_ms, config, []) for item in counted]
    status: dict[str, int] = {}
    for item in counted:
        for status_class, n in item.by_class.items():
            status[f"{status_class}xx"] = status.get(f"{status_class}xx", 0) + n
    timed = [item.cell for item in counted if traffic.is_timed(item)]
    timed_cell = traffic.add(timed) if timed else None
    timed_rows = [row for row in rows if row.kind == "plain"]
    cell = traffic.add([item.cell for item in counted]) if counted else None
    n = cell.requests if cell else 0
    blob, max_us = (timed_cell.sketch, timed_cell.max_us) if timed_cell else (b"", 0)
    p50, p95, p99 = (us and us / 1000 for us in traffic.quantiles_us(blob, max_us))
    samples = systems.select(question.con, used.since_ms, used.until_ms, question.filters.host)
    summary = Summary(
        requests=n,
        per_minute=n / (used.length_ms / 60_000),
        avg_ms=timed_cell.sum_us / timed_cell.requests / 1000 if timed_cell else None,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        max_ms=timed_cell.max_us / 1000 if timed_cell else None,
        error_rate=cell.errors / n if cell else None,
        failed_count=cell.errors if cell else 0,
        slow_count=sum(row.slow_count for row in rows),
        queries_avg=ratio(cell.queries, cell.watched_requests) if cell else None,
        n_plus_one_count=cell.n_plus_one if cell and cell.watched_requests else None,
        cache_hit_rate=ratio(cell.cache_hits, cell.cache_hits + cell.cache_misses)
        if cell
        else None,
        cpu_avg=_mean([sample.row.cpu for sample in samples]),
        memory_avg=_mean([sample.row.memory for sample in samples]),
        status=dict(sorted(status.items())),
        errors=_errors(question, used.since_ms, used.until_ms),
        alerts=[
            {
                "id": a.id,
                "rule": a.rule,
                "subject": a.subject,
                "severity": a.severity,
                "status": a.status,
            }
            for a in open_alerts.select(question.con)
        ],
        slowest=_top(sorted(timed_rows, key=lambda row: -(row.p95_ms or 0))),
        busiest=_top(sorted(timed_rows, key=lambda row: -row.total_ms)),
    )
    return answer(question, "summary", summary, n, used)


def _top(rows: list[endpoints.EndpointSummary], most: int = 5) -> list[dict[str, object]]:
    return [
        {
            "method": row.method,
            "route": row.route,
            "count": row.count,
            "p95_ms": row.p95_ms,
            "total_ms": row.total_ms,
            "error_rate": row.error_rate,
        }
        for row in rows[:most]
    ]


def _errors(question: Question, since_ms: int, until_ms: int) -> list[dict[str, object]]:
    filters = question.filters
    groups = errors.select_groups(
        question.con, since_ms, until_ms, filters.source, filters.host, filters.release
    )
    return [
        {
            "id": group.id,
            "type": group.type,
            "location": group.location,
            "count": group.occurrences,
            "status": group.status,
        }
        for group in groups[:5]
    ]


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
