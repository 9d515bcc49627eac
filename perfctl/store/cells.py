"""Rollup cells of requests: `api_performance_metric`, and `endpoint_total` over all hosts and releases.

Every ingested request lands at once in its minute, hour and day, and in the hour and day totals of
its source. So each level adds up to the raw rows at any time, and a record that comes late needs no
special case: a cell is only ever added to.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from perfctl import sketch
from perfctl.model import Filters, Level

CellKey = tuple[int, int, int, int]
"""(period, origin_id, endpoint_id, status_class)"""

LONG_SKETCH_BYTES = 4096
SHORT_SKETCH_BYTES = 256
"""Sketches up to here are not worth the time to look for buckets that stand in them twice."""


MOST = 1 << 50
"""No number of a cell grows further: a sum of some thousand cells still fits into 63 bits."""


class Cell(NamedTuple):
    """The numbers of a cell, in the order of its columns."""

    requests: int
    errors: int
    sum_us: int
    max_us: int
    cpu_us: int
    queue_us: int
    queue_requests: int
    queries: int
    queries_max: int
    watched_requests: int
    db_us: int
    n_plus_one: int
    duplicates: int
    cache_hits: int
    cache_misses: int
    response_bytes: int
    sketch: bytes


_MAXIMA = ("max_us", "queries_max")
_ONCE = ("requests", "errors", "queue_requests", "watched_requests", "n_plus_one")
"""At most one a request."""


def _upsert(table: str, key: str) -> str:
    updates = []
    for name in Cell._fields:
        if name == "sketch":
            # `||` yields text; the cast keeps the bytes
            updates.append("sketch = CAST(sketch || excluded.sketch AS BLOB)")
        elif name in _MAXIMA:
            updates.append(f"{name} = max({name}, excluded.{name})")
        elif name in _ONCE:
            updates.append(f"{name} = {name} + excluded.{name}")
        else:
            updates.append(f"{name} = min({name} + excluded.{name}, {MOST})")
    marks = ", ".join("?" * (5 + len(Cell._fields)))
    return (
        f"INSERT INTO {table} VALUES({marks}) ON CONFLICT({key}) DO UPDATE SET {', '.join(updates)}"
    )


_ADD = _upsert("api_performance_metric", "level, period, origin_id, endpoint_id, status_class")
_ADD_TOTAL = _upsert("endpoint_total", "level, period, source, endpoint_id, status_class")


def merge(cells: Sequence[Cell]) -> Cell:
    """The sum of several cells."""
    if len(cells) == 1:
        return cells[0]
    columns: list[Any] = list(zip(*cells, strict=True))
    numbers = list(map(sum, columns[:-1]))
    numbers[3] = max(columns[3])
    numbers[8] = max(columns[8])
    blob = b"".join(columns[-1])
    return Cell._make([*numbers, sketch.compact(blob) if len(blob) > SHORT_SKETCH_BYTES else blob])


def bounded(cells: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The cells with no number above `MOST`; asked of all at once, for it is hardly ever so."""
    columns = [column for column in zip(*cells.values(), strict=True) if type(column[0]) is int]
    if max(map(sum, columns), default=0) <= MOST:
        return cells
    return {
        key: cell._make(min(item, MOST) if type(item) is int else item for item in cell)
        for key, cell in cells.items()
    }


def add(con: sqlite3.Connection, source: str, minutes: dict[CellKey, Cell]) -> set[tuple[int, int]]:
    """Add minute cells of one source to all levels; returns the (level, period) pairs touched."""
    hours = regroup(minutes, 60)
    days = regroup(hours, 24)
    touched: set[tuple[int, int]] = set()
    for level, cells in ((Level.MINUTE, minutes), (Level.HOUR, hours), (Level.DAY, days)):
        con.executemany(
            _ADD, [(level, *key, *cell) for key, cell in sorted(bounded(cells).items())]
        )
        touched.update((int(level), key[0]) for key in cells if level is not Level.MINUTE)
    for level, cells in ((Level.HOUR, hours), (Level.DAY, days)):
        con.executemany(
            _ADD_TOTAL,
            [
                (level, period, source, endpoint_id, status_class, *cell)
                for (period, _, endpoint_id, status_class), cell in sorted(bounded(cells).items())
            ],
        )
    return touched


