"""Reads groups of errors: what a window holds of them, and one of them from all sides."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from perfctl.store.requests import TIE_BITS


class Group(NamedTuple):
    """A group as it stands, whatever the window."""

    id: str
    source: str
    type: str
    location: str | None
    frames: str
    """JSON: `[file, line, function]`, outermost first."""
    message: str | None
    status: str
    total: int
    first_seen_ms: int
    last_seen_ms: int
    first_release: str | None
    resolved_ms: int | None
    resolved_by: str | None
    next_release: int
    ignore_until_ms: int | None
    ignore_until_count: int | None


# An ignored group whose time is over is open, also before it occurs again.
_GROUP = """
SELECT id, source, type, location, frames, message,
       CASE WHEN status = 'ignored' AND ignore_until_ms <= :now_ms THEN 'open' ELSE status END,
       count, first_seen_ms, last_seen_ms, nullif(first_release, ''),
       resolved_ms, resolved_by, next_release, ignore_until_ms, ignore_until_count
FROM error_group
"""


def find(con: sqlite3.Connection, group_id: str, now_ms: int) -> Group | None:
    """One group by its whole id."""
    row = con.execute(f"{_GROUP} WHERE id = :id", {"id": group_id, "now_ms": now_ms}).fetchone()
    return None if row is None else Group(*row)


def by_id(con: sqlite3.Connection, now_ms: int) -> dict[str, Group]:
    """All groups."""
    return {row[0]: Group(*row) for row in con.execute(_GROUP, {"now_ms": now_ms})}


def types_by_id(con: sqlite3.Connection) -> dict[str, str]:
    """The type of every group."""
    return dict(con.execute("SELECT id, type FROM error_group ORDER BY last_seen_ms DESC"))


class Selection(NamedTuple):
    """Which occurrences are meant; None is any, but of the sources tests never by themselves."""

    since_ms: int
    until_ms: int
    source: str | None = None
    host: str | None = None
    release: str | None = None
    environment: str | None = None
    route: str | None = None
    group_id: str | None = None

    def values(self) -> dict[str, object]:
        """The parameters of the statement."""
        edges = {"first": self.since_ms << TIE_BITS, "last": self.until_ms << TIE_BITS}
        return {**self._asdict(), **edges}


_FROM = """
FROM error_log l JOIN origin o ON o.id = l.origin_id LEFT JOIN endpoint e ON e.id = l.endpoint_id
WHERE l.id >= :first AND l.id < :last
  AND (o.source = :source OR (:source IS NULL AND o.source != 'test'))
  AND (:host IS NULL OR o.host = :host) AND (:release IS NULL OR o.release = :release)
  AND (:environment IS NULL OR o.environment = :environment)
  AND (:route IS NULL OR e.route = :route)
"""


def _from(selection: Selection) -> str:
    """The group's own index is used only where the group is no parameter that may be NULL."""
    return _FROM if selection.group_id is None else f"{_FROM} AND l.group_id = :group_id"


class Occurred(NamedTuple):
    """What a window holds of a group: counts, and where it occurred last."""

    group_id: str
    occurrences: int
    users: int
    last_ms: int
    release: str | None
    method: str | None
    route: str | None
    status: int | None
    agent: str | None


# Of a query with one max(), SQLite takes the bare columns from the row that has it.
_OCCURRED = f"""
SELECT l.group_id, count(*), count(DISTINCT l.user), max(l.id) >> {TIE_BITS},
       nullif(o.release, ''), e.method, e.route, l.status, l.agent
"""


def occurred(con: sqlite3.Connection, selection: Selection) -> list[Occurred]:
    """The groups that the window holds."""
    statement = f"{_OCCURRED} {_from(selection)} GROUP BY l.group_id"
    return [Occurred(*row) for row in con.execute(statement, selection.values())]


_SERIES = f"SELECT l.group_id, ((l.id >> {TIE_BITS}) - :since_ms) / :width_ms, count(*)"


def series(
    con: sqlite3.Connection, selection: Selection, width_ms: int
) -> list[tuple[str, int, int]]:
    """(group id, slice, occurrences) for slices so wide; empty ones are missing."""
    statement = f"{_SERIES} {_from(selection)} GROUP BY 1, 2"
    return con.execute(statement, {**selection.values(), "width_ms": width_ms}).fetchall()


class Share(NamedTuple):
    """How many of a group's occurrences have a release, an agent or a route in common."""

    name: str | None
    occurrences: int
    users: int
    first_ms: int
    last_ms: int


_KINDS = {
    "release": "nullif(o.release, '')",
    "agent": "l.agent",
    "host": "o.host",
    "route": "e.method || ' ' || e.route",
}
_SHARE = f"""
count(*), count(DISTINCT l.user), min(l.id) >> {TIE_BITS}, max(l.id) >> {TIE_BITS}
"""


def shares(con: sqlite3.Connection, selection: Selection, kind: str, most: int = 20) -> list[Share]:
    """Occurrences by `release`, `agent`, `host` or `route`, most frequent first."""
    statement = (
        f"SELECT {_KINDS[kind]}, {_SHARE} {_from(selection)}"
        " GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT :most"
    )
    rows = con.execute(statement, {**selection.values(), "most": most})
    return [Share(*row) for row in rows]


class Occurrence(NamedTuple):
    """One error, and of its request what is still kept raw."""

    at_ms: int
    request_id: str | None
    host: str
    release: str | None
    method: str | None
    route: str | None
    status: int | None
    agent: str | None
    user: str | None
    handled: int
    message: str | None
    duration_us: int | None
    queries: int | None


_NEAR_MS = 60_000
_OCCURRENCES = f"""
SELECT l.id >> {TIE_BITS}, l.request_id, o.host, nullif(o.release, ''), e.method, e.route,
       l.status, l.agent, l.user, l.handled, l.message
"""
# A request begins before its error; by time first, for its id has no index.
_REQUEST = """
SELECT duration_us, queries FROM performance_metric
WHERE id BETWEEN ? AND ? AND request_id = ? ORDER BY id DESC LIMIT 1
"""


def occurrences(con: sqlite3.Connection, selection: Selection, most: int) -> list[Occurrence]:
    """The newest occurrences, each with what is kept of its request; `most` -1 is all."""
    statement = f"{_OCCURRENCES} {_from(selection)} ORDER BY l.id DESC LIMIT :most"
    rows = con.execute(statement, {**selection.values(), "most": most}).fetchall()
    return [Occurrence._make((*row, *_request(con, row[0], row[1]))) for row in rows]


def _request(
    con: sqlite3.Connection, at_ms: int, request_id: str | None
) -> tuple[int | None, int | None]:
    if request_id is None:
        return None, None
    edges = (at_ms - _NEAR_MS) << TIE_BITS, (at_ms + _NEAR_MS) << TIE_BITS
    row = con.execute(_REQUEST, (*edges, request_id)).fetchone()
    return (None, None) if row is None else (row[0], row[1])
