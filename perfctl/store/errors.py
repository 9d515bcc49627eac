"""Errors: occurrences, and their groups by fingerprint."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from perfctl.store.requests import TIE_BITS

Frame = tuple[str, int, str]
"""(file, line, function)"""


class ErrorRow(NamedTuple):
    """One occurrence, before it has its group."""

    at_ms: int
    source: str
    origin_id: int
    endpoint_id: int | None
    request_id: str | None
    status: int | None
    type: str
    frames: tuple[Frame, ...]
    message: str | None
    agent: str | None
    user: str | None
    handled: bool


def fingerprint(source: str, kind: str, frames: Sequence[Frame]) -> str:
    """12 hex digits of the source, the type and the files and functions of the frames.

    Lines are left out: an edit above a function does not make a new group of its errors.
    """
    text = json.dumps([source, kind, [[file, function] for file, _, function in frames]])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


_ADD_GROUP = """
INSERT INTO error_group(id, source, type, location, frames, message, status, count,
                        first_seen_ms, last_seen_ms)
VALUES(?, ?, ?, ?, ?, ?, 'open', 1, ?, ?)
ON CONFLICT(id) DO UPDATE SET count = count + 1,
    frames = CASE WHEN excluded.last_seen_ms >= last_seen_ms THEN excluded.frames ELSE frames END,
    location = CASE WHEN excluded.last_seen_ms >= last_seen_ms
                    THEN excluded.location ELSE location END,
    message = coalesce(excluded.message, message),
    first_seen_ms = min(first_seen_ms, excluded.first_seen_ms),
    last_seen_ms = max(last_seen_ms, excluded.last_seen_ms),
    status = CASE WHEN status = 'resolved' AND excluded.last_seen_ms > resolved_ms
                  THEN 'regressed' ELSE status END
"""
_ADD_ROW = "INSERT INTO error_log VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def insert(con: sqlite3.Connection, rows: Sequence[ErrorRow]) -> None:
    """Add occurrences and keep their groups; a resolved group that returns is `regressed`."""
    for row in rows:
        group = fingerprint(row.source, row.type, row.frames)
        last = row.frames[-1] if row.frames else None
        location = f"{last[0]}:{last[1]} in {last[2]}" if last else None
        con.execute(
            _ADD_GROUP,
            (
                group,
                row.source,
                row.type,
                location,
                json.dumps(row.frames),
                row.message,
                row.at_ms,
                row.at_ms,
            ),
        )
        con.execute(
            _ADD_ROW,
            (
                _free_id(con, row.at_ms),
                group,
                row.origin_id,
                row.endpoint_id,
                row.request_id,
                row.status,
                row.handled,
                row.message,
                row.agent,
                row.user,
            ),
        )


def _free_id(con: sqlite3.Connection, at_ms: int) -> int:
    while True:
        number = at_ms << TIE_BITS | random.getrandbits(TIE_BITS)
        if con.execute("SELECT 1 FROM error_log WHERE id = ?", (number,)).fetchone() is None:
            return number


class GroupSums(NamedTuple):
    """A group and what of it a window holds."""

    id: str
    source: str
    type: str
    location: str | None
    status: str
    occurrences: int
    first_seen_ms: int
    last_seen_ms: int


_SELECT_GROUPS = """
SELECT g.id, g.source, g.type, g.location, g.status, count(*), g.first_seen_ms, g.last_seen_ms
FROM error_log l JOIN error_group g ON g.id = l.group_id JOIN origin o ON o.id = l.origin_id
WHERE l.id >= :first AND l.id < :last AND o.source = :source
  AND (:host IS NULL OR o.host = :host) AND (:release IS NULL OR o.release = :release)
GROUP BY g.id ORDER BY count(*) DESC, g.last_seen_ms DESC
"""


def select_groups(
    con: sqlite3.Connection,
    since_ms: int,
    until_ms: int,
    source: str,
    host: str | None,
    release: str | None,
) -> list[GroupSums]:
    """The groups that occurred in the window, most frequent first."""
    values = {
        "first": since_ms << TIE_BITS,
        "last": until_ms << TIE_BITS,
        "source": source,
        "host": host,
        "release": release,
    }
    return [GroupSums(*row) for row in con.execute(_SELECT_GROUPS, values)]
