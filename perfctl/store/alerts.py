"""Alerts and their histories, and how far the evaluation has come."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple


class AlertRow(NamedTuple):
    """An alert in the order of its columns, and how many steps its history has."""

    id: str
    rule: str
    subject: str
    host: str | None
    severity: str
    status: str
    value: float | None = None
    threshold: float | None = None
    target: float | None = None
    peak: float | None = None
    unit: str | None = None
    pending_ms: int | None = None
    opened_ms: int | None = None
    acknowledged_ms: int | None = None
    acknowledged_by: str | None = None
    acknowledged_value: float | None = None
    snoozed_until_ms: int | None = None
    note: str | None = None
    resolved_ms: int | None = None
    resolved_by: str | None = None
    detail: str | None = None
    acknowledged_severity: str | None = None
    measured_ms: int | None = None
    pending_over: int = 0
    pending_all: int = 0
    steps: int = 0


class AlertEvent(NamedTuple):
    """One step in the life of an alert."""

    alert_id: str
    step: int
    at_ms: int
    event: str
    actor: str | None
    note: str | None
    value: float | None
    severity: str
    threshold: float | None


_COLUMNS = AlertRow._fields[:-1]
_SELECT = f"""
SELECT {", ".join(_COLUMNS)},
       (SELECT coalesce(max(step), 0) FROM alert_event e WHERE e.alert_id = a.id)
