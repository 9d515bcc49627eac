"""Counts of what went wrong on the way: refused, torn, clamped, failed inside the hook."""

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from perfctl.store.cells import MOST


class Counted(NamedTuple):
    """One counter of a host."""

    host: str
    name: str
    total: int
    last_ms: int


def add(con: sqlite3.Connection, host: str, counts: Mapping[str, int], now_ms: int) -> None:
    """Add to the counters of a host."""
    con.executemany(
        "INSERT INTO counter VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        f" count = min(count + excluded.count, {MOST}), last_ms = max(last_ms, excluded.last_ms)",
        [(host, name[:200], min(count, MOST), now_ms) for name, count in counts.items()],
    )


def note(con: sqlite3.Connection, host: str, name: str, now_ms: int) -> None:
    """Count something that lasts: once, however often it is met."""
    con.execute(
        "INSERT INTO counter VALUES(?, ?, 1, ?) ON CONFLICT DO UPDATE SET last_ms = excluded.last_ms",
        (host, name, now_ms),
    )


def select(con: sqlite3.Connection) -> list[Counted]:
    """All counters, by host and name."""
    return [Counted(*row) for row in con.execute("SELECT * FROM counter ORDER BY host, name")]


def dropped(con: sqlite3.Connection) -> int:
    """How many records are known to be lost."""
    row = con.execute(
        "SELECT coalesce(sum(count), 0) FROM counter"
        " WHERE name LIKE 'dropped:%' OR name LIKE 'refused:%'"
    ).fetchone()
    return int(row[0])
