"""Deploys on the time line, and the packages that an environment held when."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from perfctl.model import HOUR_MS, MINUTE_MS, Level

MARKED = "marked"
SEEN = "seen"

Packages = Mapping[str, str]
"""Versions by name."""


class Deploy(NamedTuple):
    """One deploy; what is not known of it is empty, the package set None."""

    id: int
    at_ms: int
    state: str
    host: str
    environment: str
    release: str
    ref: str
    commit_id: str
    origin: str
    target: str | None
    package_set_id: int | None

    @property
    def name(self) -> str:
        """What people call it: the release, else the ref, else the commit's beginning."""
        return self.release or self.ref or self.commit_id[:12]


class Sighting(NamedTuple):
    """An environment held another package set from this time on."""

    at_ms: int
    host: str
    target: str
    package_set_id: int


def add(con: sqlite3.Connection, deploy: Deploy) -> int:
    """Add a deploy, whatever its `id` says; returns the one that it gets."""
    cursor = con.execute(
        "INSERT INTO deploy(at_ms, state, host, environment, release, ref, commit_id, origin,"
        " target, package_set_id) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        deploy[1:],
    )
    assert cursor.lastrowid is not None  # noqa: S101  # an INSERT has one
    return cursor.lastrowid


def select(con: sqlite3.Connection) -> list[Deploy]:
    """All deploys, oldest first."""
    rows = con.execute(
        "SELECT id, at_ms, state, host, environment, release, ref, commit_id, origin, target,"
        " package_set_id FROM deploy ORDER BY at_ms, id"
    )
    return [Deploy(*row) for row in rows]


def keep_packages(con: sqlite3.Connection, packages: Packages) -> int:
    """The number of a package set, which is stored once."""
    text = json.dumps(dict(sorted(packages.items())), separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    con.execute(
        "INSERT INTO package_set(digest, packages) VALUES(?, ?) ON CONFLICT DO NOTHING",
        (digest, text),
    )
    row = con.execute("SELECT id FROM package_set WHERE digest = ?", (digest,)).fetchone()
    return int(row[0])


def packages_of(con: sqlite3.Connection, number: int) -> Packages:
    """The packages of a set."""
    row = con.execute("SELECT packages FROM package_set WHERE id = ?", (number,)).fetchone()
    return {} if row is None else dict(json.loads(row[0]))


def sight(con: sqlite3.Connection, sighting: Sighting) -> bool:
    """Keep that an environment holds this set, unless it is known to; True if it is news."""
    last = con.execute(
        "SELECT package_set_id FROM package_sighting WHERE host = ? AND target = ?"
        " ORDER BY at_ms DESC, id DESC LIMIT 1",
        (sighting.host, sighting.target),
    ).fetchone()
    if last is not None and last[0] == sighting.package_set_id:
        return False
    con.execute(
        "INSERT INTO package_sighting(at_ms, host, target, package_set_id) VALUES(?, ?, ?, ?)",
        sighting,
    )
    return True


def sightings(con: sqlite3.Connection) -> list[Sighting]:
    """All changes of package sets, oldest first; the first of a target is what it began with."""
    rows = con.execute(
        "SELECT at_ms, host, target, package_set_id FROM package_sighting ORDER BY at_ms, id"
    )
    return [Sighting(*row) for row in rows]


class Appearance(NamedTuple):
    """When a release first answered a request of an environment."""

    release: str
    environment: str
    host: str
    at_ms: int


def appearances(con: sqlite3.Connection) -> list[Appearance]:
    """Releases of live requests that are not kept as seen yet, oldest first.

    The time is that of the first minute, or later the first hour, with a request; the origin
    itself only says when it was read.
    """
    rows = con.execute(_UNKNOWN_RELEASES).fetchall()
    found = [
        Appearance(release, environment, host, _first_ms(con, release, environment, read_ms))
        for release, environment, host, read_ms in rows
    ]
    return sorted(found, key=lambda item: item.at_ms)


_UNKNOWN_RELEASES = """
SELECT o.release, o.environment, o.host, min(o.first_seen_ms) FROM origin o
WHERE o.source = 'live' AND o.release != '' AND NOT EXISTS (
    SELECT 1 FROM deploy d
    WHERE d.state = 'seen' AND d.release = o.release AND d.environment = o.environment)
GROUP BY o.release, o.environment
"""
_FIRST_PERIOD = """
SELECT min(c.period) FROM api_performance_metric c JOIN origin o ON o.id = c.origin_id
WHERE c.level = :level AND c.period >= :first AND c.period < :last
  AND o.release = :release AND o.environment = :environment AND o.source = 'live'
"""


def _first_ms(con: sqlite3.Connection, release: str, environment: str, read_ms: int) -> int:
    names = {"release": release, "environment": environment}
    whole = {"level": Level.HOUR, "first": 0, "last": read_ms // HOUR_MS + 1}
    hour = con.execute(_FIRST_PERIOD, {**names, **whole}).fetchone()[0]
    if hour is None:
        return read_ms
    within = {"level": Level.MINUTE, "first": hour * 60, "last": hour * 60 + 60}
    minute = con.execute(_FIRST_PERIOD, {**names, **within}).fetchone()[0]
    return int(hour) * HOUR_MS if minute is None else int(minute) * MINUTE_MS
