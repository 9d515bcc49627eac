"""Keeps what the retention says: chunk by chunk, so that no other command waits long."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from perfctl.config import Retention
from perfctl.model import DAY_MS, HOUR_MS, Level
from perfctl.store import pruning
from perfctl.store.connection import reading, transaction, writing
from perfctl.store.pruning import Cells, Timed

EVERY_MS = HOUR_MS
_FUTURE_MS = 60_000
_PAGES_KEPT = 256
"""Free pages that stay in the file: the next inserts want them back at once."""


class Pruned(NamedTuple):
    """What was deleted by table, or why nothing was."""

    rows: dict[str, int]
    refused: str | None = None


def prune_hourly(store: Path, retention: Retention, now_ms: int) -> Pruned:
    """Prune unless that was done within the hour."""
    with reading(store) as con:
        last_ms = pruning.last_prune_ms(con)
    if 0 <= now_ms - last_ms < EVERY_MS:
        return Pruned({})
    return prune(store, retention, now_ms)


def prune(store: Path, retention: Retention, now_ms: int) -> Pruned:
    """Delete what is older than its retention and give pages back; a jumping clock deletes nothing."""
    with reading(store) as con:
        refusal = refuse(pruning.ages(con, now_ms - retention.requests_ms), now_ms)
    if refusal:
        return Pruned({}, refusal)
    rows: dict[str, int] = {}
    for timed in _timed(retention, now_ms):
        _count(rows, timed.table, _repeat(store, timed))
    for cells in _cells(retention, now_ms):
        _count(rows, cells.table, _repeat(store, cells))
    with writing(store) as con, transaction(con):
        for table, n in pruning.delete_small(con, _small(retention, now_ms)).items():
            _count(rows, table, n)
        _count(rows, "names", pruning.free_names(con, now_ms - DAY_MS))
        pruning.note_prune(con, now_ms)
    _give_back(store)
    return Pruned(rows)


def refuse(ages: pruning.Ages, now_ms: int) -> str | None:
    """Why nothing may be deleted: the clock that says what is old may have jumped."""
    if ages.newest_ms is not None and ages.newest_ms > now_ms + _FUTURE_MS:
        return "the newest request lies in the future: is the clock right?"
    if ages.rows_to_go * 2 > ages.rows:
        return f"{ages.rows_to_go} of {ages.rows} requests would go: is the clock right?"
    return None


def _timed(retention: Retention, now_ms: int) -> list[Timed]:
    return [
        Timed("performance_metric", now_ms - retention.requests_ms),
        Timed("system_metric", now_ms - retention.system_ms),
        Timed("error_log", now_ms - retention.errors_ms),
        Timed("frontend_metric", now_ms - retention.frontend_ms),
        Timed("test_request", now_ms - retention.requests_ms),
    ]


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


def _small(retention: Retention, now_ms: int) -> dict[str, int]:
    return {
        "system_hour": now_ms - retention.system_hours_ms,
        "performance_prediction": now_ms - retention.predictions_ms,
        "performance_alert": now_ms - retention.alerts_ms,
        "error_group": now_ms - retention.errors_ms,
    }


def _repeat(store: Path, part: Timed | Cells) -> int:
    total = 0
    while True:
        # The lock is given up between chunks: a drain or an acknowledgement goes first.
        with writing(store) as con, transaction(con):
            if isinstance(part, Timed):
                n = pruning.delete_timed(con, part)
            else:
                n = pruning.delete_cells(con, part)
        total += n
        if not n:
            return total


def _give_back(store: Path) -> None:
    left: int | None = None
    while True:
        with writing(store) as con:
            free = pruning.give_back(con)
        if free <= _PAGES_KEPT or free == left:
            return
        left = free


def _count(rows: dict[str, int], table: str, n: int) -> None:
    if n > 0:
        rows[table] = rows.get(table, 0) + n
