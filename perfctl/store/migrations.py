"""Numbered migrations of the store, run through sqlite-utils; this module is imported only when one is due.

To add one: a text in `schema.py`, a function here, `SCHEMA_VERSION` in `connection.py`, and a store
of the version before under `tests/store/schemas/`.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from perfctl.store import schema

migrations = Migrations("perfctl")


@migrations()
def m0001_begin(db: Database) -> None:
    """Make the tables and views of schema version 1."""
    for statement in statements(schema.VERSION_1):
        db.execute(statement)
    db.execute("INSERT INTO meta VALUES('min_reader', 1)")
    db.execute("PRAGMA user_version = 1")


def statements(script: str) -> list[str]:
    """The statements of a script, one by one: `executescript` would commit the transaction."""
    found, begun = [], ""
    for line in script.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            found.append(begun.strip())
            begun = ""
    return found


def apply(con: sqlite3.Connection) -> None:
    """Bring the schema up to date, a migration a transaction."""
    migrations.apply(Database(con, execute_plugins=False))
