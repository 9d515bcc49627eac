"""Keeps what the retention says: chunk by chunk, so that no other command waits long."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from perfctl import capping
from perfctl.capping import Cap
from perfctl.chunks import Act, Budget, give_back, in_chunks
from perfctl.config import Config, Retention, parse
from perfctl.errors import UsageError
from perfctl.model import DAY_MS, HOUR_MS, Level
from perfctl.store import pruning
from perfctl.store.connection import reading, transaction, writing
from perfctl.store.pruning import Cells, Chunk, Small, Timed

EVERY_MS = HOUR_MS
_FUTURE_MS = 60_000
_SIGHTINGS_MS = 400 * DAY_MS
"""How long a thing that was seen once is no news."""
_MESSAGES_MS = 7 * DAY_MS
_BUDGET_S = 20.0
"""What `collect` gives to it: it has a sample to take each minute."""
_PAGES_KEPT = 256
"""Free pages that stay in the file: the next inserts want them back at once."""


class Guard(NamedTuple):
    """Why nothing may go, or why a person must say that it may."""

    refused: str | None
    overruled: str | None = None


class Pruned(NamedTuple):
    """What was deleted by table, or why nothing was."""

    rows: dict[str, int]
    guard: Guard = Guard(None)
    protected: Mapping[str, int] = MappingProxyType({})
    """Rows that are old enough to go and stay, by table."""
    freed_bytes: int = 0
    over_bytes: int = 0
    """By how much the store is still larger than it may be."""
    is_unfinished: bool = False
    """Whether the time was over before all was deleted."""

    @property
    def refused(self) -> str | None:
        """Why nothing was deleted."""
        return self.guard.refused

    @property
    def remarks(self) -> list[str]:
        """What a person should know about it."""
        refused = f"nothing was pruned: {self.refused}" if self.refused else None
        over = capping.say_over(self.over_bytes) if self.over_bytes else None
        rest = "not all is pruned yet: the next collect goes on" if self.is_unfinished else over
        return [remark for remark in (refused, self.guard.overruled, rest) if remark]


class Plan(NamedTuple):
    """What may go, and what is spared."""

    timed: list[Timed]
    cells: list[Cells]
    small: Small


def prune_hourly(store: Path, retention: Retention, now_ms: int, cap: Cap | None = None) -> Pruned:
    """Prune unless that was tried within the hour."""
    with reading(store) as con:
        tried_ms = pruning.last(con).tried_ms
    if 0 <= now_ms - tried_ms < EVERY_MS:
        return Pruned({})
    return prune(store, retention, now_ms, cap, budget=Budget(_BUDGET_S))


def prune(
    store: Path,
    retention: Retention,
    now_ms: int,
    cap: Cap | None = None,
    *,
    force: bool = False,
    budget: Budget | None = None,
) -> Pruned:
    """Delete what is older than its retention and give pages back; a jumping clock deletes nothing.

    `force` says that more than half of it is meant to go.
    """
    budget = budget or Budget()
    # While this reader is there, a chunk that ends is not the last to close the store, which would
    # write the whole WAL back.
    with reading(store) as watch:
        plan = plan_for(watch, retention, now_ms)
        found = guard(watch, plan, retention, now_ms, force=force)
        if found.refused:
            with writing(store) as con, transaction(con):
                pruning.note(con, tried_ms=now_ms)
            return Pruned({}, found)
        before = store.stat().st_size
        protected = _protected(watch, plan)
        rows = _delete(store, plan, budget)
        _count(rows, "names", _free_names(store, watch, now_ms - DAY_MS))
        if cap is not None:
            _count(rows, "thinned", capping.thin(store, watch, cap, now_ms, budget))
        with writing(store) as con, transaction(con):
            pruning.note(con, pruned_ms=now_ms, keep=_written(retention))
            if not budget.is_spent:
                pruning.note(con, tried_ms=now_ms)
        over = capping.over_bytes(watch, cap)
        give_back(store, 0 if over else _PAGES_KEPT)
    freed = max(0, before - store.stat().st_size)
    return Pruned(rows, found, protected, freed, over, budget.is_spent)


def foresee(
    con: sqlite3.Connection,
    retention: Retention,
    now_ms: int,
    cap: Cap | None = None,
    *,
    force: bool = False,
) -> Pruned:
    """What `prune` would do; how much of it `max_size` takes shows only while it works."""
    plan = plan_for(con, retention, now_ms)
    protected = _protected(con, plan)
    rows: dict[str, int] = {}
    for timed in plan.timed:
        old = pruning.count_old(con, timed)
        _count(rows, timed.table, old - protected.get(timed.table, 0))
    for cells in plan.cells:
        _count(rows, cells.table, pruning.count_cells(con, cells))
    for table, n in pruning.count_small(con, plan.small).items():
        _count(rows, table, n)
    found = guard(con, plan, retention, now_ms, force=force)
    return Pruned(rows, found, protected, 0, capping.over_bytes(con, cap))


def plan_for(con: sqlite3.Connection, retention: Retention, now_ms: int) -> Plan:
    """What is older than its retention, without what open alerts and unresolved errors refer to."""
    alerts = pruning.around_alerts(con)
    errors_ms, forgotten_ms = now_ms - retention.errors_ms, now_ms - retention.days_ms
    occurrences = pruning.last_occurrences(con, errors_ms, min(errors_ms, forgotten_ms))
    timed = [
        Timed("performance_metric", now_ms - retention.requests_ms, alerts),
        Timed("test_request", now_ms - retention.requests_ms),
        Timed("system_metric", now_ms - retention.system_ms, alerts),
        Timed("error_log", errors_ms, pruning.joined([*alerts, *occurrences])),
        Timed("frontend_metric", now_ms - retention.frontend_ms, alerts),
    ]
    small = Small(
        system_hour=now_ms - retention.system_hours_ms,
        performance_prediction=now_ms - retention.predictions_ms,
        performance_alert=now_ms - retention.alerts_ms,
        error_group=errors_ms,
        outbox=now_ms - _MESSAGES_MS,
        forgotten=min(errors_ms, forgotten_ms),
        judged=now_ms - retention.requests_ms,
        sightings=now_ms - _SIGHTINGS_MS,
    )
    return Plan(timed, _cells(retention, now_ms), small)


def guard(
    con: sqlite3.Connection, plan: Plan, retention: Retention, now_ms: int, *, force: bool
) -> Guard:
    """Whether the clock, which says what is old, may have jumped.

    Within a day of the last pruning, under the same retention, it cannot have jumped far: so a store
    whose traffic has ended is emptied at last.
    """
    ages = pruning.ages(con, plan.timed)
    if ages.newest_ms is not None and ages.newest_ms > now_ms + _FUTURE_MS:
        return Guard("the newest record lies in the future: is the clock right?")
    last = pruning.last(con)
    is_steady = 0 <= now_ms - last.pruned_ms < DAY_MS and last.keep == _written(retention)
    if ages.rows_to_go * 2 <= ages.rows or is_steady:
        return Guard(None)
    doubt = f"{ages.rows_to_go:,} of {ages.rows:,} records are older than they are kept"
    if force:
        return Guard(None, f"{doubt}: --force lets them")
    return Guard(f"{doubt}: is the clock right? If so: perfctl prune --force")


def _written(retention: Retention) -> str:
    return str(tuple(retention))


def read_keep(config: Config, said: Iterable[str]) -> Config:
    """The configuration with what `--keep requests=7d` says of its retention."""
    table: dict[str, object] = {}
    for text in said:
        kind, separator, kept = text.partition("=")
        if not separator:
            raise UsageError(f"--keep takes KIND=TIME, not {text!r}", "--keep requests=7d")
        table[kind.strip()] = kept.strip()
    return parse({"retention": table}, "--keep", config)


def _cells(retention: Retention, now_ms: int) -> list[Cells]:
    """Each level is kept a day, or an hour, longer: the edge of a window stands on a whole cell."""
    kept = {
        Level.MINUTE: retention.minutes_ms + HOUR_MS,
        Level.TEN_MINUTES: retention.minutes_ms + HOUR_MS,
        Level.HOUR: retention.hours_ms + DAY_MS,
        Level.DAY: retention.days_ms + DAY_MS,
    }
    return [
        Cells(table, level, now_ms - keep_ms)
        for table in pruning.CELL_TABLES
        for level, keep_ms in kept.items()
    ]


def _protected(con: sqlite3.Connection, plan: Plan) -> dict[str, int]:
    protected: dict[str, int] = {}
    for timed in plan.timed:
        _count(protected, timed.table, pruning.count_spared(con, timed))
    return protected


def _delete(store: Path, plan: Plan, budget: Budget) -> dict[str, int]:
    rows: dict[str, int] = {}
    parts: list[Timed | Cells] = [*plan.timed, *plan.cells]
    for part in parts:
        _count(rows, part.table, in_chunks(store, _deleting(part), budget))
    with writing(store) as con, transaction(con):
        for table, n in pruning.delete_small(con, plan.small).items():
            _count(rows, table, n)
    return rows


def _deleting(part: Timed | Cells) -> Act:
    def act(con: sqlite3.Connection, begin: int, rows: int) -> Chunk:
        if isinstance(part, Timed):
            return pruning.delete_timed(con, part, begin, rows)
        return pruning.delete_cells(con, part, rows)

    return act


def _free_names(store: Path, watch: sqlite3.Connection, before_ms: int) -> int:
    """Forget unused names, unless somebody wrote since they were looked for: then the next time."""
    unused = pruning.unused_names(watch, before_ms)
    if not any(unused.ids.values()):
        return 0
    with writing(store) as con, transaction(con):
        if pruning.data_version(watch) != unused.version:
            return 0
        return pruning.free_names(con, unused)


def _count(rows: dict[str, int], table: str, n: int) -> None:
    if n > 0:
        rows[table] = rows.get(table, 0) + n
