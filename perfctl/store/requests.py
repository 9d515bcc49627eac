"""Raw request rows: `performance_metric`, in time order by their row id."""

import os
import sqlite3
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

TIE_BITS = 20

Column = Sequence[Any]


class RequestColumns(NamedTuple):
    """Rows for `insert`, as columns of one length."""

    started_ms: Column
    origin_id: Column
    endpoint_id: Column
    status: Column
    duration_us: Column
    response_bytes: Column
    request_id: Column
    flags: Column
    cpu_us: Column
    queue_us: Column
    rss_kib: Column
    rss_delta_kib: Column
    queries: Column
    db_us: Column
    n_plus_one: Column
    duplicates: Column
    cache_hits: Column
    cache_misses: Column
    user: Column
    lifetime_us: Column
    test_id: Column


_TRY = f"INSERT OR IGNORE INTO performance_metric VALUES({', '.join('?' * 21)})"


def insert(con: sqlite3.Connection, rows: RequestColumns) -> None:
    """Add rows; their id is the start in milliseconds with 20 random bits against ties."""
    statement, columns = _statement(rows)
    con.execute("SAVEPOINT rows")
    try:
        con.executemany(statement, _by_id(number(rows.started_ms), columns))
    except sqlite3.IntegrityError:  # a tie with a row of an earlier batch
        con.execute("ROLLBACK TO rows")
        _insert_singly(con, rows)
    finally:
        con.execute("RELEASE rows")


def _statement(rows: RequestColumns) -> tuple[str, list[Column]]:
    """The INSERT, and the columns to bind: one that holds a single number or NULL stands in it.

    Binding is most of the cost of a row: 2.9 µs with all 21 bound, 1.7 with 12 of them.
    """
    items, columns = ["?"], []
    for column in rows[1:]:
        if _is_constant(column):
            items.append("NULL" if column[0] is None else str(column[0]))
        else:
            items.append("?")
            columns.append(column)
    return f"INSERT INTO performance_metric VALUES({', '.join(items)})", columns


def _is_constant(column: Column) -> bool:
    first = column[0]
    is_number = first is None or type(first) is int
    return is_number and column[-1] == first and column.count(first) == len(column)


def _by_id(ids: list[int], columns: list[Column]) -> Iterable[tuple[Any, ...]]:
    rows = zip(ids, *columns, strict=True)
    return rows if ids == sorted(ids) else sorted(rows)


def _insert_singly(con: sqlite3.Connection, rows: RequestColumns) -> None:
    """Row by row, each drawing until it has an id: thousands may share a clamped millisecond."""
    for at_ms, *row in zip(*rows, strict=True):
        tries = 0
        while not con.execute(_TRY, (*number([at_ms + tries // 64]), *row)).rowcount:
            tries += 1  # a full millisecond leads to the next one


def number(started_ms: Column) -> list[int]:
    """An id for each start, no two alike."""
    draws = array("I", os.urandom(4 * len(started_ms)))
    mask = (1 << TIE_BITS) - 1
    ids = [at << TIE_BITS | draw & mask for at, draw in zip(started_ms, draws, strict=True)]
    if len(set(ids)) == len(ids):
        return ids
    last = -1
    for place in sorted(range(len(ids)), key=ids.__getitem__):
        last = ids[place] = max(ids[place], last + 1)
    return ids


class StoredRequest(NamedTuple):
    """One row of `v_requests` as the answers need it."""

    started_ms: int
    request_id: str
    host: str
    release: str
    source: str
    method: str
    route: str
    kind: int
    status: int
    duration_us: int
    queue_us: int | None
    cpu_us: int | None
    queries: int | None
    db_us: int | None
    n_plus_one: int | None
    duplicates: int | None
    cache_hits: int | None
    cache_misses: int | None
    response_bytes: int | None
    user: str | None
    flags: int
    lifetime_us: int | None
    test: str | None


_SELECT = """
SELECT m.id >> 20, m.request_id, o.host, o.release, o.source, e.method, e.route, e.kind, m.status,
       m.duration_us, m.queue_us, m.cpu_us, m.queries, m.db_us, m.n_plus_one, m.duplicates,
       m.cache_hits, m.cache_misses, m.response_bytes, m.user, m.flags, m.lifetime_us, t.name
FROM performance_metric m JOIN origin o ON o.id = m.origin_id
JOIN endpoint e ON e.id = m.endpoint_id LEFT JOIN test_case t ON t.id = m.test_id
WHERE m.id >= :first AND m.id < :last AND o.source = :source
  AND (:host IS NULL OR o.host = :host) AND (:release IS NULL OR o.release = :release)
  AND (:route IS NULL OR e.route = :route) AND (:method IS NULL OR e.method = :method)
  AND (:user IS NULL OR m.user = :user)
  AND (:slow_us IS NULL OR (m.duration_us > :slow_us AND e.kind != 2))
  AND (:failed = 0 OR m.status >= 500 OR m.flags & 1)
  AND (:kind IS NULL OR e.kind = :kind OR (:kind = 0 AND e.kind = 2))
ORDER BY m.id DESC LIMIT :most
"""


class Question(NamedTuple):
    """Which raw rows are wanted; None is any."""

    since_ms: int
    until_ms: int
    source: str
    host: str | None = None
    release: str | None = None
    route: str | None = None
    method: str | None = None
    user: str | None = None
    slow_us: int | None = None
    failed: bool = False
    kind: int | None = 0
    most: int = -1


def select(con: sqlite3.Connection, question: Question) -> list[StoredRequest]:
    """The rows that fit, newest first."""
    values = question._asdict()
    values["first"] = question.since_ms << TIE_BITS
    values["last"] = question.until_ms << TIE_BITS
    return [StoredRequest(*row) for row in con.execute(_SELECT, values)]


def last_counted_ms(con: sqlite3.Connection, source: str) -> int | None:
    """The start of the last request of a source that is no probe; None where there is none."""
    row = con.execute(
        "SELECT m.id FROM performance_metric m JOIN endpoint e ON e.id = m.endpoint_id"
        " JOIN origin o ON o.id = m.origin_id WHERE e.kind != 1 AND o.source = ?"
        " ORDER BY m.id DESC LIMIT 1",
        (source,),
    ).fetchone()
    return None if row is None else int(row[0]) >> TIE_BITS


def first_ms(con: sqlite3.Connection, since_ms: int) -> int:
    """The start of the first request from then on; that time itself where there is none."""
    row = con.execute(
        "SELECT min(id) FROM performance_metric WHERE id >= ?", (since_ms << TIE_BITS,)
    ).fetchone()
    return since_ms if row[0] is None else int(row[0]) >> TIE_BITS


def newest_ms(con: sqlite3.Connection) -> int | None:
    """The start of the newest request whose clock could be trusted; None where there is none."""
    row = con.execute("SELECT value FROM meta WHERE key = 'newest_ms'").fetchone()
    return None if row is None else int(row[0])


def note_newest(con: sqlite3.Connection, started_ms: int) -> None:
    """Keep the newest start seen."""
    con.execute(
        "INSERT INTO meta VALUES('newest_ms', ?) ON CONFLICT DO UPDATE"
        " SET value = max(value, excluded.value)",
        (started_ms,),
    )
