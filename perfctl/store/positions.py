"""How far each segment is read, and the patterns that its ordinals stand for."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import NamedTuple


class Position(NamedTuple):
    """What is known of a segment; `origin_id` is None before its header was read."""

    position: int
    origin_id: int | None


def find(con: sqlite3.Connection, segment: str) -> Position | None:
    """Where to read on, or None for a segment not seen yet."""
    row = con.execute(
        "SELECT position, origin_id FROM spool_position WHERE segment = ?", (segment,)
    ).fetchone()
    return None if row is None else Position(*row)


def read_all(con: sqlite3.Connection) -> dict[str, int]:
    """The read position of every segment that has one."""
    return dict(con.execute("SELECT segment, position FROM spool_position"))


def keep(
    con: sqlite3.Connection,
    segment: str,
    position: Position,
    *,
    format_version: int | None,
    pid: int | None,
    now_ms: int,
) -> None:
    """Store how far a segment is read; to be called in the transaction that stores its rows."""
    con.execute(
        "INSERT INTO spool_position VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " position = excluded.position, origin_id = excluded.origin_id, seen_ms = excluded.seen_ms,"
        " format = coalesce(excluded.format, format), pid = coalesce(excluded.pid, pid)",
        (segment, *position, format_version, pid, now_ms),
    )


def patterns(con: sqlite3.Connection, segment: str) -> dict[int, int]:
    """Pattern numbers by ordinal."""
    return dict(
        con.execute("SELECT ordinal, pattern_id FROM spool_pattern WHERE segment = ?", (segment,))
    )


def add_patterns(con: sqlite3.Connection, segment: str, numbers: Iterable[tuple[int, int]]) -> None:
    """Keep what ordinals stand for, with the position that covers them."""
    con.executemany(
        "INSERT OR REPLACE INTO spool_pattern VALUES(?, ?, ?)",
        [(segment, ordinal, number) for ordinal, number in numbers],
    )


def forget(con: sqlite3.Connection, segment: str) -> None:
    """Drop what is known of a segment; only once its file is gone, for its name never returns."""
    con.execute("DELETE FROM spool_position WHERE segment = ?", (segment,))
    con.execute("DELETE FROM spool_pattern WHERE segment = ?", (segment,))


def forget_missing(con: sqlite3.Connection, present: Collection[str]) -> None:
    """Drop the segments that are no longer in the folder."""
    for segment in read_all(con).keys() - set(present):
        forget(con, segment)
