"""Deletes what retention has passed, a short chunk at a time, and spares what is still needed."""

from __future__ import annotations

import bisect
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perfctl.model import MINUTE_MS, Level
from perfctl.store.requests import TIE_BITS

CHUNK_ROWS = 2000


class Ids(NamedTuple):
    """Row ids `[first, last)`."""

    first: int
    last: int


class Timed(NamedTuple):
    """A table whose row ids are times, `id = at_ms << 20 | tie`, and what of it is spared."""

    table: str
    before_ms: int
    spared: tuple[Ids, ...] = ()
    """In order, without overlap."""


class Cells(NamedTuple):
    """A level of a table of rollup cells."""

    table: str
    level: Level
    before_ms: int


_CELL_KEYS = {
    "api_performance_metric": "period, origin_id, endpoint_id, status_class",
    "endpoint_total": "period, source, endpoint_id, status_class",
    "query_metric": "period, origin_id, endpoint_id, pattern_id, site_id",
    "cache_metric": "period, origin_id, prefix_id",
    "span_metric": "period, origin_id, endpoint_id, span_id",
}
CELL_TABLES = tuple(_CELL_KEYS)


class Chunk(NamedTuple):
    """What one short transaction did, and where the next one begins; None at the end."""

    rows: int
    next_id: int | None


def delete_timed(con: sqlite3.Connection, part: Timed, begin: int, rows: int) -> Chunk:
    """Delete what may go among so many of the oldest rows from an id on."""
    limit = part.before_ms << TIE_BITS
    found = con.execute(
        f"SELECT id FROM {part.table} WHERE id >= ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?",
        (begin, limit, rows),
    ).fetchone()
    edge = found[0] if found else limit
    deleted = 0
    for first, last in between(Ids(begin, edge), part.spared):
        deleted += con.execute(
            f"DELETE FROM {part.table} WHERE id >= ? AND id < ?", (first, last)
        ).rowcount
    return Chunk(deleted, None if found is None else edge)


def between(whole: Ids, spared: Sequence[Ids]) -> list[Ids]:
    """The pieces of a range that are not spared."""
    pieces = []
    begin = whole.first
    for part in spared[bisect.bisect_right(spared, begin, key=lambda ids: ids.last) :]:
        if part.first >= whole.last:
            break
        if part.first > begin:
            pieces.append(Ids(begin, part.first))
        begin = part.last
    return [*pieces, Ids(begin, whole.last)] if begin < whole.last else pieces


def joined(ranges: Iterable[Ids]) -> tuple[Ids, ...]:
    """Ranges in order, those that touch made one."""
    found: list[Ids] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1].last:
            found[-1] = Ids(found[-1].first, max(last, found[-1].last))
        else:
            found.append(Ids(first, last))
    return tuple(found)


def count_old(con: sqlite3.Connection, part: Timed) -> int:
    """How many rows are old enough to go."""
    return _count(con, part.table, Ids(0, part.before_ms << TIE_BITS))


def count_spared(con: sqlite3.Connection, part: Timed) -> int:
    """How many of them are spared."""
    limit = part.before_ms << TIE_BITS
    return sum(
        _count(con, part.table, Ids(first, min(last, limit)))
        for first, last in part.spared
        if first < limit
    )


def _count(con: sqlite3.Connection, table: str, ids: Ids) -> int:
    row = con.execute(f"SELECT count(*) FROM {table} WHERE id >= ? AND id < ?", ids).fetchone()
    return int(row[0])


def delete_cells(con: sqlite3.Connection, part: Cells, rows: int) -> Chunk:
    """Delete so many of the oldest cells of a level."""
    key = _CELL_KEYS[part.table]
    marks = ", ".join("?" * len(key.split(", ")))
    limit = part.before_ms // part.level.width_ms
    found = con.execute(
        f"SELECT {key} FROM {part.table} WHERE level = ? AND period < ?"
        f" ORDER BY {key} LIMIT 1 OFFSET ?",
        (part.level, limit, rows),
    ).fetchone()
    if found is None:
        where, values = "period < ?", (limit,)
    else:
        where, values = f"({key}) < ({marks})", found
    deleted = con.execute(
        f"DELETE FROM {part.table} WHERE level = ? AND {where}", (part.level, *values)
    ).rowcount
    return Chunk(deleted, None if found is None else 0)


