"""Messages that wait to be delivered, and up to which step of the alerts they tell."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from perfctl.model import HOUR_MS

_TROUBLE = "undelivered "
_LONGEST_MS = 25 * HOUR_MS
"""No message is put off for longer than a day of quiet hours, with an hour of summer time."""


class Waiting(NamedTuple):
    """A message for one channel; `body` is its JSON."""

    id: str
    created_ms: int
    channel: str
    body: str
    attempts: int
    next_ms: int


class Mark(NamedTuple):
    """A reminder of an alert, and how often it was told; kept beside the messages."""

    id: str
    alert_id: str
    times: int


def add(con: sqlite3.Connection, messages: Iterable[Waiting]) -> None:
    """Put messages in; one whose id is there already stays as it is."""
    con.executemany("INSERT OR IGNORE INTO outbox VALUES(?, ?, ?, ?, ?, ?, NULL)", list(messages))


def marks(con: sqlite3.Connection) -> dict[str, int]:
    """How often each reminder was told, by its id."""
    rows = con.execute("SELECT id, attempts FROM outbox WHERE channel = ''")
    return dict(rows.fetchall())


def keep_marks(con: sqlite3.Connection, told: Iterable[Mark], now_ms: int) -> None:
    """Note that reminders are told."""
    con.executemany(
        "INSERT INTO outbox VALUES(?, ?, '', ?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET attempts = excluded.attempts, delivered_ms = excluded.delivered_ms",
        [(mark.id, now_ms, mark.alert_id, mark.times, now_ms, now_ms) for mark in told],
    )


def due(con: sqlite3.Connection, now_ms: int) -> list[Waiting]:
    """What is to be tried now, oldest first; also what a clock that was ahead has put off."""
    rows = con.execute(
        "SELECT id, created_ms, channel, body, attempts, next_ms FROM outbox"
        " WHERE delivered_ms IS NULL AND (next_ms <= ? OR next_ms > ?) ORDER BY created_ms, id",
        (now_ms, now_ms + _LONGEST_MS),
    )
    return [Waiting(*row) for row in rows]


def claim(con: sqlite3.Connection, message: Waiting, next_ms: int) -> bool:
    """Take a message to try it, and put the next try off; False where another has taken it."""
    done = con.execute(
        "UPDATE outbox SET attempts = attempts + 1, next_ms = ?"
        " WHERE id = ? AND attempts = ? AND delivered_ms IS NULL",
        (next_ms, message.id, message.attempts),
    )
    return done.rowcount == 1


def note_delivered(con: sqlite3.Connection, message: Waiting, now_ms: int) -> None:
    """It has arrived; its channel is well unless another of its messages was tried in vain."""
    con.execute("UPDATE outbox SET delivered_ms = ? WHERE id = ?", (now_ms, message.id))
    con.execute(
        "DELETE FROM meta WHERE key = ? AND NOT EXISTS (SELECT 1 FROM outbox"
        " WHERE channel = ? AND delivered_ms IS NULL AND attempts > 0)",
        (_TROUBLE + message.channel, message.channel),
    )


def note_trouble(con: sqlite3.Connection, channel: str, problem: str) -> None:
    """What keeps the messages of a channel from arriving."""
    con.execute(
        "INSERT INTO meta VALUES(?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (_TROUBLE + channel, problem),
    )


def waiting(con: sqlite3.Connection) -> int:
    """How many messages are not delivered yet."""
    row = con.execute("SELECT count(*) FROM outbox WHERE delivered_ms IS NULL").fetchone()
    return int(row[0])


class Stuck(NamedTuple):
    """Messages for a channel that did not arrive, and what kept the last one that was tried."""

    channel: str
    messages: int
    since_ms: int
    next_ms: int
    """When the last of them is, or was, to be tried."""
    problem: str | None


def stuck(con: sqlite3.Connection, now_ms: int) -> list[Stuck]:
    """What was tried in vain, and what nobody has tried an hour after its time, by channel."""
    rows = con.execute(
        "SELECT o.channel, count(*), min(o.created_ms), max(o.next_ms), m.value FROM outbox o"
        " LEFT JOIN meta m ON m.key = ? || o.channel WHERE o.delivered_ms IS NULL"
        " AND ((o.attempts > 0 AND m.value IS NOT NULL) OR o.next_ms < ?)"
        " GROUP BY o.channel ORDER BY o.channel",
        (_TROUBLE, now_ms - HOUR_MS),
    )
    return [Stuck(*row) for row in rows]


def told_until(con: sqlite3.Connection) -> int | None:
    """The last step of an alert that was put into the outbox; None before the first."""
    row = con.execute("SELECT value FROM meta WHERE key = 'told_step'").fetchone()
    return None if row is None else int(row[0])


def last_step(con: sqlite3.Connection) -> int:
    """The newest step of any alert; 0 where there is none."""
    row = con.execute("SELECT coalesce(max(id), 0) FROM alert_event").fetchone()
    return int(row[0])


def note_told(con: sqlite3.Connection, step: int) -> None:
    """Keep it, in the transaction that fills the outbox."""
    con.execute(
        "INSERT INTO meta VALUES('told_step', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (step,),
    )
