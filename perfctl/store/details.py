"""Rollup cells of queries, caches and measured spans: ten minutes, hours, days."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from perfctl import sketch
from perfctl.model import DETAIL_LEVELS, Filters
from perfctl.store.cells import MOST, SHORT_SKETCH_BYTES, Span, bounded, rewrite_long


class QueryCell(NamedTuple):
    """What a pattern cost in a cell, in the order of its columns."""

    requests: int
    calls: int
    sum_us: int
    max_us: int
    n_plus_one: int
    duplicates: int
    sketch: bytes


class CacheCell(NamedTuple):
    """What a key prefix did in a cell."""

    requests: int
    hits: int
    misses: int
    writes: int
    sum_us: int


class SpanCell(NamedTuple):
    """What a measured span took in a cell."""

    requests: int
    calls: int
    sum_us: int


QueryKey = tuple[int, int, int, int, int]
"""(period, origin_id, endpoint_id, pattern_id, site_id)"""
CacheKey = tuple[int, int, int]
"""(period, origin_id, prefix_id)"""
SpanKey = tuple[int, int, int, int]
"""(period, origin_id, endpoint_id, span_id)"""

_ADD_QUERIES = f"""
INSERT INTO query_metric VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    requests = requests + excluded.requests, calls = min(calls + excluded.calls, {MOST}),
    sum_us = min(sum_us + excluded.sum_us, {MOST}), max_us = max(max_us, excluded.max_us),
    n_plus_one = n_plus_one + excluded.n_plus_one,
    duplicates = min(duplicates + excluded.duplicates, {MOST}),
    sketch = CAST(sketch || excluded.sketch AS BLOB)
"""
_ADD_CACHES = f"""
INSERT INTO cache_metric VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    requests = requests + excluded.requests, hits = min(hits + excluded.hits, {MOST}),
    misses = min(misses + excluded.misses, {MOST}), writes = min(writes + excluded.writes, {MOST}),
    sum_us = min(sum_us + excluded.sum_us, {MOST})
"""
_ADD_SPANS = f"""
INSERT INTO span_metric VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    requests = requests + excluded.requests, calls = min(calls + excluded.calls, {MOST}),
    sum_us = min(sum_us + excluded.sum_us, {MOST})
"""


def add_queries(con: sqlite3.Connection, cells: dict[QueryKey, QueryCell]) -> None:
    """Add ten-minute cells to all levels."""
    _add(con, _ADD_QUERIES, cells, merge_queries)


def add_caches(con: sqlite3.Connection, cells: dict[CacheKey, CacheCell]) -> None:
    """Add ten-minute cells to all levels."""
    _add(con, _ADD_CACHES, cells, lambda group: CacheCell(*map(sum, zip(*group, strict=True))))


def add_spans(con: sqlite3.Connection, cells: dict[SpanKey, SpanCell]) -> None:
    """Add ten-minute cells to all levels."""
    _add(con, _ADD_SPANS, cells, lambda group: SpanCell(*map(sum, zip(*group, strict=True))))


def merge_queries(cells: list[QueryCell]) -> QueryCell:
    """The sum of several cells."""
    if len(cells) == 1:
        return cells[0]
    columns: list[Any] = list(zip(*cells, strict=True))
    numbers = list(map(sum, columns[:-1]))
    numbers[3] = max(columns[3])
    blob = b"".join(columns[-1])
    return QueryCell._make(
        [*numbers, sketch.compact(blob) if len(blob) > SHORT_SKETCH_BYTES else blob]
    )


def _add(
    con: sqlite3.Connection,
    statement: str,
    cells: dict[Any, Any],
    merge: Callable[[list[Any]], Any],
) -> None:
    finer = DETAIL_LEVELS[0]
    for level in DETAIL_LEVELS:
        if level is not finer:
            groups: dict[Any, list[Any]] = {}
            width = level.width_ms // finer.width_ms
            for (period, *rest), cell in cells.items():
                groups.setdefault((period // width, *rest), []).append(cell)
            cells = {key: merge(group) for key, group in groups.items()}
            finer = level
        rows = sorted(bounded(cells).items())
        con.executemany(statement, [(level, *key, *cell) for key, cell in rows])


_LONG_QUERIES = """
SELECT origin_id, endpoint_id, pattern_id, site_id, sketch FROM query_metric
WHERE level = ? AND period = ? AND length(sketch) > ?
"""
_REWRITE_QUERY = """
UPDATE query_metric SET sketch = ?
WHERE level = ? AND period = ? AND origin_id = ? AND endpoint_id = ? AND pattern_id = ?
  AND site_id = ?