def count_cells(con: sqlite3.Connection, part: Cells) -> int:
    """How many cells would go."""
    limit = part.before_ms // part.level.width_ms
    row = con.execute(
        f"SELECT count(*) FROM {part.table} WHERE level = ? AND period < ?", (part.level, limit)
    ).fetchone()
    return int(row[0])


class Small(NamedTuple):
    """Before when rows of the small tables go."""

    system_hour: int
    performance_prediction: int
    performance_alert: int
    error_group: int
    outbox: int
    forgotten: int
    """Before when groups go that nobody resolved."""
    judged: int
    """Before when goes what the evaluation of alerts has counted."""
    sightings: int


_SMALL = {
    "system_hour": "period < :system_hour / 3600000",
    # the last word on a subject stays: it is what new values are held against
    "performance_prediction": "at_ms < :performance_prediction AND id NOT IN"
    " (SELECT max(id) FROM performance_prediction GROUP BY kind, subject)",
    "performance_alert": "status = 'resolved' AND resolved_ms < :performance_alert",
    "error_group": "last_seen_ms < CASE status WHEN 'resolved' THEN :error_group"
    " ELSE :forgotten END AND NOT EXISTS"
    " (SELECT 1 FROM error_log WHERE group_id = error_group.id)",
    # what was delivered, and what no channel takes any more; a reminder is told once an open alert
    "outbox": "coalesce(delivered_ms, next_ms) < :outbox AND NOT (channel = '' AND body IN"
    " (SELECT id FROM performance_alert WHERE status != 'resolved'))",
}
_UNSEEN = (
    "DELETE FROM judged_minute WHERE period < :judged / 60000",
    "DELETE FROM store_size WHERE at_ms < :judged",
    "DELETE FROM sighting WHERE max(first_ms, last_ms) < :sightings",
)
_ORPHANS = (
    "DELETE FROM dependency_scan WHERE superseded_ms IS NOT NULL",
    "DELETE FROM dependency_version WHERE scan_id NOT IN (SELECT id FROM dependency_scan)",
    "DELETE FROM alert_event WHERE alert_id NOT IN (SELECT id FROM performance_alert)",
    "DELETE FROM error_event WHERE group_id NOT IN (SELECT id FROM error_group)",
    "DELETE FROM test_segment WHERE id NOT IN (SELECT segment_id FROM test_request)",
)


def delete_small(con: sqlite3.Connection, before: Small) -> dict[str, int]:
    """Delete from the small tables at once: hours of the system, ended alerts, told messages."""
    values = before._asdict()
    done = {
        table: con.execute(f"DELETE FROM {table} WHERE {where}", values).rowcount
        for table, where in _SMALL.items()
    }
    for statement in _UNSEEN:
        con.execute(statement, values)
    for statement in _ORPHANS:
        con.execute(statement)
    return done


def count_small(con: sqlite3.Connection, before: Small) -> dict[str, int]:
    """How many rows of the small tables would go."""
    values = before._asdict()
    return {
        table: con.execute(f"SELECT count(*) FROM {table} WHERE {where}", values).fetchone()[0]
        for table, where in _SMALL.items()
    }


_UNUSED = {
    "endpoint": "SELECT id FROM endpoint WHERE first_seen_ms < ?"
    " AND id NOT IN (SELECT endpoint_id FROM endpoint_total)"
    " AND id NOT IN (SELECT endpoint_id FROM error_log WHERE endpoint_id IS NOT NULL)",
    "query_pattern": "SELECT id FROM query_pattern WHERE first_seen_ms < ?"
    " AND id NOT IN (SELECT pattern_id FROM query_metric)"
    " AND id NOT IN (SELECT pattern_id FROM spool_pattern)",
}


class Unused(NamedTuple):
    """Names that nothing referred to when the store was at that version."""

    version: int
    ids: dict[str, list[int]]


def unused_names(con: sqlite3.Connection, before_ms: int) -> Unused:
    """Endpoints and patterns that nothing refers to any more; takes long, so without the lock."""
    version = data_version(con)
    found = {
        table: [row[0] for row in con.execute(statement, (before_ms,))]
        for table, statement in _UNUSED.items()
    }
    if found["endpoint"]:  # rare, and raw rows have no index to ask
        raw = {row[0] for row in con.execute("SELECT DISTINCT endpoint_id FROM performance_metric")}
        found["endpoint"] = [number for number in found["endpoint"] if number not in raw]
    return Unused(version, found)


