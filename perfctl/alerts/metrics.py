"""What a rule can watch: of each route, of all requests, of the machine, of pages, of the store."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from perfctl.answers import measures
from perfctl.model import HOUR_MS, MINUTE_MS
from perfctl.stats import FEWEST_FOR_P95, FEWEST_FOR_RATE, ratio
from perfctl.store.cells import Cell, Slot


class Scope(StrEnum):
    """Of what a metric is one; it decides what the subjects of its rules are."""

    ROUTE = "route"
    TOTAL = "total"
    MACHINE = "machine"
    PAGE = "page"
    TRAFFIC = "traffic"
    COLLECTOR = "collector"
    STORE = "store"
    DEPENDENCY = "dependency"
    N_PLUS_ONE = "n_plus_one"
    ERROR_GROUP = "error_group"


class Metric(NamedTuple):
    """A number to watch, and how much of it is enough to judge."""

    name: str
    scope: Scope
    unit: str
    samples: int
    """Requests, page loads or samples of the machine that it takes at least."""
    over_ms: int = 0
    """How long the trailing window is; 0 where each value is judged by itself."""
    for_ms: int = 0


OVER_MS = 5 * MINUTE_MS
_MACHINE_FOR_MS = 2 * MINUTE_MS

_RATES = {
    "error_rate": "ratio",
    "errors": "count",
    "avg_ms": "ms",
    "p50_ms": "ms",
    "queries": "per request",
    "queue_ms": "ms",
    "db_ms": "ms",
    "cache_hit_rate": "ratio",
    "n_plus_one_rate": "ratio",
}
_TAILS = ("p95_ms", "p99_ms", "max_ms")
_OF_MACHINE = {
    "cpu": "ratio",
    "memory": "ratio",
    "swap": "ratio",
    "disk": "ratio",
    "load1": "count",
    "net_in_bps": "bytes/s",
    "net_out_bps": "bytes/s",
    "disk_read_bps": "bytes/s",
    "disk_write_bps": "bytes/s",
    "open_files": "count",
    "processes": "count",
}


def _of_routes() -> list[Metric]:
    found = [Metric("requests", Scope.ROUTE, "count", 0, OVER_MS)]
    found += [Metric(n, Scope.ROUTE, unit, FEWEST_FOR_RATE, OVER_MS) for n, unit in _RATES.items()]
    return found + [Metric(name, Scope.ROUTE, "ms", FEWEST_FOR_P95, OVER_MS) for name in _TAILS]


METRICS = {
    metric.name: metric
    for metric in (
        *_of_routes(),
        *(Metric(n, Scope.MACHINE, unit, 2, 0, _MACHINE_FOR_MS) for n, unit in _OF_MACHINE.items()),
        Metric("lcp_ms", Scope.PAGE, "ms", FEWEST_FOR_RATE, HOUR_MS),
        Metric("inp_ms", Scope.PAGE, "ms", FEWEST_FOR_RATE, HOUR_MS),
        Metric("cls", Scope.PAGE, "", FEWEST_FOR_RATE, HOUR_MS),
        Metric("store_growth_bytes", Scope.STORE, "bytes", 1),
        Metric("spool_growth_bytes", Scope.STORE, "bytes", 1),
    )
}
"""What own rules can name; those of the machine take two samples, so that one spike is no alert."""


def value_of(name: str, slot: Slot) -> float | None:
    """A metric of a route over a window; None where it was not measured."""
    return _VALUES[name](slot)


def _timed(of: Callable[[Cell], float]) -> Callable[[Slot], float | None]:
    """Long polls stand outside of all that is about how long a request took."""
    return lambda slot: of(slot.counted) if slot.timed_sketch else None


_VALUES: dict[str, Callable[[Slot], float | None]] = {
    "requests": lambda slot: slot.counted.requests,
    "errors": lambda slot: slot.counted.errors,
    "error_rate": lambda slot: ratio(slot.counted.errors, slot.counted.requests),
    "avg_ms": _timed(lambda cell: cell.sum_us / cell.requests / 1000),
    "max_ms": _timed(lambda cell: cell.max_us / 1000),
    "p50_ms": measures.quantile_ms(0.5),
    "p95_ms": measures.quantile_ms(0.95),
    "p99_ms": measures.quantile_ms(0.99),
    "queries": lambda slot: ratio(slot.counted.queries, slot.counted.watched_requests),
    "n_plus_one_rate": lambda slot: ratio(slot.counted.n_plus_one, slot.counted.watched_requests),
    "queue_ms": measures.queue_ms,
    "db_ms": measures.db_ms,
    "cache_hit_rate": lambda slot: measures.hit_rate(slot.counted),
}
