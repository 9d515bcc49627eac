"""Forgets a user: what is recorded stays and counts, but tells no more whose it was."""

from __future__ import annotations

import bisect
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from perfctl import ingest
from perfctl.answers.answer import Answer, Question, coverage
from perfctl.chunks import Act, give_back, in_chunks
from perfctl.errors import StoreError, UsageError
from perfctl.recording.users import hash_user
from perfctl.spool.reader import list_segments
from perfctl.spool.scrub import scrub
from perfctl.store import place, positions, users
from perfctl.store.connection import reading, reading_copy, writing
from perfctl.store.place import spool_folder
from perfctl.store.pruning import Chunk

_WIPE_S = 10.0


class Forgotten(NamedTuple):
    """What was taken out, and whether traces of it are left in the file."""

    user: str
    rows: dict[str, int]
    """By table."""
    spool_lines: int
    """Lines that running processes still keep in the spool, read already."""
    left: list[str]
    """Where it can still be read, and why."""


def identifiers(user: str, secret: str | None) -> tuple[str, ...]:
    """How a user may stand in the records: as the key, and as its hash where a secret is known."""
    key = user.strip()
    if not key:
        raise UsageError("--user takes a primary key, or its hash", "perfctl forget --user 42")
    return (key,) if secret is None else (key, hash_user(key, secret.encode()))


def count(question: Question, known: Sequence[str]) -> int:
    """How many rows are of the user now."""
    return sum(len(users.find(question.con, table, known)) for table in users.TABLES)


def forget(store: Path, known: Sequence[str], now_ms: int) -> Forgotten:
    """Take a user out of the store and the spool, and out of the file's free space."""
    ingest.drain(store, now_ms)
    rows = {table: _remove(store, table, known) for table in users.TABLES}
    lines, left = _scrub(store, known)
    give_back(store, 0)
    left += _copies(store, known)
    if not _wipe(store):
        left.append(f"{store.name}-wal: another process reads an older state of the store")
    return Forgotten(known[0], rows, lines, left)


def _remove(store: Path, table: str, known: Sequence[str]) -> int:
    total = 0
    while True:  # what another process brought in meanwhile goes too
        with reading(store) as con:
            ids = users.find(con, table, known)
            if not ids:
                return total
            total += in_chunks(store, _removing(table, ids))


def _removing(table: str, ids: Sequence[int]) -> Act:
    def act(con: sqlite3.Connection, begin: int, rows: int) -> Chunk:
        first = bisect.bisect_left(ids, begin)
        part = ids[first : first + rows]
        changed = users.remove(con, table, part)
        is_last = first + rows >= len(ids)
        return Chunk(changed, None if is_last else part[-1] + 1)

    return act


def _scrub(store: Path, known: Sequence[str]) -> tuple[int, list[str]]:
    """Under the lock: nobody drains, so that the read positions stay as they are."""
    folder = spool_folder(store)
    lines, left = 0, []
    with writing(store) as con:
        read = positions.read_all(con)
        for name in list_segments(folder):
            try:
                found = scrub(folder / name, read.get(name, 0), known)
            except OSError as exc:
                left.append(f"{name}: {exc.strerror}")
                continue
            lines += found.lines
            if found.is_left:
                left.append(f"{name}: lines that are not read yet")
    return lines, left


def _copies(store: Path, known: Sequence[str]) -> Iterator[str]:
    """Copies are not changed: they are what one goes back to."""
    for copy in place.copies(store):
        try:
            with reading_copy(copy) as con:
                is_there = any(users.find(con, table, known) for table in users.TABLES)
        except StoreError:
            yield f"{copy.name}: a copy of the store that cannot be read, to be deleted"
            continue
        if is_there:
            yield f"{copy.name}: a copy of the store, to be deleted"


def _wipe(store: Path) -> bool:
    deadline = time.monotonic() + _WIPE_S
    while True:
        with writing(store) as con:
            if users.wipe(con):
                return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)


def report(question: Question, forgotten: Forgotten) -> Answer:
    """What was forgotten, as an answer."""
    covered = coverage(question, sum(forgotten.rows.values()))
    return Answer("forget", None, covered, forgotten, question.warnings)


def secret_from(name: str | None) -> str | None:
    """The project's secret from a variable of the environment."""
    if name is None:
        return None
    secret = os.environ.get(name)
    if not secret:
        raise UsageError(f"--secret-env: {name} is not set", f"{name}=… perfctl forget --user 42")
    return secret
