"""Deletes what retention has passed, a short chunk at a time."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from perfctl.model import Level
from perfctl.store.requests import TIE_BITS

CHUNK_ROWS = 2000


class Timed(NamedTuple):
    """A table whose row ids are times: `id = at_ms << 20 | tie`."""

    table: str
    before_ms: int


class Cells(NamedTuple):
    """A level of a table of rollup cells."""

    table: str
    level: Level
    before_ms: int


CELL_TABLES = (
    "api_performance_metric",
    "endpoint_total",
    "query_metric",
    "cache_metric",
    "span_metric",
)
_BOUNDARY = {
    table: f"SELECT id FROM {table} WHERE id < ? ORDER BY id LIMIT 1 OFFSET ?"
    for table in (
        "performance_metric",
        "system_metric",
        "error_log",
        "frontend_metric",
        "test_request",
    )
}
_CELL_BOUNDARY = {
    table: f"SELECT period FROM {table} WHERE level = ? AND period < ?"
    " ORDER BY period LIMIT 1 OFFSET ?"
    for table in CELL_TABLES
}


def delete_timed(con: sqlite3.Connection, part: Timed) -> int:
    """Delete one chunk of the oldest rows; how many went, 0 at the end."""
    limit = part.before_ms << TIE_BITS
    found = con.execute(_BOUNDARY[part.table], (limit, CHUNK_ROWS)).fetchone()
    edge = found[0] if found else limit
    return con.execute(f"DELETE FROM {part.table} WHERE id < ?", (edge,)).rowcount


def delete_cells(con: sqlite3.Connection, part: Cells) -> int:
    """Delete the oldest periods, some `CHUNK_ROWS` cells of them; how many went, 0 at the end."""
    limit = part.before_ms // part.level.width_ms
    found = con.execute(_CELL_BOUNDARY[part.table], (part.level, limit, CHUNK_ROWS)).fetchone()
    edge = min(limit, found[0] + 1) if found else limit
    return con.execute(
        f"DELETE FROM {part.table} WHERE level = ? AND period < ?", (part.level, edge)
    ).rowcount


def delete_small(con: sqlite3.Connection, before: dict[str, int]) -> dict[str, int]:
    """Delete from the small tables at once: hours of the system, predictions, ended alerts."""
    done = {
        "system_hour": con.execute(
            "DELETE FROM system_hour WHERE period < ?", (before["system_hour"] // 3_600_000,)
        ).rowcount,
        "performance_prediction": con.execute(
            "DELETE FROM performance_prediction WHERE at_ms < ?",
            (before["performance_prediction"],),
        ).rowcount,
        "performance_alert": con.execute(
            "DELETE FROM performance_alert WHERE status = 'resolved' AND resolved_ms < ?",
            (before["performance_alert"],),
        ).rowcount,
        "error_group": con.execute(
            "DELETE FROM error_group WHERE last_seen_ms < ? AND NOT EXISTS"
            " (SELECT 1 FROM error_log WHERE group_id = error_group.id)",
            (before["error_group"],),
        ).rowcount,
    }
    con.execute("DELETE FROM alert_event WHERE alert_id NOT IN (SELECT id FROM performance_alert)")
    return done


_UNUSED_NAMES = (
    "DELETE FROM endpoint WHERE id NOT IN (SELECT endpoint_id FROM endpoint_total)"
    " AND id NOT IN (SELECT endpoint_id FROM error_log WHERE endpoint_id IS NOT NULL)"
    " AND first_seen_ms < ?",
    "DELETE FROM query_pattern WHERE id NOT IN (SELECT pattern_id FROM query_metric)"
    " AND id NOT IN (SELECT pattern_id FROM spool_pattern) AND first_seen_ms < ?",
)


def free_names(con: sqlite3.Connection, before_ms: int) -> int:
    """Forget endpoints and patterns that nothing refers to any more, so that new ones find room."""
    return sum(con.execute(statement, (before_ms,)).rowcount for statement in _UNUSED_NAMES)


class Ages(NamedTuple):
    """What the guard against a jumping clock looks at."""

    newest_ms: int | None
    rows: int
    rows_to_go: int


def ages(con: sqlite3.Connection, before_ms: int) -> Ages:
    """The newest raw request, how many there are, and how many would go."""
    newest = con.execute("SELECT max(id) FROM performance_metric").fetchone()[0]
    to_go = con.execute(
        "SELECT count(*) FROM performance_metric WHERE id < ?", (before_ms << TIE_BITS,)
    ).fetchone()[0]
    rows = con.execute("SELECT count(*) FROM performance_metric").fetchone()[0] if to_go else 0
    return Ages(None if newest is None else newest >> TIE_BITS, rows, to_go)


def give_back(con: sqlite3.Connection, pages: int = 500) -> int:
    """Give up to so many free pages back to the file system; how many are still free."""
    con.executescript(f"PRAGMA incremental_vacuum({pages:d})")
    return int(con.execute("PRAGMA freelist_count").fetchone()[0])


def last_prune_ms(con: sqlite3.Connection) -> int:
    """When the store was last pruned; 0 for never."""
    row = con.execute("SELECT value FROM meta WHERE key = 'pruned_ms'").fetchone()
    return int(row[0]) if row else 0


def note_prune(con: sqlite3.Connection, now_ms: int) -> None:
    """Keep when the store was pruned."""
    con.execute(
        "INSERT INTO meta VALUES('pruned_ms', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (now_ms,),
    )
