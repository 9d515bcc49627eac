"""Thins raw requests where the store is too large: slow and failed ones stay, of the others a sample."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from perfctl.model import Flag
from perfctl.store.pruning import Chunk, Ids, between
from perfctl.store.requests import TIE_BITS

STEPS = (16, 256)
"""One request in so many stays, evenly over all of them: the low bits of an id are drawn."""


class Raw(NamedTuple):
    """What of a request decides whether it stays."""

    id: int
    endpoint_id: int
    status: int
    duration_us: int
    flags: int


def is_plain(row: Raw, limit_us: float) -> bool:
    """Whether a request was neither slow nor failed."""
    return row.status < 500 and not row.flags & Flag.ERROR and row.duration_us <= limit_us


class Step(NamedTuple):
    """What to thin, what to spare, how far, and from when on a request of an endpoint is slow."""

    part: Ids
    spared: tuple[Ids, ...]
    one_in: int
    limit_us: Callable[[int], float]


def thin(con: sqlite3.Connection, step: Step, begin: int, rows: int) -> Chunk:
    """Delete the plain requests among so many from an id on, and keep how far that has come."""
    first = max(begin, step.part.first)
    found = [Raw(*row) for row in con.execute(_SELECT, (first, step.part.last, rows))]
    is_last = len(found) < rows
    edge = step.part.last if is_last else found[-1].id + 1
    going = [(row.id,) for row in found if _may_go(row, step)]
    con.executemany("DELETE FROM performance_metric WHERE id = ?", going)
    _note(con, step.one_in, edge >> TIE_BITS)
    return Chunk(len(going), None if is_last else edge)


_SELECT = """
SELECT id, endpoint_id, status, duration_us, flags FROM performance_metric
WHERE id >= ? AND id < ? ORDER BY id LIMIT ?
"""


def _may_go(row: Raw, step: Step) -> bool:
    return (
        row.id % step.one_in != 0
        and is_plain(row, step.limit_us(row.endpoint_id))
        and bool(between(Ids(row.id, row.id + 1), step.spared))
    )


def used_bytes(con: sqlite3.Connection) -> int:
    """Bytes of the pages that hold something."""
    pages, free, size = (
        con.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def thinned_until(con: sqlite3.Connection) -> dict[int, int]:
    """Up to which start in milliseconds only one plain request in so many is kept, by how many."""
    row = con.execute("SELECT value FROM meta WHERE key = 'thinned'").fetchone()
    kept = json.loads(row[0]) if row else {}
    return {step: int(kept.get(str(step), 0)) for step in STEPS}


def _note(con: sqlite3.Connection, one_in: int, until_ms: int) -> None:
    kept = {**thinned_until(con), one_in: until_ms}
    con.execute(
        "INSERT INTO meta VALUES('thinned', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (json.dumps(kept),),
    )


def first_id(at_ms: int) -> int:
    """The first id that starts at that time."""
    return at_ms << TIE_BITS
