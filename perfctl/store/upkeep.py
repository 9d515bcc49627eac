"""What the store looks like inside, whether it is whole, and how it is copied and shrunk."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from perfctl.errors import UsageError
from perfctl.store.connection import reading, writing
from perfctl.store.requests import TIE_BITS

_TABLES = (
    "performance_metric",
    "api_performance_metric",
    "endpoint_total",
    "query_metric",
    "cache_metric",
    "system_metric",
    "system_hour",
    "error_log",
    "error_group",
    "performance_alert",
    "dependency_version",
    "performance_prediction",
    "frontend_metric",
    "endpoint",
    "query_pattern",
)


class TableInfo(NamedTuple):
    """A table and how many rows it holds."""

    name: str
    rows: int


class RawRange(NamedTuple):
    """The first and the last start of the raw requests."""

    oldest_ms: int | None
    newest_ms: int | None


def tables(con: sqlite3.Connection) -> list[TableInfo]:
    """The tables with their rows."""
    return [
        TableInfo(name, con.execute(f"SELECT count(*) FROM {name}").fetchone()[0])
        for name in _TABLES
    ]


def raw_range(con: sqlite3.Connection) -> RawRange:
    """From when to when raw requests are kept."""
    oldest, newest = con.execute("SELECT min(id), max(id) FROM performance_metric").fetchone()
    if oldest is None:
        return RawRange(None, None)
    return RawRange(oldest >> TIE_BITS, newest >> TIE_BITS)


def pages(con: sqlite3.Connection) -> tuple[int, int, int]:
    """(page size in bytes, pages, free pages)."""
    return (
        con.execute("PRAGMA page_size").fetchone()[0],
        con.execute("PRAGMA page_count").fetchone()[0],
        con.execute("PRAGMA freelist_count").fetchone()[0],
    )


def damage(con: sqlite3.Connection, most: int = 20) -> list[str]:
    """What `quick_check` finds; empty where the file is whole."""
    try:
        rows = con.execute(f"PRAGMA quick_check({most:d})").fetchall()
    except sqlite3.DatabaseError as exc:
        return [str(exc)]
    return [row[0] for row in rows if row[0] != "ok"]


_MISMATCHES = """
WITH raw AS (
    SELECT (id >> 20) / 86400000 AS day, count(*) AS requests FROM performance_metric GROUP BY day),
cells AS (
    SELECT period AS day, sum(requests) AS requests FROM api_performance_metric
    WHERE level = 4 GROUP BY period)
SELECT raw.day, raw.requests, coalesce(cells.requests, 0)
FROM raw LEFT JOIN cells USING(day)
WHERE raw.requests > coalesce(cells.requests, 0) ORDER BY raw.day
"""


def mismatches(con: sqlite3.Connection) -> list[str]:
    """Days whose rollup holds fewer requests than its raw rows (more is retention at work)."""
    return [
        f"day {day}: {raw} raw requests, {cells} in the rollup"
        for day, raw, cells in con.execute(_MISMATCHES)
    ]


def copy(store: Path, target: Path, *, force: bool = False) -> None:
    """A consistent copy in one file, 0600; an existing file is only replaced by force."""
    if target.exists() and not force:
        raise UsageError(f"{target} exists", "--force replaces it")
    if target.resolve() == store.resolve():
        raise UsageError("a snapshot needs another file than the store")
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    try:
        with reading(store) as con:
            copied = sqlite3.connect(beside)
            try:
                con.backup(copied)
            finally:
                copied.close()
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def vacuum(store: Path, *, full: bool = False) -> int:
    """Give free pages back to the file system; the number of bytes that the file shrank by."""
    with writing(store) as con:
        before = _file_bytes(store)
        if full:
            con.execute("VACUUM")
        else:
            # `execute` frees a single page: it does not step the statement to its end
            con.executescript("PRAGMA incremental_vacuum")
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return before - _file_bytes(store)


def checkpoint(con: sqlite3.Connection) -> None:
    """Move the WAL into the file, as far as readers allow."""
    con.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _file_bytes(store: Path) -> int:
    return store.stat().st_size
