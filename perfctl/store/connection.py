"""Opens the store: one writer at a time under a file lock, any number of short-lived readers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from perfctl.errors import StoreError
from perfctl.store.ownership import is_group_folder
from perfctl.store.place import check_folder, lock_file

SCHEMA_VERSION = 1
APPLICATION_ID = 0x70657266
"""`perf`: tells a store from other SQLite files."""
_OLDEST_SQLITE = (3, 37, 0)


class StoreDamaged(StoreError):
    """The file is a store that SQLite finds malformed."""


class StoreBusy(StoreError):
    """Another perfctl writes to the store for longer than this one may wait."""


@contextlib.contextmanager
def reading(store: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection; a store newer than this perfctl understands is refused."""
    try:
        with contextlib.closing(_open_reader(store)) as con:
            check_version(con, store)
            yield con
    except sqlite3.DatabaseError as exc:
        raise explain(exc, store) from exc


@contextlib.contextmanager
def reading_copy(copy: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a file that nobody writes any more: nothing is made beside it."""
    try:
        with contextlib.closing(_open(copy, "ro&immutable=1")) as con:
            yield con
    except sqlite3.DatabaseError as exc:
        raise explain(exc, copy) from exc


@contextlib.contextmanager
def reading_nothing() -> Iterator[sqlite3.Connection]:
    """An empty store in memory: questions to a store that does not exist have empty answers."""
    from perfctl.store.schema import VERSION_1

    con = sqlite3.connect(":memory:", isolation_level=None)
    try:
        con.executescript(VERSION_1)
        yield con
    finally:
        con.close()


@contextlib.contextmanager
def writing(
    store: Path, *, wait_s: float = 30.0, full_sync: bool = False
) -> Iterator[sqlite3.Connection]:
    """A connection that may write, alone: `<store>.lock` is held until it is closed."""
    with locked(store, wait_s):
        con = _open(store, "rw")
        try:
            check_own_version(con, store)
            con.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
            con.execute("PRAGMA journal_size_limit = 16777216")
            con.execute("PRAGMA secure_delete = ON")  # what is deleted can be read no more
            yield con
        except sqlite3.DatabaseError as exc:
            raise explain(exc, store) from exc
        finally:
            con.close()


@contextlib.contextmanager
def transaction(con: sqlite3.Connection) -> Iterator[None]:
    """`BEGIN IMMEDIATE` … `COMMIT`, or nothing of it."""
    con.execute("BEGIN IMMEDIATE")
    try:
        yield
        con.execute("COMMIT")
    except BaseException:
        if con.in_transaction:
            con.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def locked(store: Path, wait_s: float) -> Iterator[None]:
    """Hold the store's write lock; StoreBusy when `wait_s` is over, StoreError for an unsafe folder."""
    check_folder(store)
    fd = _open_lock(store)
    try:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise StoreBusy(f"another perfctl is writing to {store}") from None
                time.sleep(0.01)
        yield
    finally:
        os.close(fd)


def create(store: Path) -> None:
    """Make the schema in a new store, or leave it as it is where it has one.

    The file itself, its owner and its mode are made by `place.prepare` before.
    """
    with locked(store, 30.0):
        try:
            with contextlib.closing(_open(store, "rw")) as con:
                _create(con, store)
        except sqlite3.DatabaseError as exc:
            raise explain(exc, store) from exc


def _create(con: sqlite3.Connection, store: Path) -> None:
    if version(con):
        check_own_version(con, store)
        return
    _refuse_foreign(con, store)
    con.execute("PRAGMA auto_vacuum = INCREMENTAL")
    con.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    con.execute("PRAGMA journal_mode = WAL")
    _apply(con)


def migrate(store: Path) -> None:
    """Bring an older schema up to date; the caller has taken a snapshot."""
    with locked(store, 30.0):
        con = _open(store, "rw")
        try:
            check_version(con, store)
            _apply(con)
        finally:
            con.close()


def is_behind(store: Path) -> bool:
    """Whether the schema is older than this perfctl's; an empty file has none to be behind."""
    if not store.stat().st_size:
        return False
    with reading(store) as con:
        return version(con) < SCHEMA_VERSION


def version(con: sqlite3.Connection) -> int:
    """The schema version of the store, 0 where it has none yet."""
    return int(con.execute("PRAGMA user_version").fetchone()[0])


def check_version(con: sqlite3.Connection, store: Path) -> None:
    """Refuse what is no store, and a schema whose `min_reader` is above this perfctl's."""
    if version(con) == 0:
        _refuse_foreign(con, store)
        raise StoreError(f"{store} is empty: it holds no schema yet", "perfctl init")
    if con.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"{store} is a SQLite database, but not a perfctl store")
    row = con.execute("SELECT value FROM meta WHERE key = 'min_reader'").fetchone()
    if row is not None and row[0] > SCHEMA_VERSION:
        raise StoreError(
            f"{store} was written by a newer perfctl (schema {version(con)}; "
            f"this one reads up to {SCHEMA_VERSION})",
            "pip install --upgrade perfctl",
        )


