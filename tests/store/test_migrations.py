"""Stores of every schema that was ever released open, answer, and become the newest."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from perfctl import ingest
from perfctl.errors import StoreError
from perfctl.store import connection, migrations
from tests import segments
from tests.segments import NOW_MS, request

SCHEMAS = sorted(Path(__file__).with_name("schemas").glob("v*.sql"))


def build(script: Path, folder: Path) -> Path:
    """A store from the dump of an older perfctl."""
    path = folder / "perfctl.db"
    con = sqlite3.connect(path)
    con.executescript(script.read_text())
    con.execute("PRAGMA journal_mode = WAL")
    con.close()
    path.chmod(0o600)
    return path


def shape(store: Path) -> set[tuple[str, str]]:
    """Tables, views and indexes with their SQL, white space aside."""
    with connection.reading(store) as con:
        rows = con.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {(name, " ".join(sql.split())) for name, sql in rows}


def test_there_is_a_store_of_every_version() -> None:
    """A migration without the store before it could not be tried."""
    assert [script.name for script in SCHEMAS] == [
        f"v{version}.sql" for version in range(1, connection.SCHEMA_VERSION + 1)
    ]


@pytest.mark.parametrize("script", SCHEMAS, ids=lambda script: script.stem)
def test_an_older_store_becomes_the_newest(script: Path, store: Path, tmp_path: Path) -> None:
    """The same shape as a new store, with its rows, and it can be written."""
    folder = tmp_path / "older"
    folder.mkdir()
    older = build(script, folder)

    connection.migrate(older)

    assert shape(older) == shape(store)
    segments.write(older, [request(NOW_MS + 1, request_id="three")])
    ingest.drain(older, NOW_MS + 1)
    with connection.reading(older) as con:
        ids = [row[0] for row in con.execute("SELECT request_id FROM v_requests ORDER BY 1")]
        assert ids == ["one", "three", "two"]
        assert con.execute("PRAGMA user_version").fetchone()[0] == connection.SCHEMA_VERSION


@pytest.mark.parametrize("script", SCHEMAS, ids=lambda script: script.stem)
def test_an_older_store_is_read_as_it_is(script: Path, tmp_path: Path) -> None:
    """Questions do not migrate."""
    older = build(script, tmp_path)
    with connection.reading(older) as con:
        assert con.execute("SELECT count(*) FROM v_requests").fetchone() == (2,)


def test_a_migration_that_dies_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    """kill -9 within the first one: the next perfctl makes it anew."""
    path = tmp_path / "perfctl.db"
    path.touch(0o600)
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from perfctl.store import connection, migrations\n"
        "plain = migrations.statements\n"
        "def deadly(script):\n"
        "    yield from plain(script)[:9]\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "migrations.statements = deadly\n"
        "connection.create(Path(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9

    connection.create(path)

    with connection.reading(path) as con:
        assert con.execute("SELECT count(*) FROM v_requests").fetchone() == (0,)


def test_statements_are_the_script_one_by_one() -> None:
    """Semicolons in comments or strings do not cut."""
    script = "CREATE TABLE a(x); -- one; two\nINSERT INTO a VALUES(';');\n"
    assert len(migrations.statements(script)) == 2


def test_what_is_newer_is_not_written(store: Path) -> None:
    """Only a command of the store's own schema writes."""
    con = sqlite3.connect(store)
    con.execute("PRAGMA user_version = 99")
    con.close()
    with pytest.raises(StoreError, match="newer"), connection.writing(store):
        pass
