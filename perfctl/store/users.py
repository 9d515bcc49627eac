"""Whose records are: the identifiers of users, found and removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

TABLES = ("performance_metric", "error_log", "frontend_metric")


def find(con: sqlite3.Connection, table: str, users: Sequence[str]) -> list[int]:
    """The ids of the rows of users, ascending; reads the whole table, so without the lock."""
    marks = ", ".join("?" * len(users))
    rows = con.execute(f"SELECT id FROM {table} WHERE user IN ({marks}) ORDER BY id", users)
    return [row[0] for row in rows]


def remove(con: sqlite3.Connection, table: str, ids: Sequence[int]) -> int:
    """Take the identifier out of rows, which stay."""
    return con.executemany(
        f"UPDATE {table} SET user = NULL WHERE id = ?", [(number,) for number in ids]
    ).rowcount


def wipe(con: sqlite3.Connection) -> bool:
    """Move all of the WAL into the file and empty it; False while somebody still reads from it."""
    con.execute("PRAGMA busy_timeout = 100")
    busy, _, _ = con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
