"""`database`: query patterns, their cost, and the call sites of N+1."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from perfctl import sketch
from perfctl.answers.answer import Answer, Question, answer
from perfctl.answers.window import plan_details
from perfctl.config import Config
from perfctl.store import details
from perfctl.store.details import PatternSums


class Order(StrEnum):
    """What decides which pattern comes first."""

    TOTAL = "total"
    CALLS = "calls"
    N_PLUS_ONE = "n_plus_one"
    AVG = "avg"


@dataclass(frozen=True, slots=True)
class PatternSummary:
    """A query pattern at one N+1 call site, or all its other calls (`call_site` None).

    A line that several models' rows come by has a row for each fix.
    """

    fingerprint: str
    """12 hex digits; names the pattern in settings and questions."""
    alias: str
    sql: str
    calls: int
    requests: int
    per_request: float
    avg_ms: float
    p95_ms: float | None
    max_ms: float
    total_ms: float
    share: float
    endpoints: list[str]
    call_site: str | None
    detail: str | None
    n_plus_one: int
    duplicates: int


def summarise_database(
    question: Question,
    config: Config,
    *,
    route: str | None = None,
    only_n_plus_one: bool = False,
    order: Order = Order.TOTAL,
) -> Answer:
    """Patterns by the time that they took."""
    spans, used = plan_details(question.window, question.now_ms, config.retention)
    groups: dict[tuple[str, str, str, str | None], list[PatternSums]] = {}
    for sums in details.select_queries(question.con, spans, question.filters):
        if route is None or sums.route == route:
            key = sums.alias, sums.fingerprint, sums.location, sums.detail
            groups.setdefault(key, []).append(sums)
    whole_us = sum(sums.cell.sum_us for group in groups.values() for sums in group)
    rows = [_summary(group, whole_us) for group in groups.values()]
    samples = sum(row.calls for row in rows)
    if only_n_plus_one:
        rows = [row for row in rows if row.n_plus_one]
    rows.sort(key=_KEYS[order])
    return answer(question, "database", {"patterns": rows}, samples, used)


def _summary(group: list[PatternSums], whole_us: int) -> PatternSummary:
    first = group[0]
    cell = details.merge_queries([sums.cell for sums in group])
    (p95_us,) = sketch.quantiles(sketch.decode(cell.sketch), (0.95,))
    by_endpoint: dict[str, int] = {}
    for sums in group:
        name = f"{sums.method} {sums.route}"
        by_endpoint[name] = by_endpoint.get(name, 0) + sums.cell.sum_us
    calls = max(1, cell.calls)
    return PatternSummary(
        fingerprint=name_pattern(first.alias, first.fingerprint),
        alias=first.alias,
        sql=first.fingerprint,
        calls=cell.calls,
        requests=cell.requests,
        per_request=cell.calls / max(1, cell.requests),
        avg_ms=cell.sum_us / calls / 1000,
        p95_ms=None if p95_us is None else min(p95_us, cell.max_us) / 1000,
        max_ms=cell.max_us / 1000,
        total_ms=cell.sum_us / 1000,
        share=cell.sum_us / whole_us if whole_us else 0.0,
        endpoints=sorted(by_endpoint, key=lambda name: -by_endpoint[name]),
        call_site=first.location or None,
        detail=first.detail,
        n_plus_one=cell.n_plus_one,
        duplicates=cell.duplicates,
    )


def name_pattern(alias: str, fingerprint: str) -> str:
    """12 hex digits that name a pattern of a database alias."""
    from hashlib import sha256

    return sha256(f"{alias}\0{fingerprint}".encode()).hexdigest()[:12]


_KEYS = {
    Order.TOTAL: lambda row: (-row.total_ms, row.sql),
    Order.CALLS: lambda row: (-row.calls, row.sql),
    Order.N_PLUS_ONE: lambda row: (-row.n_plus_one, -row.total_ms, row.sql),
    Order.AVG: lambda row: (-row.avg_ms, row.sql),
}
