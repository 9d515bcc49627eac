"""What people say about groups of errors, and the history of it."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from perfctl.store.errors import GroupStatus


class Event(NamedTuple):
    """One step in the life of a group; without an actor it happened by itself."""

    at_ms: int
    event: str
    actor: str | None
    note: str | None


class Terms(NamedTuple):
    """Until when a group is ignored; without either, until somebody reopens it."""

    until_ms: int | None = None
    occurrences: int | None = None
    """How many more of them."""


def resolve(
    con: sqlite3.Connection, group_id: str, by: Event, *, next_release: bool = False
) -> None:
    """Say that a group is mended."""
    con.execute(
        "UPDATE error_group SET status = ?, resolved_ms = ?, resolved_by = ?, next_release = ?,"
        " ignore_until_ms = NULL, ignore_until_count = NULL WHERE id = ?",
        (GroupStatus.RESOLVED, by.at_ms, by.actor, next_release, group_id),
    )
    note(con, group_id, by)


def ignore(con: sqlite3.Connection, group_id: str, by: Event, terms: Terms) -> None:
    """Say that a group wants nobody for a while."""
    con.execute(
        "UPDATE error_group SET status = ?, ignore_until_ms = ?, ignore_until_count = count + ?,"
        " resolved_ms = NULL, resolved_by = NULL, next_release = 0 WHERE id = ?",
        (GroupStatus.IGNORED, terms.until_ms, terms.occurrences, group_id),
    )
    note(con, group_id, by)


def reopen(con: sqlite3.Connection, group_id: str, by: Event) -> None:
    """Take back what was said about a group."""
    con.execute(
        "UPDATE error_group SET status = ?, resolved_ms = NULL, resolved_by = NULL,"
        " next_release = 0, ignore_until_ms = NULL, ignore_until_count = NULL WHERE id = ?",
        (GroupStatus.OPEN, group_id),
    )
    note(con, group_id, by)


def note(con: sqlite3.Connection, group_id: str, event: Event) -> None:
    """Keep a step in the history."""
    con.execute(
        "INSERT INTO error_event(group_id, at_ms, event, actor, note) VALUES(?, ?, ?, ?, ?)",
        (group_id, *event),
    )


def history(con: sqlite3.Connection, group_id: str) -> list[Event]:
    """All steps of a group, the first one first."""
    rows = con.execute(
        "SELECT at_ms, event, actor, note FROM error_event WHERE group_id = ? ORDER BY id",
        (group_id,),
    )
    return [Event(*row) for row in rows]
