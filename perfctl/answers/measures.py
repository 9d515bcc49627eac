"""What `why` can look for a change in: a number of requests, of the machine, or of the traffic."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from perfctl import sketch
from perfctl.stats import FEWEST_FOR_P95, FEWEST_FOR_RATE, ratio
from perfctl.store.cells import Cell, Slot
from perfctl.units import format_bytes, format_count, format_duration, format_ratio


class Scope(StrEnum):
    """Of what a measure is one."""

    REQUESTS = "requests"
    TRAFFIC = "traffic"
    MACHINE = "machine"
    STORE = "store"


class Measure(NamedTuple):
    """A number whose change can be looked for, and how much makes it worth to be told."""

    name: str
    unit: str
    scope: Scope
    fewest: int
    """Requests, or samples of the machine, that a value takes."""
    least: float
    """The smallest change that counts: a ratio above 1, or of a share the difference."""
    is_worse_high: bool = True

    @property
    def is_share(self) -> bool:
        """Whether it lies between 0 and 1, so that a difference says more than a ratio."""
        return self.unit == "ratio"

    def effect(self, before: float, after: float) -> float:
        """How large a change is, in units of the smallest one that counts; negative downwards."""
        return (self.scale(after) - self.scale(before)) / self.least_step

    @property
    def least_step(self) -> float:
        """The smallest change that counts, on its scale."""
        return self.least if self.is_share else math.log(self.least)

    def scale(self, value: float) -> float:
        """The value as changes of it are told apart: of a share itself, else its logarithm."""
        if self.is_share:
            return value
        return math.log(max(value, _FLOORS.get(self.unit, 1e-3)))

    def say(self, value: float) -> str:
        """`412 ms`, `12.3 %`, `22.1`."""
        if self.unit == "ms":
            return format_duration(value * 1000)
        if self.is_share:
            return format_ratio(value)
        if self.unit.startswith("bytes"):
            return format_bytes(value) + self.unit.removeprefix("bytes")
        return f"{value:.1f}".removesuffix(".0") if value < 1000 else format_count(value)


_FLOORS = {"per request": 0.5, "per minute": 0.5, "bytes": 1e5, "bytes per hour": 1e6}
"""Below, a number is as good as none, so that its logarithm says nothing."""


def _requests(name: str, unit: str, fewest: int, least: float, *, high: bool = True) -> Measure:
    return Measure(name, unit, Scope.REQUESTS, fewest, least, high)


MEASURES = {
    measure.name: measure
    for measure in (
        _requests("request_p95", "ms", FEWEST_FOR_P95, 1.1),
        _requests("request_p50", "ms", FEWEST_FOR_RATE, 1.1),
        _requests("request_avg", "ms", FEWEST_FOR_RATE, 1.1),
        _requests("error_rate", "ratio", FEWEST_FOR_RATE, 0.01),
        _requests("queries", "per request", FEWEST_FOR_RATE, 1.1),
        _requests("queue_time", "ms", FEWEST_FOR_RATE, 1.2),
        _requests("db_time", "ms", FEWEST_FOR_RATE, 1.1),
        _requests("n_plus_one", "ratio", FEWEST_FOR_RATE, 0.05),
        _requests("cache_hit_rate", "ratio", FEWEST_FOR_RATE, 0.05, high=False),
        Measure("traffic", "per minute", Scope.TRAFFIC, 0, 1.2, is_worse_high=False),
        Measure("cpu", "ratio", Scope.MACHINE, 1, 0.05),
        Measure("memory", "ratio", Scope.MACHINE, 1, 0.05),
        Measure("disk", "ratio", Scope.MACHINE, 1, 0.02),
        Measure("load1", "count", Scope.MACHINE, 1, 1.3),
        Measure("store_growth", "bytes per hour", Scope.STORE, 1, 1.5),
        Measure("spool_size", "bytes", Scope.STORE, 1, 1.5),
    )
}
ALIASES = {
    "p95_ms": "request_p95",
    "p99_ms": "request_p95",
    "max_ms": "request_p95",
    "p95": "request_p95",
    "p50_ms": "request_p50",
    "p50": "request_p50",
    "avg_ms": "request_avg",
    "queue_ms": "queue_time",
    "queue": "queue_time",
    "db_ms": "db_time",
    "n_plus_one_rate": "n_plus_one",
    "errors": "error_rate",
    "requests": "traffic",
    "load": "load1",
    "store_size": "store_growth",
    "store_growth_bytes": "store_growth",
    "spool_growth": "spool_size",
    "spool_growth_bytes": "spool_size",
}
"""Other names of the same, as rules and people call them."""


def find_measure(name: str) -> Measure | None:
    """The measure of a name, whoever uses that name."""
    return MEASURES.get(ALIASES.get(name, name))


def value_of(measure: Measure, slot: Slot) -> float | None:
    """What the requests of a slot say; None where it was not measured."""
    return _VALUES[measure.name](slot)


def samples_of(name: str, slot: Slot) -> int:
    """On how many requests a value of that name stands."""
    cell = slot.counted
    match ALIASES.get(name, name):
        case "queue_time":
            return cell.queue_requests
        case "queries" | "db_time" | "n_plus_one":
            return cell.watched_requests
        case "cache_hit_rate":
            return cell.cache_hits + cell.cache_misses
        case _:
            return cell.requests


def quantile_ms(share: float) -> Callable[[Slot], float | None]:
    """What finds a quantile of durations; of nothing but long polls there is none."""

    def find(slot: Slot) -> float | None:
        value_us = sketch.quantile(slot.timed_sketch, share)
        return None if value_us is None else min(value_us, slot.counted.max_us) / 1000

    return find


def queue_ms(slot: Slot) -> float | None:
    """The mean time in the front server's queue."""
    return mean_ms(slot.counted.queue_us, slot.counted.queue_requests)


def db_ms(slot: Slot) -> float | None:
    """The mean time in the database."""
    return mean_ms(slot.counted.db_us, slot.counted.watched_requests)


def mean_ms(sum_us: int, count: int) -> float | None:
    """A mean in milliseconds; None of nothing."""
    mean_us = ratio(sum_us, count)
    return None if mean_us is None else mean_us / 1000


def hit_rate(cell: Cell) -> float | None:
    """The share of look-ups in caches that found the key; None where no cache was used."""
    return ratio(cell.cache_hits, cell.cache_hits + cell.cache_misses)


_VALUES: dict[str, Callable[[Slot], float | None]] = {
    "request_p95": quantile_ms(0.95),
    "request_p50": quantile_ms(0.5),
    "request_avg": lambda slot: mean_ms(slot.counted.sum_us, slot.counted.requests),
    "error_rate": lambda slot: ratio(slot.counted.errors, slot.counted.requests),
    "queries": lambda slot: ratio(slot.counted.queries, slot.counted.watched_requests),
    "queue_time": queue_ms,
    "db_time": db_ms,
    "n_plus_one": lambda slot: ratio(slot.counted.n_plus_one, slot.counted.watched_requests),
    "cache_hit_rate": lambda slot: hit_rate(slot.counted),
}
