"""Writes the dump of a store of the present schema: `python -m tests.store.dump`.

Run it while a version is in the making; once it is released, its dump stays as it is.
"""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from pathlib import Path

from perfctl import ingest
from perfctl.store import connection
from tests import segments
from tests.segments import NOW_MS, request

FOLDER = Path(__file__).with_name("schemas")


def main() -> None:
    """A store with a few rows of each kind that a feeder brings."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "perfctl.db"
        os.close(os.open(store, os.O_CREAT | os.O_WRONLY, 0o600))
        connection.create(store)
        _fill(store)
        con = sqlite3.connect(store)
        text = "\n".join(con.iterdump())
        con.close()
    applied = re.compile(r"'20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00:00'")
    text = applied.sub("'2026-11-24 12:00:00.000000+00:00'", text)
    version = connection.SCHEMA_VERSION
    head = (
        f"PRAGMA application_id = {connection.APPLICATION_ID};\nPRAGMA user_version = {version};\n"
    )
    (FOLDER / f"v{version}.sql").write_text(f"{head}{text}\n")


def _fill(store: Path) -> None:
    site = ["n", 0, 8, 4000, "app/views.py:9 in page", "select_related('owner')"]
    segments.write(
        store,
        [
            ["p", 0, "default", "SELECT * FROM item WHERE owner_id = ?"],
            request(
                NOW_MS - 5,
                request_id="one",
                patterns=[[0, 10, 5000, 700]],
                findings=[site],
                caches=[["default", "item", 3, 1, 2, 80]],
                user="7",
                test="t::one",
                spans=[["seal", 1, 90]],
            ),
            request(NOW_MS, request_id="two", status=500, flags=1, queries=None, db_us=None),
            ["e", NOW_MS, "two", "GET", "/items/", 500, "KeyError", [["app/views.py", 3, "page"]],
             None, "Firefox 130"],
            ["c", "dropped:spool_full", 2],
        ],
    )  # fmt: skip
    ingest.drain(store, NOW_MS)


if __name__ == "__main__":
    main()
