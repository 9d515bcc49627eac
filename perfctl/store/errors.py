"""Errors: occurrences, and their groups by fingerprint."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
from collections.abc import Sequence
from enum import StrEnum
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


class GroupStatus(StrEnum):
    """Where a group stands; `open` and `regressed` want somebody."""

    OPEN = "open"
    REGRESSED = "regressed"
    RESOLVED = "resolved"
    IGNORED = "ignored"


class Standing(NamedTuple):
    """What decides whether a group that occurs again comes back."""

    status: str
    occurrences: int
    resolved_ms: int | None
    ignore_until_ms: int | None
    ignore_until_count: int | None
    next_release: bool = False
    """Resolved for the next release: those already seen do not make it return."""


def comes_back(standing: Standing, at_ms: int) -> bool:
    """Whether an occurrence at that time ends what somebody said about the group."""
    match standing.status:
        case GroupStatus.RESOLVED:
            return standing.resolved_ms is None or at_ms > standing.resolved_ms
        case GroupStatus.IGNORED:
            until_ms, until_count = standing.ignore_until_ms, standing.ignore_until_count
            return (until_ms is not None and at_ms >= until_ms) or (
                until_count is not None and standing.occurrences + 1 >= until_count
            )
        case _:
            return False


_STANDING = """
SELECT status, count, resolved_ms, ignore_until_ms, ignore_until_count, next_release
FROM error_group WHERE id = ?
"""
_ADD_GROUP = """
INSERT INTO error_group(id, source, type, location, frames, message, status, count,
                        first_seen_ms, last_seen_ms, first_release)
VALUES(:id, :source, :type, :location, :frames, :message, 'open', 1, :at_ms, :at_ms,
       (SELECT release FROM origin WHERE id = :origin_id))
ON CONFLICT(id) DO UPDATE SET count = count + 1,
    frames = CASE WHEN excluded.last_seen_ms >= last_seen_ms THEN excluded.frames ELSE frames END,
    location = CASE WHEN excluded.last_seen_ms >= last_seen_ms
                    THEN excluded.location ELSE location END,
    message = coalesce(excluded.message, message),
    first_release = CASE WHEN excluded.first_seen_ms < first_seen_ms
                         THEN excluded.first_release ELSE first_release END,
    first_seen_ms = min(first_seen_ms, excluded.first_seen_ms),
    last_seen_ms = max(last_seen_ms, excluded.last_seen_ms)
"""
_ADD_ROW = "INSERT INTO error_log VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def insert(con: sqlite3.Connection, rows: Sequence[ErrorRow]) -> None:
    """Add occurrences and keep their groups.

    A resolved group that returns is `regressed`, an ignored one past its time or count `open`.
    """
    for row in rows:
        group = fingerprint(row.source, row.type, row.frames)
        _bring_back(con, group, row)
        _add_to_group(con, group, row)
        values = (row.endpoint_id, row.request_id, row.status, row.handled, row.message, row.agent)
        con.execute(_ADD_ROW, (_free_id(con, row.at_ms), group, row.origin_id, *values, row.user))


def _bring_back(con: sqlite3.Connection, group: str, row: ErrorRow) -> None:
    found = con.execute(_STANDING, (group,)).fetchone()
    if found is None:
        return
    standing = Standing(*found)
    if not comes_back(standing, row.at_ms):
        return
    if standing.next_release and _is_known_release(con, row.origin_id, standing.resolved_ms):
        return
    was_resolved = standing.status == GroupStatus.RESOLVED
    con.execute(
        "UPDATE error_group SET status = ?, ignore_until_ms = NULL, ignore_until_count = NULL"
        " WHERE id = ?",
        (GroupStatus.REGRESSED if was_resolved else GroupStatus.OPEN, group),
    )
    con.execute(
        "INSERT INTO error_event(group_id, at_ms, event, note)"
        " VALUES(?, ?, ?, (SELECT nullif(release, '') FROM origin WHERE id = ?))",
        (group, row.at_ms, "regressed" if was_resolved else "unignored", row.origin_id),
    )


def _is_known_release(con: sqlite3.Connection, origin_id: int, before_ms: int | None) -> bool:
    """Whether the release of that origin was seen by then; one without a name counts as new."""
    row = con.execute(
        "SELECT 1 FROM origin o JOIN origin n USING(release)"
        " WHERE n.id = ? AND n.release != '' AND o.first_seen_ms <= ?",
        (origin_id, before_ms),
    ).fetchone()
    return row is not None


def _add_to_group(con: sqlite3.Connection, group: str, row: ErrorRow) -> None:
    last = row.frames[-1] if row.frames else None
    values = {
        "id": group,
        "source": row.source,
        "type": row.type,
        "location": f"{last[0]}:{last[1]} in {last[2]}" if last else None,
        "frames": json.dumps(row.frames),
        "message": row.message,
        "at_ms": row.at_ms,
        "origin_id": row.origin_id,
    }
    con.execute(_ADD_GROUP, values)


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