FROM performance_alert a
"""
_KEEP = f"""
INSERT INTO performance_alert({", ".join(_COLUMNS)}) VALUES({", ".join("?" * len(_COLUMNS))})
ON CONFLICT(id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}
"""


def select(
    con: sqlite3.Connection, resolved_since_ms: int | None = None, until_ms: int | None = None
) -> list[AlertRow]:
    """Alerts that have not ended, and those that ended in the window; None is any time."""
    rows = con.execute(
        f"{_SELECT} WHERE a.status != 'resolved'"
        " OR (a.resolved_ms >= coalesce(?, 0) AND a.resolved_ms < coalesce(?, 1 << 62))"
        " ORDER BY coalesce(a.opened_ms, a.pending_ms), a.id",
        (resolved_since_ms, until_ms),
    )
    return [AlertRow(*row) for row in rows]


def select_firing(con: sqlite3.Connection) -> list[AlertRow]:
    """Open alerts that nobody has acknowledged or snoozed, oldest first."""
    rows = con.execute(f"{_SELECT} WHERE a.status = 'firing' ORDER BY a.opened_ms, a.id")
    return [AlertRow(*row) for row in rows]


def select_judged(
    con: sqlite3.Connection, ended_since_ms: int, claimed_since_ms: int
) -> list[AlertRow]:
    """What an evaluation goes on from: open alerts, recently ended ones, and claims of people."""
    rows = con.execute(
        f"{_SELECT} WHERE a.status != 'resolved' OR a.resolved_ms >= ?"
        " OR (a.resolved_by IS NOT NULL AND a.resolved_ms >= ?) ORDER BY a.resolved_ms, a.id",
        (ended_since_ms, claimed_since_ms),
    )
    return [AlertRow(*row) for row in rows]


def keep(con: sqlite3.Connection, alerts: Iterable[AlertRow]) -> None:
    """Write alerts as they are now."""
    con.executemany(_KEEP, [alert[:-1] for alert in alerts])


def forget(con: sqlite3.Connection, alert_ids: Iterable[str]) -> None:
    """Delete alerts that were pending and came to nothing."""
    con.executemany("DELETE FROM performance_alert WHERE id = ?", [(name,) for name in alert_ids])


def add_events(con: sqlite3.Connection, events: Iterable[AlertEvent]) -> None:
    """Add steps to histories."""
    con.executemany(
        "INSERT INTO alert_event(alert_id, step, at_ms, event, actor, note, value, severity,"
        " threshold) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        events,
    )


_EVENTS = (
    "SELECT alert_id, step, at_ms, event, actor, note, value, coalesce(severity, ''), threshold"
    " FROM alert_event"
)


def select_events(con: sqlite3.Connection, alert_id: str) -> list[AlertEvent]:
    """The history of an alert, from its beginning."""
    rows = con.execute(f"{_EVENTS} WHERE alert_id = ? ORDER BY id", (alert_id,))
    return [AlertEvent(*row) for row in rows]


class ToldEvent(NamedTuple):
    """A step with its number in the store, and the alert as it is now."""

    number: int
    event: AlertEvent
    rule: str
    subject: str
    host: str | None
    unit: str
    detail: str | None


def select_events_after(con: sqlite3.Connection, number: int, since_ms: int = 0) -> list[ToldEvent]:
    """The steps of all alerts after a number, oldest first: for who tells each of them once."""
    rows = con.execute(
        "SELECT e.id, e.alert_id, e.step, e.at_ms, e.event, e.actor, e.note, e.value,"
        " coalesce(e.severity, a.severity), e.threshold, a.rule, a.subject, a.host,"
        " coalesce(a.unit, ''), a.detail"
        " FROM alert_event e JOIN performance_alert a ON a.id = e.alert_id"
        " WHERE e.id > ? AND e.at_ms >= ? ORDER BY e.id",
        (number, since_ms),
    )
    return [ToldEvent(row[0], AlertEvent(*row[1:10]), *row[10:]) for row in rows]


def judged_until(con: sqlite3.Connection) -> int | None:
    """The first minute (since the epoch) that was not judged yet; None before any was."""
    row = con.execute("SELECT value FROM meta WHERE key = 'judged_until'").fetchone()
    return None if row is None else int(row[0])


def note_judged(con: sqlite3.Connection, until: int, requests: Iterable[tuple[int, int]]) -> None:
    """Keep how far the evaluation has come, and how many requests each minute then had."""
    con.execute(
        "INSERT INTO meta VALUES('judged_until', ?) ON CONFLICT DO UPDATE"
        " SET value = excluded.value",
        (until,),
    )
    con.executemany(
        "INSERT INTO judged_minute VALUES(?, ?) ON CONFLICT DO UPDATE SET requests = excluded.requests",
        requests,
    )


def doubted_since(con: sqlite3.Connection) -> int | None:
    """Since when the clock is doubted."""
    row = con.execute("SELECT value FROM meta WHERE key = 'doubted_ms'").fetchone()
    return None if row is None else int(row[0])


def note_doubt(con: sqlite3.Connection, since_ms: int | None) -> None:
    """Doubt the clock from a time on, or no more."""
    con.execute("DELETE FROM meta WHERE key = 'doubted_ms'")
    if since_ms is not None:
        con.execute("INSERT INTO meta VALUES('doubted_ms', ?)", (since_ms,))


def judged_requests(con: sqlite3.Connection, first: int, last: int) -> dict[int, int]:
    """Requests that each judged minute had when it was judged; minutes without any are missing."""
    rows = con.execute(
        "SELECT period, requests FROM judged_minute WHERE period >= ? AND period < ?",
        (first, last),
    )
    return dict(rows.fetchall())


def first_judged(con: sqlite3.Connection) -> int | None:
    """The oldest minute of which is known what it had when it was judged."""
    row = con.execute("SELECT min(period) FROM judged_minute").fetchone()
    return None if row[0] is None else int(row[0])


class Sighting(NamedTuple):
    """When a new thing was seen first and last."""

    first_ms: int
    last_ms: int


def sightings(con: sqlite3.Connection, rule: str) -> dict[str, Sighting]:
    """What a rule for new things has seen, by subject."""
    rows = con.execute("SELECT subject, first_ms, last_ms FROM sighting WHERE rule = ?", (rule,))
    return {subject: Sighting(first_ms, last_ms) for subject, first_ms, last_ms in rows}


def note_sightings(con: sqlite3.Connection, rule: str, seen: dict[str, Sighting]) -> None:
    """Keep what was seen; the first time stays."""
    con.executemany(
        "INSERT INTO sighting VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET last_ms = max(last_ms, excluded.last_ms)",
        [(rule, subject, *times) for subject, times in seen.items()],
    )


FORGOTTEN = 0
"""As the last time: it was seen, and is news when it comes again."""


def forget_sightings(con: sqlite3.Connection, rule: str, subjects: Iterable[str]) -> None:
    """Let things be news when they come again."""
    con.executemany(
        "UPDATE sighting SET last_ms = ? WHERE rule = ? AND subject = ?",
        [(FORGOTTEN, rule, subject) for subject in subjects],
    )
