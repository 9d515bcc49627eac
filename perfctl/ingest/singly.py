"""Stores the records of a chunk one by one, where one of them brought down all of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from perfctl.errors import PerfctlError
from perfctl.ingest.tally import Tally
from perfctl.spool.reader import Chunk

_OF_DATA = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""What SQLite raises for a value, not for the state of the file."""


def is_of_the_store(exc: Exception) -> bool:
    """Whether it would meet any record: the disk, the file, a lock."""
    of_store = isinstance(exc, (sqlite3.Error, OSError, MemoryError, PerfctlError))
    return of_store and not isinstance(exc, _OF_DATA)


def take_singly(
    con: sqlite3.Connection,
    chunk: Chunk,
    begin: Callable[[], Tally],
    write: Callable[[Tally], None],
) -> list[Tally]:
    """Store each record by itself; one that fails is counted as invalid and passed over."""
    failed = 0
    tallies = []
    for record in chunk.records:
        con.execute("SAVEPOINT single")
        try:
            tally = begin()
            tally.take(Chunk([record], 0, 0, chunk.next_position))
            write(tally)
            tallies.append(tally)
        except Exception as exc:
            if is_of_the_store(exc):
                raise
            con.execute("ROLLBACK TO single")
            failed += 1
        con.execute("RELEASE single")
    rest = begin()
    rest.take(Chunk([], chunk.torn, chunk.invalid + failed, chunk.next_position))
    write(rest)
    return [*tallies, rest]