"""


def compact(con: sqlite3.Connection, longest: Mapping[tuple[int, int], int]) -> int:
    """Rewrite the sketches of queries that are longer than `longest` says by level and period."""
    return sum(
        rewrite_long(con, _LONG_QUERIES, _REWRITE_QUERY, cell, longer_than)
        for cell, longer_than in sorted(longest.items())
    )


class PatternSums(NamedTuple):
    """What a window holds of a pattern at a call site of an endpoint, by what to do about it."""

    alias: str
    fingerprint: str
    location: str
    detail: str | None
    method: str
    route: str
    cell: QueryCell


_ORIGINS = """
  AND o.source = :source AND (:host IS NULL OR o.host = :host)
  AND (:release IS NULL OR o.release = :release)
  AND (:environment IS NULL OR o.environment = :environment)
"""
_SELECT_QUERIES = f"""
SELECT p.alias, p.fingerprint, s.location, nullif(s.detail, ''), e.method, e.route,
       sum(q.requests), sum(q.calls), sum(q.sum_us), max(q.max_us), sum(q.n_plus_one),
       sum(q.duplicates), CAST(group_concat(q.sketch, '') AS BLOB)
FROM query_metric q JOIN origin o ON o.id = q.origin_id
JOIN query_pattern p ON p.id = q.pattern_id JOIN call_site s ON s.id = q.site_id
JOIN endpoint e ON e.id = q.endpoint_id
WHERE q.level = :level AND q.period >= :first AND q.period < :last {_ORIGINS} AND e.kind != 1
GROUP BY q.pattern_id, q.site_id, q.endpoint_id
"""
_SELECT_CACHES = f"""
SELECT p.alias, p.prefix, sum(c.requests), sum(c.hits), sum(c.misses), sum(c.writes), sum(c.sum_us)
FROM cache_metric c JOIN origin o ON o.id = c.origin_id JOIN cache_prefix p ON p.id = c.prefix_id
WHERE c.level = :level AND c.period >= :first AND c.period < :last {_ORIGINS}
GROUP BY c.prefix_id
"""

_SELECT_SPANS = f"""
SELECT e.method, n.name, sum(s.requests), sum(s.calls), sum(s.sum_us)
FROM span_metric s JOIN origin o ON o.id = s.origin_id JOIN span_name n ON n.id = s.span_id
JOIN endpoint e ON e.id = s.endpoint_id
WHERE s.level = :level AND s.period >= :first AND s.period < :last {_ORIGINS} AND e.route = :route
GROUP BY e.method, s.span_id
"""


def select_queries(
    con: sqlite3.Connection, spans: Iterable[Span], origins: Filters
) -> list[PatternSums]:
    """The sums of each pattern, call site with its fix, and endpoint, a row a span."""
    found = []
    for span in spans:
        values = {**span._asdict(), **origins._asdict()}
        for *names, a, b, c, d, e, f, blob in con.execute(_SELECT_QUERIES, values):
            found.append(PatternSums._make([*names, QueryCell(a, b, c, d, e, f, blob)]))
    return found


def select_caches(
    con: sqlite3.Connection, spans: Iterable[Span], origins: Filters
) -> list[tuple[str, str, CacheCell]]:
    """(alias, prefix, sums), a row a span."""
    found = []
    for span in spans:
        values = {**span._asdict(), **origins._asdict()}
        for alias, prefix, *numbers in con.execute(_SELECT_CACHES, values):
            found.append((alias, prefix, CacheCell(*numbers)))
    return found


def select_spans(
    con: sqlite3.Connection, spans: Iterable[Span], origins: Filters, route: str
) -> list[tuple[str, str, SpanCell]]:
    """(method, name, sums) of what a project has timed in a route's requests, a row a span."""
    found = []
    for span in spans:
        values = {**span._asdict(), **origins._asdict(), "route": route}
        for method, name, *numbers in con.execute(_SELECT_SPANS, values):
            found.append((method, name, SpanCell(*numbers)))
    return found
