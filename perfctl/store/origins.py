"""Which hosts, releases and sources the store knows."""

from __future__ import annotations

import sqlite3


def host_and_source(con: sqlite3.Connection, origin_id: int) -> tuple[str, str]:
    """The host and the source of an origin."""
    row = con.execute("SELECT host, source FROM origin WHERE id = ?", (origin_id,)).fetchone()
    return str(row[0]), str(row[1])


def note_instance(con: sqlite3.Connection, host: str, name: str, now_ms: int) -> None:
    """Keep that a container of this id reported for a host."""
    con.execute(
        "INSERT INTO instance VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " last_seen_ms = excluded.last_seen_ms",
        (host, name, now_ms, now_ms),
    )


def hosts(con: sqlite3.Connection) -> list[str]:
    """All hosts that reported requests or samples."""
    return [
        row[0]
        for row in con.execute(
            "SELECT host FROM origin UNION SELECT host FROM collector ORDER BY host"
        )
    ]


def has_live(con: sqlite3.Connection) -> bool:
    """Whether anything but tests reported."""
    return con.execute("SELECT 1 FROM origin WHERE source != 'test'").fetchone() is not None


def releases(con: sqlite3.Connection) -> list[str]:
    """All releases that reported, the latest first."""
    rows = con.execute(
        "SELECT release FROM origin WHERE release != '' GROUP BY release ORDER BY max(last_seen_ms) DESC"
    )
    return [row[0] for row in rows]
