"""System samples of each host, their hours, and when a collector last came by."""

import sqlite3
from itertools import pairwise
from typing import NamedTuple

from perfctl.model import HOUR_MS
from perfctl.store.requests import TIE_BITS


class SystemRow(NamedTuple):
    """One sample in the order of its columns after the id; shares are 0 to 1, None is unknown."""

    host: str
    interval_s: float | None
    scope: str
    cpu: float | None
    memory: float | None
    swap: float | None
    load1: float | None
    disk: float | None
    disk_mount: str | None
    net_in_bps: float | None
    net_out_bps: float | None
    disk_read_bps: float | None
    disk_write_bps: float | None
    open_files: int | None
    processes: int | None
    detail: str


class Sampled(NamedTuple):
    """A stored sample with its time."""

    at_ms: int
    row: SystemRow


class Collector(NamedTuple):
    """When a collector of a host last came by; `state` is its own JSON."""

    host: str
    last_ms: int
    interval_s: float | None
    state: str | None


_INSERT = f"INSERT INTO system_metric VALUES({', '.join('?' * 17)})"
_ADD_HOUR = """
INSERT INTO system_hour VALUES(:host, :period, :cpu IS NOT NULL, coalesce(:cpu, 0), :cpu,
                               :memory IS NOT NULL, coalesce(:memory, 0), :memory, :disk, :load1)
ON CONFLICT DO UPDATE SET
    cpu_samples = cpu_samples + excluded.cpu_samples, cpu_sum = cpu_sum + excluded.cpu_sum,
    cpu_max = coalesce(max(cpu_max, excluded.cpu_max), cpu_max, excluded.cpu_max),
    memory_samples = memory_samples + excluded.memory_samples,
    memory_sum = memory_sum + excluded.memory_sum,
    memory_max = coalesce(max(memory_max, excluded.memory_max), memory_max, excluded.memory_max),
    disk_max = coalesce(max(disk_max, excluded.disk_max), disk_max, excluded.disk_max),
    load1_max = coalesce(max(load1_max, excluded.load1_max), load1_max, excluded.load1_max)
"""


def insert(con: sqlite3.Connection, at_ms: int, row: SystemRow) -> None:
    """Add a sample, and to its hour."""
    import random  # only those who write need it: it brings hashlib along

    number = at_ms << TIE_BITS | random.getrandbits(TIE_BITS)
    con.execute(_INSERT, (number, *row))
    con.execute(
        _ADD_HOUR,
        {
            "host": row.host,
            "period": at_ms // HOUR_MS,
            "cpu": row.cpu,
            "memory": row.memory,
            "disk": row.disk,
            "load1": row.load1,
        },
    )


def select(
    con: sqlite3.Connection, since_ms: int, until_ms: int, host: str | None
) -> list[Sampled]:
    """The samples of a window, oldest first."""
    rows = con.execute(
        "SELECT * FROM system_metric WHERE id >= ? AND id < ? AND (? IS NULL OR host = ?)"
        " ORDER BY id",
        (since_ms << TIE_BITS, until_ms << TIE_BITS, host, host),
    )
    return [Sampled(number >> TIE_BITS, SystemRow._make(rest)) for number, *rest in rows]


def last(con: sqlite3.Connection, host: str | None) -> Sampled | None:
    """The newest sample of a host, or of any."""
    row = con.execute(
        "SELECT * FROM system_metric WHERE ? IS NULL OR host = ? ORDER BY id DESC LIMIT 1",
        (host, host),
    ).fetchone()
    return None if row is None else Sampled(row[0] >> TIE_BITS, SystemRow._make(row[1:]))


def collectors(con: sqlite3.Connection, name: str = "system") -> list[Collector]:
    """The collectors of a kind, one a host."""
    rows = con.execute(
        "SELECT host, last_ms, interval_s, state FROM collector WHERE name = ? ORDER BY host",
        (name,),
    )
    return [Collector(*row) for row in rows]


def note_collector(
    con: sqlite3.Connection,
    host: str,
    at_ms: int,
    interval_s: float | None,
    state: str | None,
    name: str = "system",
) -> None:
    """Keep that a collector came by, how often it means to, and what it must remember."""
    con.execute(
        "INSERT INTO collector VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " last_ms = excluded.last_ms, interval_s = excluded.interval_s, state = excluded.state",
        (host, name, at_ms, interval_s, state),
    )


def gaps_s(con: sqlite3.Connection, host: str, most: int = 20) -> list[float]:
    """Seconds between the newest samples of a host, ascending."""
    rows = con.execute(
        "SELECT id FROM system_metric WHERE host = ? ORDER BY id DESC LIMIT ?", (host, most + 1)
    ).fetchall()
    times = [row[0] >> TIE_BITS for row in rows]
    return sorted((later - earlier) / 1000 for later, earlier in pairwise(times))
