"""What the merge gate reads: the requests of tests one by one, and live traffic in blocks of time."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perfctl.model import Filters, Window
from perfctl.store.cells import Span
from perfctl.store.requests import TIE_BITS

Use = tuple[int, int, int | None]
"""(pattern_id, calls, site_id): with a site, or 0 for an unknown one, the calls are an N+1."""


class ExactRow(NamedTuple):
    """A request of a test, before it has an id."""

    at_ms: int
    test_id: int
    endpoint_id: int
    duration_us: int
    queries: int | None
    cache_hits: int
    cache_misses: int
    uses: Sequence[Use] = ()


def segment_id(con: sqlite3.Connection, name: str, process: str) -> int:
    """The number of a segment: a later segment has a higher one, whatever its clock says."""
    row = con.execute("SELECT id FROM test_segment WHERE name = ?", (name,)).fetchone()
    if row is None:
        cursor = con.execute(
            "INSERT INTO test_segment(name, process) VALUES(?, ?)", (name, process)
        )
        return int(cursor.lastrowid or 0)
    return int(row[0])


def insert_tests(
    con: sqlite3.Connection, segment: int, origin_id: int, rows: Iterable[ExactRow]
) -> None:
    """Add the requests of tests; each draws until it has an id of its own."""
    for at_ms, test_id, *numbers, uses in rows:
        values = (segment, origin_id, test_id, *numbers, json.dumps(uses, separators=(",", ":")))
        while not con.execute(_ADD_TEST, (_draw_id(at_ms), *values)).rowcount:
            pass


_ADD_TEST = "INSERT OR IGNORE INTO test_request VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _draw_id(at_ms: int) -> int:
    return at_ms << TIE_BITS | random.getrandbits(TIE_BITS)


class StoredTest(NamedTuple):
    """A request of a test as it is stored."""

    segment_id: int
    process: str
    test: str
    method: str
    route: str
    duration_us: int
    queries: int | None
    cache_hits: int
    cache_misses: int
    uses: Sequence[Use]


_ORIGINS = """
  AND o.source = :source AND (:host IS NULL OR o.host = :host)
  AND (:release IS NULL OR o.release = :release)
  AND (:environment IS NULL OR o.environment = :environment)
"""
_SELECT_TESTS = f"""
SELECT r.segment_id, s.process, t.name, e.method, e.route, r.duration_us, r.queries,
       r.cache_hits, r.cache_misses, r.uses
FROM test_request r JOIN test_segment s ON s.id = r.segment_id
JOIN origin o ON o.id = r.origin_id JOIN test_case t ON t.id = r.test_id
JOIN endpoint e ON e.id = r.endpoint_id
WHERE r.id >= :first AND r.id < :last AND e.kind != 1 {_ORIGINS}
ORDER BY r.id
"""


def select_tests(con: sqlite3.Connection, window: Window, origins: Filters) -> list[StoredTest]:
    """The requests of tests in a window, in the order of their clocks."""
    values = {
        **origins._asdict(),
        "first": window.since_ms << TIE_BITS,
        "last": window.until_ms << TIE_BITS,
    }
    return [
        StoredTest._make((*row, json.loads(uses)))
        for *row, uses in con.execute(_SELECT_TESTS, values)
    ]


class Pattern(NamedTuple):
    """A query pattern by its number."""

    alias: str
    fingerprint: str


def patterns(con: sqlite3.Connection) -> dict[int, Pattern]:
    """All query patterns."""
    rows = con.execute("SELECT id, alias, fingerprint FROM query_pattern")
    return {number: Pattern(*names) for number, *names in rows}


def call_sites(con: sqlite3.Connection) -> dict[int, tuple[str, str | None]]:
    """All N+1 call sites with what to do about each; 0 is an unknown place."""
    rows = con.execute("SELECT id, location, nullif(detail, '') FROM call_site")
    return {number: (location, detail) for number, location, detail in rows}


def has_tests(con: sqlite3.Connection) -> bool:
    """Whether any request of a test is stored."""
    return con.execute("SELECT 1 FROM test_request LIMIT 1").fetchone() is not None


class PeriodRow(NamedTuple):
    """What a route did in a stretch of time, of the answers of one status class."""

    method: str
    route: str
    status_class: int
    period: int
    requests: int
    queries: int
    watched_requests: int
    sketch: bytes


_SELECT_PERIODS = f"""
SELECT e.method, e.route, c.status_class, (c.period - :first) / :width, sum(c.requests),
       sum(c.queries), sum(c.watched_requests), CAST(group_concat(c.sketch, '') AS BLOB)
FROM api_performance_metric c JOIN origin o ON o.id = c.origin_id
JOIN endpoint e ON e.id = c.endpoint_id
WHERE c.level = :level AND c.period >= :first AND c.period < :last AND e.kind != 1 {_ORIGINS}
GROUP BY c.endpoint_id, c.status_class, 4
"""
_SELECT_EXTENT = f"""
SELECT min(c.period), max(c.period) FROM api_performance_metric c
JOIN origin o ON o.id = c.origin_id
WHERE c.level = :level AND c.period >= :first AND c.period < :last {_ORIGINS}
"""


def select_extent(con: sqlite3.Connection, span: Span, origins: Filters) -> Span:
    """The part of a span from the first cell in it to the last."""
    values = {**span._asdict(), **origins._asdict()}
    first, last = con.execute(_SELECT_EXTENT, values).fetchone()
    return span if first is None else span._replace(first=first, last=last + 1)


def select_periods(
    con: sqlite3.Connection, span: Span, width: int, origins: Filters
) -> list[PeriodRow]:
    """The sums of each route over each `width` cells of one level; probes are left out."""
    values = {**span._asdict(), **origins._asdict(), "width": width}
    return [PeriodRow(*row) for row in con.execute(_SELECT_PERIODS, values)]


def error_statuses(con: sqlite3.Connection, source: str, until_ms: int) -> dict[str, str]:
    """The status of every error group that was first seen before a time, by id."""
    return dict(
        con.execute(
            "SELECT id, status FROM error_group WHERE source = ? AND first_seen_ms < ?",
            (source, until_ms),
        )
    )


def runtime(con: sqlite3.Connection) -> dict[str, str]:
    """What the feeders last said that they run on: `python`, `django`, `database`.

    They count it, `runtime:django=5.2.8`; two at the same time stand beside each other.
    """
    newest: dict[str, tuple[int, set[str]]] = {}
    for name, last_ms in con.execute(
        "SELECT name, last_ms FROM counter WHERE name LIKE 'runtime:%=%' ORDER BY last_ms"
    ):
        key, _, value = name.removeprefix("runtime:").partition("=")
        before_ms, values = newest.get(key, (last_ms, set()))
        newest[key] = last_ms, {value, *values} if before_ms == last_ms else {value}
    return {key: "+".join(sorted(values)) for key, (_, values) in newest.items()}
