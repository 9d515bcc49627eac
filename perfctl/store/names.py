"""Interned names: each origin, endpoint, pattern, call site, prefix and test has one small number."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from perfctl.model import EndpointKind
from perfctl.recording.check import is_text

MAX_ENDPOINTS = 2000
OTHER = "(other)"

EndpointKey = tuple[str, str, int]
Name = tuple[str, ...]
Values = tuple[object, ...]


class Names:
    """Looks names up and adds new ones, for one writing connection."""

    def __init__(self, con: sqlite3.Connection, now_ms: int) -> None:
        self._con = con
        self._now_ms = now_ms
        self._endpoints: dict[EndpointKey, int] = {}
        self._known: dict[str, dict[Name, int]] = {table: {} for table in _FIND}
        self._known["call_site"]["", ""] = 0
        self.crowded: dict[str, int] = {}
        """How many names went to `(other)` because their table is full, by table."""

    def origin(self, host: str, release: str, environment: str, source: str) -> int:
        """The number of a host, release, environment and source."""
        key = (host, release, environment, source)
        self._con.execute(
            "INSERT INTO origin(host, release, environment, source, first_seen_ms, last_seen_ms)"
            " VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET last_seen_ms = excluded.last_seen_ms",
            (*key, self._now_ms, self._now_ms),
        )
        row = self._con.execute(
            "SELECT id FROM origin WHERE host = ? AND release = ? AND environment = ?"
            " AND source = ?",
            key,
        ).fetchone()
        return int(row[0])

    def endpoint(self, method: str, route: str, kind: int) -> int | None:
        """The number of an endpoint; None for a route that SQLite cannot take."""
        key = (method, route, kind)
        found = self._endpoints.get(key)
        if found is not None:
            return found
        if not is_text(route, 1000):
            return None
        found = self._find_endpoint(key)
        if found is None and self._is_full("endpoint", MAX_ENDPOINTS):
            return self._endpoint_other(kind)
        if found is None:
            found = self._add(
                "INSERT INTO endpoint(method, route, kind, first_seen_ms) VALUES(?, ?, ?, ?)",
                (*key, self._now_ms),
            )
        self._endpoints[key] = found
        return found

    def endpoints(self, keys: Sequence[EndpointKey]) -> list[int]:
        """The number of each of many endpoints, whose routes are known to be texts."""
        return self._all("endpoint", keys, self._endpoints, self.endpoint)

    def prefixes(self, keys: Sequence[tuple[str, str]]) -> list[int]:
        """The number of each of many key prefixes."""
        return self._all("cache_prefix", keys, self._known["cache_prefix"], self.prefix)

    def _all(
        self, table: str, keys: Sequence[Any], known: dict[Any, int], find: Callable[..., Any]
    ) -> list[int]:
        try:
            return list(map(known.__getitem__, keys))
        except KeyError:
            numbers = {key: known.get(key) or find(*key) for key in dict.fromkeys(keys)}
        for key in numbers.keys() - known.keys():  # the table is full
            self.crowded[table] += keys.count(key) - 1
        return list(map(numbers.__getitem__, keys))

    def _find_endpoint(self, key: EndpointKey) -> int | None:
        row = self._con.execute(
            "SELECT id FROM endpoint WHERE method = ? AND route = ? AND kind = ?", key
        ).fetchone()
        return None if row is None else int(row[0])

    def _endpoint_other(self, kind: int) -> int:
        key = ("OTHER", OTHER, kind)
        found = self._endpoints.get(key) or self._find_endpoint(key)
        if found is None:
            found = self._add(
                "INSERT INTO endpoint(method, route, kind, first_seen_ms) VALUES(?, ?, ?, ?)",
                (*key, self._now_ms),
            )
        self._endpoints[key] = found
        return found

    def pattern(self, alias: str, fingerprint: str) -> int:
        """The number of a query pattern of a database alias."""
        seen = (self._now_ms,)
        return self._intern("query_pattern", (alias, fingerprint), (alias, OTHER), seen, seen)

    def site(self, location: str, detail: str | None) -> int:
        """The number of an N+1 call site with what to do there; 0 for none."""
        return self._intern("call_site", (location, detail or ""), (OTHER, ""))

    def prefix(self, alias: str, prefix: str) -> int:
        """The number of a key prefix of a cache alias."""
        return self._intern("cache_prefix", (alias, prefix), (alias, OTHER))

    def test(self, name: str) -> int:
        """The number of a test."""
        return self._intern("test_case", (name,), (OTHER,))

    def span(self, name: str) -> int:
        """The number of a `measure` name."""
        return self._intern("span_name", (name,), (OTHER,))

    def _intern(
        self, table: str, key: Name, other: Name, more: Values = (), more_of_other: Values = ()
    ) -> int:
        """The number of a name, which is added with `more` where it is new; `other` of a full table."""
        known = self._known[table]
        found = known.get(key)
        if found is None:
            row = self._con.execute(_FIND[table], key).fetchone()
            if row is None and key != other and self._is_full(table, _MOST[table]):
                return self._intern(table, other, other, more_of_other)
            found = known[key] = int(row[0]) if row else self._add(_ADD[table], (*key, *more))
        return found

    def _is_full(self, table: str, most: int) -> bool:
        count = self._con.execute(_COUNT[table]).fetchone()[0]
        if count < most:
            return False
        self.crowded[table] = self.crowded.get(table, 0) + 1
        return True

    def _add(self, statement: str, values: tuple[object, ...]) -> int:
        number = self._con.execute(statement, values).lastrowid
        assert number is not None  # noqa: S101  # an INSERT has one
        return number


_FIND = {
    "query_pattern": "SELECT id FROM query_pattern WHERE alias = ? AND fingerprint = ?",
    "call_site": "SELECT id FROM call_site WHERE location = ? AND detail = ?",
    "cache_prefix": "SELECT id FROM cache_prefix WHERE alias = ? AND prefix = ?",
    "test_case": "SELECT id FROM test_case WHERE name = ?",
    "span_name": "SELECT id FROM span_name WHERE name = ?",
}
_ADD = {
    "query_pattern": "INSERT INTO query_pattern(alias, fingerprint, first_seen_ms) VALUES(?, ?, ?)",
    "call_site": "INSERT INTO call_site(location, detail) VALUES(?, ?)",
    "cache_prefix": "INSERT INTO cache_prefix(alias, prefix) VALUES(?, ?)",
    "test_case": "INSERT INTO test_case(name) VALUES(?)",
    "span_name": "INSERT INTO span_name(name) VALUES(?)",
}
_MOST = {
    "query_pattern": 20_000,
    "call_site": 10_000,
    "cache_prefix": 2000,
    "test_case": 50_000,
    "span_name": 1000,
}
_COUNT = {
    "endpoint": "SELECT count(*) FROM endpoint",
    "query_pattern": "SELECT count(*) FROM query_pattern",
    "call_site": "SELECT count(*) FROM call_site",
    "cache_prefix": "SELECT count(*) FROM cache_prefix",
    "test_case": "SELECT count(*) FROM test_case",
    "span_name": "SELECT count(*) FROM span_name",
}


def kind_of(flags: int) -> int:
    """The kind of endpoint that a request's flags make it: probe, long poll or plain."""
    if flags & 4:
        return EndpointKind.PROBE
    return EndpointKind.LONG if flags & 16 else EndpointKind.PLAIN