def free_names(con: sqlite3.Connection, unused: Unused) -> int:
    """Forget names, so that new ones find room."""
    return sum(
        con.execute(f"DELETE FROM {table} WHERE id = ?", (number,)).rowcount
        for table, numbers in unused.ids.items()
        for number in numbers
    )


def data_version(con: sqlite3.Connection) -> int:
    """A number that changes when another connection has committed."""
    return int(con.execute("PRAGMA data_version").fetchone()[0])


_KEPT_OCCURRENCES = 5
_AROUND_MS = 15 * MINUTE_MS
_ALERTS = """
SELECT coalesce(pending_ms, opened_ms), coalesce(opened_ms, pending_ms) FROM performance_alert
WHERE status != 'resolved' AND coalesce(pending_ms, opened_ms) IS NOT NULL
"""
_UNRESOLVED = """
SELECT id FROM error_group
WHERE status != 'resolved' AND last_seen_ms < ? AND last_seen_ms >= ? ORDER BY id
"""
_LAST_OCCURRENCES = "SELECT id FROM error_log WHERE group_id = ? ORDER BY id DESC LIMIT ?"


def around_alerts(con: sqlite3.Connection) -> tuple[Ids, ...]:
    """The time in which each alert that has not ended began, and some before and after."""
    return joined(
        Ids((first_ms - _AROUND_MS) << TIE_BITS, (last_ms + _AROUND_MS) << TIE_BITS)
        for first_ms, last_ms in con.execute(_ALERTS)
    )


def last_occurrences(con: sqlite3.Connection, before_ms: int, forgotten_ms: int) -> tuple[Ids, ...]:
    """The newest old occurrences of groups that nobody resolved and that have no younger ones."""
    groups = con.execute(_UNRESOLVED, (before_ms, forgotten_ms)).fetchall()
    return joined(
        Ids(number, number + 1)
        for (group_id,) in groups
        for (number,) in con.execute(_LAST_OCCURRENCES, (group_id, _KEPT_OCCURRENCES))
    )


class Ages(NamedTuple):
    """What the guard against a jumping clock looks at."""

    newest_ms: int | None
    rows: int
    rows_to_go: int


def ages(con: sqlite3.Connection, parts: Iterable[Timed]) -> Ages:
    """The newest row, how many there are, how many are old enough to go.

    Of the requests; where none are kept, of all else that is timed.
    """
    total = Ages(None, 0, 0)
    for part in parts:
        newest = con.execute(f"SELECT max(id) FROM {part.table}").fetchone()[0]
        if newest is None:
            continue
        to_go = count_old(con, part)
        rows = _count(con, part.table, Ids(0, newest + 1)) if to_go else 0
        if part.table == "performance_metric":
            return Ages(newest >> TIE_BITS, rows, to_go)
        newest_ms = max(total.newest_ms or 0, newest >> TIE_BITS)
        total = Ages(newest_ms, total.rows + rows, total.rows_to_go + to_go)
    return total


def give_back(con: sqlite3.Connection, pages: int = 500) -> int:
    """Give up to so many free pages back to the file system; how many are still free."""
    con.executescript(f"PRAGMA incremental_vacuum({pages:d})")
    return int(con.execute("PRAGMA freelist_count").fetchone()[0])


class Last(NamedTuple):
    """When the store was last pruned, under which retention, and when that was last tried."""

    pruned_ms: int
    keep: str
    tried_ms: int


def last(con: sqlite3.Connection) -> Last:
    """Zeros for never."""
    kept = dict(con.execute("SELECT key, value FROM meta WHERE key LIKE 'prune%'"))
    return Last(
        int(kept.get("pruned_ms", 0)),
        str(kept.get("pruned_keep", "")),
        int(kept.get("prune_tried_ms", 0)),
    )


def note(con: sqlite3.Connection, **values: int | str) -> None:
    """Keep some of `Last`."""
    names = {"pruned_ms": "pruned_ms", "keep": "pruned_keep", "tried_ms": "prune_tried_ms"}
    con.executemany(
        "INSERT INTO meta VALUES(?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        [(names[name], value) for name, value in values.items()],
    )
