"""Keeps the store below `max_size`: raw requests are thinned, the oldest first; rollups stay exact."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from perfctl.chunks import Act, Budget, in_chunks
from perfctl.config import Config
from perfctl.model import HOUR_MS
from perfctl.store import endpoints, pruning, thinning
from perfctl.store.pruning import Chunk, Ids
from perfctl.store.thinning import Step
from perfctl.units import format_bytes

_WHOLE_MS = HOUR_MS
"""The newest requests stay whole, however large the store is."""


class Cap(NamedTuple):
    """How large the store may be, and what makes a request too slow to be thinned away."""

    max_bytes: int
    config: Config


def cap_of(config: Config) -> Cap | None:
    """None where the configuration sets no size."""
    return None if config.max_size_bytes is None else Cap(config.max_size_bytes, config)


def over_bytes(con: sqlite3.Connection, cap: Cap | None) -> int:
    """By how much the store is larger than it may be."""
    return 0 if cap is None else max(0, thinning.used_bytes(con) - cap.max_bytes)


def thin(
    store: Path, watch: sqlite3.Connection, cap: Cap, now_ms: int, budget: Budget | None = None
) -> int:
    """Thin the oldest raw requests until the store is small enough; how many went."""
    if not over_bytes(watch, cap):
        return 0
    spared = pruning.around_alerts(watch)
    limits = _limits(watch, cap.config)
    until_ms = now_ms - _WHOLE_MS
    total = 0
    for step, done_ms in thinning.thinned_until(watch).items():
        part = Ids(thinning.first_id(min(done_ms, until_ms)), thinning.first_id(until_ms))
        if budget is not None and budget.is_spent:
            break  # the next step is for what this one leaves
        total += in_chunks(store, _thinning(cap, Step(part, spared, step, limits)), budget)
    return total


def _thinning(cap: Cap, step: Step) -> Act:
    """The further steps take more of the same requests: only where the first was not enough."""

    def act(con: sqlite3.Connection, begin: int, rows: int) -> Chunk:
        if not over_bytes(con, cap):
            return Chunk(0, None)
        return thinning.thin(con, step, begin, rows)

    return act


def _limits(con: sqlite3.Connection, config: Config) -> Callable[[int], float]:
    """From how many microseconds on a request of an endpoint is slow."""
    known = {
        number: config.for_route(endpoint.method, endpoint.route).request_ms.threshold * 1000
        for number, endpoint in endpoints.by_id(con).items()
    }
    default = config.thresholds.request_ms.threshold * 1000
    return lambda endpoint_id: known.get(endpoint_id, default)


def say_over(over: int) -> str:
    """That the store is larger than it may be, and what remains to be done."""
    return (
        f"the store is {format_bytes(over)} larger than max_size: what is left are rollups, slow and"
        " failed requests and a sample; shorten a retention or raise max_size"
    )
