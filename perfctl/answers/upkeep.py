"""`db info` and `db check`: what the store holds, and whether it is whole."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from perfctl.answers.answer import Answer, Question, answer
from perfctl.model import Coverage
from perfctl.store import connection, counters, requests, upkeep
from perfctl.units import iso_utc


class StoreInfo(NamedTuple):
    """The store in figures; sizes in bytes."""

    path: str
    schema: int
    sqlite: str
    file_bytes: int
    wal_bytes: int
    free_bytes: int
    oldest_request: str | None
    newest_request: str | None
    requests: int
    bytes_per_request: float | None
    tables: dict[str, int]
    counters: dict[str, int]


class StoreCheck(NamedTuple):
    """What is wrong with the store; empty lists where it is whole."""

    path: str
    damage: list[str]
    mismatches: list[str]

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return not self.damage and not self.mismatches


def describe_store(question: Question, store: Path) -> Answer:
    """Size, schema, rows and counters."""
    con = question.con
    page_bytes, _, free = upkeep.pages(con)
    rows = {table.name: table.rows for table in upkeep.tables(con)}
    oldest_ms, newest_ms = upkeep.raw_range(con)
    n = rows["performance_metric"]
    size = store.stat().st_size
    info = StoreInfo(
        path=str(store),
        schema=connection.version(con),
        sqlite=sqlite3.sqlite_version,
        file_bytes=size,
        wal_bytes=_size(store.with_name(store.name + "-wal")),
        free_bytes=page_bytes * free,
        oldest_request=None if oldest_ms is None else iso_utc(oldest_ms),
        newest_request=None if newest_ms is None else iso_utc(newest_ms),
        requests=n,
        bytes_per_request=size / n if n else None,
        tables=rows,
        counters=_counters(con),
    )
    return answer(question, "db.info", info, n)


def check_store(question: Question, store: Path) -> Answer:
    """SQLite's own check of the file, and whether rollups hold at least their raw rows."""
    found = upkeep.damage(question.con)
    mismatches = [] if found else upkeep.mismatches(question.con)
    samples = 0 if found or requests.newest_ms(question.con) is None else 1
    check = StoreCheck(str(store), found, mismatches)
    return answer(question, "db.check", check, samples)


def name_damage(store: Path, message: str) -> Answer:
    """The answer about a store too damaged to be opened."""
    nothing = Coverage(0, (), 0, 0, None)
    return Answer("db.check", None, nothing, StoreCheck(str(store), [message], []))


def _counters(con: sqlite3.Connection) -> dict[str, int]:
    found: dict[str, int] = {}
    for counted in counters.select(con):
        found[counted.name] = found.get(counted.name, 0) + counted.total
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
