"""Raw request rows: `performance_metric`, in time order by their row id."""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

TIE_BITS = 20

RequestRow = tuple[Any, ...]
"""A row for `insert`: (started_ms, origin_id, endpoint_id, status, duration_us, response_bytes,
request_id, flags, cpu_us, queue_us, rss_kib, rss_delta_kib, queries, db_us, n_plus_one, duplicates,
cache_hits, cache_misses, user, lifetime_us, test_id)."""

_INSERT = f"INSERT INTO performance_metric VALUES({', '.join('?' * 21)})"
_TRY = _INSERT.replace("INSERT", "INSERT OR IGNORE", 1)


def insert(con: sqlite3.Connection, rows: Sequence[RequestRow]) -> None:
    """Add rows; their id is the start in milliseconds with 20 random bits against ties."""
    con.execute("SAVEPOINT rows")
    try:
        con.executemany(_INSERT, number(rows))
    except sqlite3.IntegrityError:  # a tie with a row of an earlier batch
        con.execute("ROLLBACK TO rows")
        _insert_singly(con, rows)
    finally:
        con.execute("RELEASE rows")


def _insert_singly(con: sqlite3.Connection, rows: Sequence[RequestRow]) -> None:
    """Row by row, each drawing until it has an id: thousands may share a clamped millisecond."""
    for row in rows:
        tries = 0
        while not con.execute(_TRY, number([(row[0] + tries // 64, *row[1:])])[0]).rowcount:
            tries += 1  # a full millisecond leads to the next one


def number(rows: Sequence[RequestRow]) -> list[RequestRow]:
    """The rows with ids instead of times, ascending, no two alike."""
    import random  # only those who write need it: it brings hashlib along

    draw = random.getrandbits
    numbered = sorted((row[0] << TIE_BITS | draw(TIE_BITS), row) for row in rows)
    last = -1
    result = []
    for drawn, row in numbered:
        last = drawn if drawn > last else last + 1
        result.append((last, *row[1:]))
    return result


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
    n_plus_one: int
    duplicates: int
    cache_hits: int
    cache_misses: int
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