def regroup(cells: dict[CellKey, Cell], width: int) -> dict[CellKey, Cell]:
    """The cells of the next wider level."""
    groups: dict[CellKey, list[Cell]] = {}
    for (period, origin_id, endpoint_id, status_class), cell in cells.items():
        key = (period // width, origin_id, endpoint_id, status_class)
        group = groups.get(key)
        if group is None:
            groups[key] = [cell]
        else:
            group.append(cell)
    return {key: merge(group) for key, group in groups.items()}


_LONG = {
    "api_performance_metric": (
        "SELECT origin_id, endpoint_id, status_class, sketch FROM api_performance_metric"
        " WHERE level = ? AND period = ? AND length(sketch) > ?",
        "UPDATE api_performance_metric SET sketch = ? WHERE level = ? AND period = ?"
        " AND origin_id = ? AND endpoint_id = ? AND status_class = ?",
    ),
    "endpoint_total": (
        "SELECT source, endpoint_id, status_class, sketch FROM endpoint_total"
        " WHERE level = ? AND period = ? AND length(sketch) > ?",
        "UPDATE endpoint_total SET sketch = ? WHERE level = ? AND period = ?"
        " AND source = ? AND endpoint_id = ? AND status_class = ?",
    ),
}


def compact(con: sqlite3.Connection, longest: Mapping[tuple[int, int], int]) -> int:
    """Rewrite the sketches that additions have made long, one word a bucket; returns how many.

    `longest` has the bytes that a sketch may keep, by level and period.
    """
    count = 0
    for (level, period), longer_than in sorted(longest.items()):
        for select, update in _LONG.values():
            count += rewrite_long(con, select, update, (level, period), longer_than)
    return count


def rewrite_long(
    con: sqlite3.Connection, select: str, update: str, cell: tuple[int, int], longer_than: int
) -> int:
    """Shorten the sketches of a level and period that `select` finds, by `update`; how many."""
    rows = con.execute(select, (*cell, longer_than)).fetchall()
    changes = [
        (shorter, *cell, *key)
        for *key, blob in rows
        if len(shorter := sketch.compact(blob)) < len(blob)
    ]
    con.executemany(update, changes)
    return len(changes)


def longest_sketches(
    con: sqlite3.Connection, touched: Iterable[tuple[int, int]], now_ms: int
) -> dict[tuple[int, int], int]:
    """How long sketches may be in the periods touched, and in those that ended since last asked.

    A day that is over is read for weeks and added to no more: what lies long in it would cost every
    question about it. A day that goes on would be rewritten again and again.
    """
    row = con.execute("SELECT value FROM meta WHERE key = 'compacted_ms'").fetchone()
    last_ms = max(row[0] if row else now_ms, now_ms - 2 * Level.DAY.width_ms)
    con.execute(
        "INSERT INTO meta VALUES('compacted_ms', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (now_ms,),
    )
    ended = {
        (int(level), period)
        for level in (Level.HOUR, Level.DAY)
        for period in range(last_ms // level.width_ms, now_ms // level.width_ms)
    }
    return {
        (level, period): LONG_SKETCH_BYTES
        if (period + 1) * Level(level).width_ms > now_ms
        else SHORT_SKETCH_BYTES
        for level, period in {*touched, *ended}
    }


class EndpointSums(NamedTuple):
    """What a window holds of an endpoint and a status class."""

    endpoint_id: int
    status_class: int
    cell: Cell


SUMS = ", ".join(
    "CAST(group_concat(c.sketch, '') AS BLOB)"
    if name == "sketch"
    else f"max(c.{name})"
    if name in _MAXIMA
    else f"sum(c.{name})"
    for name in Cell._fields
)

_SELECT_TOTAL = f"""
SELECT c.endpoint_id, c.status_class, {SUMS} FROM endpoint_total c
WHERE c.level = :level AND c.period >= :first AND c.period < :last AND c.source = :source
GROUP BY c.endpoint_id, c.status_class
"""
_SELECT_CELLS = f"""
SELECT c.endpoint_id, c.status_class, {SUMS}
FROM api_performance_metric c JOIN origin o ON o.id = c.origin_id
WHERE c.level = :level AND c.period >= :first AND c.period < :last AND o.source = :source
  AND (:host IS NULL OR o.host = :host) AND (:release IS NULL OR o.release = :release)
  AND (:environment IS NULL OR o.environment = :environment)
GROUP BY c.endpoint_id, c.status_class
"""


class Span(NamedTuple):
    """Periods `[first, last)` of one level."""

    level: int
    first: int
    last: int


def select(con: sqlite3.Connection, spans: Iterable[Span], origins: Filters) -> list[EndpointSums]:
    """The sums of each endpoint and status class, a row a span."""
    found = []
    for span in spans:
        use_total = origins.is_total and span.level != Level.MINUTE
        statement = _SELECT_TOTAL if use_total else _SELECT_CELLS
        values = {**span._asdict(), **origins._asdict()}
        for endpoint_id, status_class, *numbers in con.execute(statement, values):
            found.append(EndpointSums(endpoint_id, status_class, Cell._make(numbers)))
    return found


_SERIES_TOTAL = """
SELECT endpoint_id, period, sum(requests), sum(sum_us) FROM endpoint_total
WHERE level = :level AND period >= :first AND period < :last AND source = :source
GROUP BY endpoint_id, period
"""
_SERIES_CELLS = """
SELECT c.endpoint_id, c.period, sum(c.requests), sum(c.sum_us)
FROM api_performance_metric c JOIN origin o ON o.id = c.origin_id
WHERE c.level = :level AND c.period >= :first AND c.period < :last AND o.source = :source
  AND (:host IS NULL OR o.host = :host) AND (:release IS NULL OR o.release = :release)
  AND (:environment IS NULL OR o.environment = :environment)
GROUP BY c.endpoint_id, c.period
"""


def select_series(
    con: sqlite3.Connection, span: Span, origins: Filters
) -> list[tuple[int, int, int, int]]:
    """(endpoint_id, period, requests, sum_us) of each period of one level."""
    use_total = origins.is_total and span.level != Level.MINUTE
    statement = _SERIES_TOTAL if use_total else _SERIES_CELLS
    return con.execute(statement, {**span._asdict(), **origins._asdict()}).fetchall()


class Slot(NamedTuple):
    """All requests of a slice of time but probes; long polls are not in the sketch."""

    counted: Cell
    timed_sketch: bytes


_SELECT_SLOTS = f"""
SELECT c.period / :width, e.kind = 2, {SUMS}
FROM api_performance_metric c JOIN origin o ON o.id = c.origin_id
JOIN endpoint e ON e.id = c.endpoint_id
WHERE c.level = :level AND c.period >= :first AND c.period < :last AND o.source = :source
  AND (:host IS NULL OR o.host = :host) AND (:release IS NULL OR o.release = :release)
  AND (:environment IS NULL OR o.environment = :environment) AND e.kind != 1
GROUP BY 1, 2
"""


def select_slots(
    con: sqlite3.Connection, span: Span, width: int, origins: Filters
) -> dict[int, Slot]:
    """The sums of each `width` periods, by their number; slices without requests are missing."""
    found: dict[int, list[tuple[bool, Cell]]] = {}
    values = {**span._asdict(), **origins._asdict(), "width": width}
    for slot, is_long, *numbers in con.execute(_SELECT_SLOTS, values):
        found.setdefault(slot, []).append((bool(is_long), Cell._make(numbers)))
    return {
        slot: Slot(
            merge([cell for _, cell in parts]),
            b"".join([cell.sketch for is_long, cell in parts if not is_long]),
        )
        for slot, parts in found.items()
    }