def check_own_version(con: sqlite3.Connection, store: Path) -> None:
    """Refuse to write a store of another schema than this perfctl's own."""
    check_version(con, store)
    found = version(con)
    if found > SCHEMA_VERSION:
        raise StoreError(
            f"{store} has the schema of a newer perfctl ({found}): this one only reads it",
            "pip install --upgrade perfctl",
        )
    if found < SCHEMA_VERSION:
        raise StoreError(f"{store} has an older schema ({found})", "perfctl db migrate")


def explain(exc: sqlite3.DatabaseError, store: Path) -> StoreError:
    """The SQLite failure in the words of a person who runs perfctl."""
    text = str(exc)
    if "not a database" in text:
        return StoreError(f"{store} is not a perfctl store: it is no SQLite database")
    if "malformed" in text or "disk image" in text:
        return StoreDamaged(f"{store} is damaged: {text}", "perfctl doctor")
    if "readonly" in text or "read-only" in text:
        return StoreError(f"{store} cannot be written: {text}")
    if "locked" in text or "busy" in text:
        return StoreBusy(f"{store} is locked by another process")
    return StoreError(f"{store}: {text}", "perfctl doctor")


def _open_reader(store: Path) -> sqlite3.Connection:
    con = _open(store, "ro")
    try:
        con.execute("PRAGMA query_only = ON")
        con.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        return con
    except sqlite3.OperationalError:
        con.close()
        # A folder without write permission has no place for the -shm file that WAL needs. Where
        # nothing waits in the WAL, the file alone is the whole store.
        wal = store.with_name(store.name + "-wal")
        if wal.exists() and wal.stat().st_size:
            raise StoreError(
                f"{store} cannot be read here: its folder is not writable and its WAL holds data",
                "perfctl db snapshot",
            ) from None
        return _open(store, "ro&immutable=1")


def _open(store: Path, mode: str) -> sqlite3.Connection:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreError(
            f"SQLite {sqlite3.sqlite_version} is too old: STRICT tables need 3.37",
            "use a Python built with a newer SQLite",
        )
    if not store.exists():
        raise StoreError(f"there is no store at {store}", "perfctl init")
    path = str(store.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        con = sqlite3.connect(
            f"file:{path}?mode={mode}", uri=True, isolation_level=None, timeout=10
        )
        con.execute("PRAGMA trusted_schema = OFF")
    except sqlite3.DatabaseError as exc:
        raise explain(exc, store) from exc
    return con


def _open_lock(store: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        before = os.umask(0o007 if is_group_folder(store.parent.stat().st_mode) else 0o077)
        try:
            return os.open(lock_file(store), flags, 0o660)
        finally:
            os.umask(before)
    except OSError as exc:
        raise StoreError(f"{lock_file(store)} cannot be opened: {exc.strerror}") from exc


def _refuse_foreign(con: sqlite3.Connection, store: Path) -> None:
    is_ours = con.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    if not is_ours and con.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise StoreError(f"{store} is a SQLite database, but not a perfctl store")


def _apply(con: sqlite3.Connection) -> None:
    from perfctl.store.migrations import apply

    apply(con)
