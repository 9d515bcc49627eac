"""Somebody's own SQL on the store: read-only, one statement, bounded in time."""

from __future__ import annotations

import sqlite3
import time
from typing import NamedTuple

from perfctl.errors import EnvironmentFault, UsageError

_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_FORBIDDEN_FUNCTIONS = {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"}
_STEPS = 10_000
_LONGEST_VALUE = 10_000_000
_ROWS = 1000


class Table(NamedTuple):
    """The result of a statement."""

    columns: list[str]
    rows: list[tuple[object, ...]]


def run(con: sqlite3.Connection, statement: str, limit_s: float) -> Table:
    """The rows of one SELECT; UsageError for anything else, EnvironmentFault when time is over."""
    if not statement.strip():
        raise UsageError("there is no statement", "perfctl query .views")
    deadline = time.monotonic() + limit_s
    con.set_authorizer(_authorize)
    con.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    # A function works on one value without coming by the handler: it may not grow one for long.
    longest = con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    try:
        cursor = con.execute(statement)
        columns = [column[0] for column in cursor.description or ()]
        rows = _fetch(cursor, deadline)
    except sqlite3.OperationalError as exc:
        if "interrupted" in str(exc):
            if time.monotonic() <= deadline:  # Ctrl-C came while the progress handler was called
                raise KeyboardInterrupt from exc
            raise EnvironmentFault(
                f"the statement took longer than {limit_s:g} s", "--timeout 60, or a shorter window"
            ) from exc
        raise UsageError(f"SQL: {exc}", "perfctl query .views lists what can be asked") from exc
    except (sqlite3.DatabaseError, sqlite3.ProgrammingError) as exc:
        if "not authorized" in str(exc) or "prohibited" in str(exc):
            raise UsageError("only a SELECT may be asked here") from exc
        if isinstance(exc, sqlite3.ProgrammingError | sqlite3.DataError):
            raise UsageError(f"SQL: {exc}") from exc
        raise
    finally:
        con.set_progress_handler(None, 0)
        con.set_authorizer(None)
        con.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
    return Table(columns, rows)


def _fetch(cursor: sqlite3.Cursor, deadline: float) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    while some := cursor.fetchmany(_ROWS):
        rows += some
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("interrupted")
    return rows


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    if action not in _ALLOWED:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and second in _FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def views(con: sqlite3.Connection) -> list[tuple[str, str]]:
    """The stable views, each with its columns."""
    names = [
        row[0]
        for row in con.execute(
            "SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'v!_%' ESCAPE '!'"
            " ORDER BY name"
        )
    ]
    return [
        (
            name,
            ", ".join(
                row[0] for row in con.execute("SELECT name FROM pragma_table_info(?)", (name,))
            ),
        )
        for name in names
    ]
