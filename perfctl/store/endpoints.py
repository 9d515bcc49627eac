"""The names of endpoints."""

import sqlite3
from typing import NamedTuple


class Endpoint(NamedTuple):
    """One endpoint by its number."""

    method: str
    route: str
    kind: int


def by_id(con: sqlite3.Connection) -> dict[int, Endpoint]:
    """All endpoints by number."""
    rows = con.execute("SELECT id, method, route, kind FROM endpoint")
    return {number: Endpoint(*names) for number, *names in rows}


def routes(con: sqlite3.Connection) -> list[str]:
    """All routes, in order."""
    return [row[0] for row in con.execute("SELECT DISTINCT route FROM endpoint ORDER BY route")]
