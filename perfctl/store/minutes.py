"""What each minute holds, for the rules of alerts: from rollup cells, or from the rows themselves."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from perfctl import sketch
from perfctl.model import Level
from perfctl.store.cells import Cell
from perfctl.store.requests import TIE_BITS


class RouteMinute(NamedTuple):
    """All live requests of an endpoint in a minute; `kind` as in `EndpointKind`."""

    period: int
    method: str
    route: str
    kind: int
    cell: Cell


_MAXIMA = ("max_us", "queries_max")
_SUMS = ", ".join(
    "CAST(group_concat(c.sketch, '') AS BLOB)"
    if name == "sketch"
    else f"{'max' if name in _MAXIMA else 'sum'}(c.{name})"
    for name in Cell._fields
)
_FROM_CELLS = f"""
SELECT c.period, e.method, e.route, e.kind, {_SUMS}
FROM api_performance_metric c JOIN origin o ON o.id = c.origin_id
JOIN endpoint e ON e.id = c.endpoint_id
WHERE c.level = 1 AND c.period >= ? AND c.period < ? AND o.source = 'live' AND e.kind != 1
GROUP BY c.period, c.endpoint_id ORDER BY c.period
"""
# Column by column what `cell_of` in ingest makes of the same rows.
_FROM_ROWS = """
SELECT (m.id >> 20) / 60000 AS period, e.method, e.route, e.kind,
       count(*), sum(m.status >= 500 OR m.flags & 1), sum(m.duration_us), max(m.duration_us),
       coalesce(sum(m.cpu_us), 0), coalesce(sum(m.queue_us), 0), count(m.queue_us),
       coalesce(sum(m.queries), 0), coalesce(max(m.queries), 0), count(m.queries),
       coalesce(sum(m.db_us), 0), coalesce(sum(m.n_plus_one != 0), 0), coalesce(sum(m.duplicates), 0),
       coalesce(sum(m.cache_hits), 0), coalesce(sum(m.cache_misses), 0),
       coalesce(sum(m.response_bytes), 0), group_concat(m.duration_us)
FROM performance_metric m JOIN origin o ON o.id = m.origin_id
JOIN endpoint e ON e.id = m.endpoint_id
WHERE m.id >= ? AND m.id < ? AND o.source = 'live' AND e.kind != 1
GROUP BY period, m.endpoint_id ORDER BY period
"""


def select_routes(con: sqlite3.Connection, first: int, last: int) -> list[RouteMinute]:
    """Minutes `[first, last)` of each endpoint but probes, from minute cells."""
    return [
        RouteMinute(period, method, route, kind, Cell._make(numbers))
        for period, method, route, kind, *numbers in con.execute(_FROM_CELLS, (first, last))
    ]


def select_raw_routes(con: sqlite3.Connection, first: int, last: int) -> list[RouteMinute]:
    """The same from the rows of single requests, which are kept longer."""
    edges = (first * 60_000 << TIE_BITS, last * 60_000 << TIE_BITS)
    found = []
    for period, method, route, kind, *numbers, durations in con.execute(_FROM_ROWS, edges):
        blob = sketch.of_values(map(int, durations.split(",")))
        found.append(RouteMinute(period, method, route, kind, Cell._make([*numbers, blob])))
    return found


def last_request_minute(con: sqlite3.Connection, before: int) -> int | None:
    """The last minute before this one with a request that is no probe; the hour's where that is all."""
    for level in (Level.MINUTE, Level.HOUR):
        width = level.width_ms // 60_000
        row = con.execute(
            "SELECT max(c.period) FROM api_performance_metric c JOIN origin o ON o.id = c.origin_id"
            " JOIN endpoint e ON e.id = c.endpoint_id"
            " WHERE c.level = ? AND c.period < ? AND o.source = 'live' AND e.kind != 1",
            (level, before // width),
        ).fetchone()
        if row[0] is not None:
            return int(row[0]) * width
    return None


class Vital(NamedTuple):
    """One measurement that a browser sent."""

    at_ms: int
    name: str
    page: str
    value: float


def select_vitals(con: sqlite3.Connection, since_ms: int, until_ms: int) -> list[Vital]:
    """LCP, INP and CLS of the window, oldest first."""
    rows = con.execute(
        "SELECT f.id >> 20, upper(f.name), coalesce(f.page, '(no page)'), f.value FROM frontend_metric f"
        " JOIN origin o ON o.id = f.origin_id"
        " WHERE f.id >= ? AND f.id < ? AND upper(f.name) IN ('LCP', 'INP', 'CLS')"
        " AND o.source != 'test' ORDER BY f.id",
        (since_ms << TIE_BITS, until_ms << TIE_BITS),
    )
    return [Vital(*row) for row in rows]


class StoreSize(NamedTuple):
    """How large the store was, and what waited in its spool when `collect` came."""

    at_ms: int
    store_bytes: int
    spool_bytes: int


def note_size(con: sqlite3.Connection, size: StoreSize, at_most_every_ms: int = 30_000) -> None:
    """Keep a size, unless one was kept a moment ago."""
    row = con.execute("SELECT max(at_ms) FROM store_size").fetchone()
    if row[0] is None or not 0 <= size.at_ms - row[0] < at_most_every_ms:
        con.execute("INSERT OR REPLACE INTO store_size VALUES(?, ?, ?)", size)


def select_sizes(con: sqlite3.Connection, since_ms: int, until_ms: int) -> list[StoreSize]:
    """The sizes of the window, oldest first."""
    rows = con.execute(
        "SELECT * FROM store_size WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms",
        (since_ms, until_ms),
    )
    return [StoreSize(*row) for row in rows]


class Package(NamedTuple):
    """A vulnerable package of a complete scan; `vulnerabilities` is the scan's JSON."""

    at_ms: int
    host: str
    target: str
    name: str | None
    installed: str | None
    vulnerabilities: str | None


def select_packages(con: sqlite3.Connection, until_ms: int) -> list[Package]:
    """Vulnerable packages of every complete scan, oldest first; a clean scan has a row without."""
    rows = con.execute(
        "SELECT s.at_ms, s.host, s.target, d.name, d.installed, d.vulnerabilities"
        " FROM dependency_scan s LEFT JOIN dependency_version d"
        " ON d.scan_id = s.id AND d.status = 'vulnerable'"
        " WHERE s.complete = 1 AND s.at_ms < ? ORDER BY s.at_ms, d.name",
        (until_ms,),
    )
    return [Package(*row) for row in rows]


class Finding(NamedTuple):
    """N+1 findings of an endpoint at a call site within a cell; the hint is of the costliest."""

    period: int
    method: str
    route: str
    location: str
    hint: str | None
    findings: int


def select_findings(
    con: sqlite3.Connection, level: Level, since_ms: int, until_ms: int
) -> list[Finding]:
    """Live N+1 findings of the cells that the window touches, oldest first."""
    width = level.width_ms
    rows = con.execute(
        "SELECT q.period, e.method, e.route, s.location, nullif(s.detail, ''), sum(q.n_plus_one),"
        " max(q.sum_us)"
        " FROM query_metric q JOIN origin o ON o.id = q.origin_id"
        " JOIN endpoint e ON e.id = q.endpoint_id JOIN call_site s ON s.id = q.site_id"
        " WHERE q.level = ? AND q.period >= ? AND q.period < ? AND q.n_plus_one > 0"
        " AND o.source = 'live' AND e.kind != 1"
        # A bare column comes from the row of the only max(): https://sqlite.org/lang_select.html#bareagg
        " GROUP BY q.period, q.endpoint_id, s.location ORDER BY q.period",
        (level, since_ms // width, -(-until_ms // width)),
    )
    return [Finding._make(row[:-1]) for row in rows]


class ErrorMinute(NamedTuple):
    """Occurrences of an error group in a minute, and what is known of the group."""

    period: int
    group_id: str
    type: str
    location: str | None
    status: str
    resolved_ms: int | None
    resolved_by: str | None
    first_period: int
    occurrences: int


_GROUP = "g.id, g.type, g.location, g.status, g.resolved_ms, g.resolved_by, g.first_seen_ms / 60000"


def select_errors(con: sqlite3.Connection, since_ms: int, until_ms: int) -> list[ErrorMinute]:
    """Errors of the window but those of tests, oldest first."""
    rows = con.execute(
        f"SELECT (l.id >> 20) / 60000 AS period, {_GROUP}, count(*)"
        " FROM error_log l JOIN error_group g ON g.id = l.group_id"
        " WHERE l.id >= ? AND l.id < ? AND g.source != 'test'"
        " GROUP BY period, g.id ORDER BY period, min(l.id)",
        (since_ms << TIE_BITS, until_ms << TIE_BITS),
    )
    return [ErrorMinute(*row) for row in rows]


def select_error_groups(con: sqlite3.Connection) -> list[ErrorMinute]:
    """Every group but those of tests, each at the minute when it was last seen."""
    rows = con.execute(
        f"SELECT g.last_seen_ms / 60000, {_GROUP}, g.count FROM error_group g"
        " WHERE g.source != 'test'"
    )
    return [ErrorMinute(*row) for row in rows]


def count_requests(con: sqlite3.Connection, first: int, last: int, *, raw: bool) -> dict[int, int]:
    """Live requests but probes by minute, from minute cells or from rows."""
    if raw:
        rows = con.execute(
            "SELECT (m.id >> 20) / 60000 AS period, count(*) FROM performance_metric m"
            " JOIN origin o ON o.id = m.origin_id JOIN endpoint e ON e.id = m.endpoint_id"
            " WHERE m.id >= ? AND m.id < ? AND o.source = 'live' AND e.kind != 1 GROUP BY period",
            (first * 60_000 << TIE_BITS, last * 60_000 << TIE_BITS),
        )
    else:
        rows = con.execute(
            "SELECT c.period, sum(c.requests) FROM api_performance_metric c"
            " JOIN origin o ON o.id = c.origin_id JOIN endpoint e ON e.id = c.endpoint_id"
            " WHERE c.level = 1 AND c.period >= ? AND c.period < ? AND o.source = 'live'"
            " AND e.kind != 1 GROUP BY c.period",
            (first, last),
        )
    return dict(rows.fetchall())


def count_missing_rows(con: sqlite3.Connection, first: int, last: int) -> int:
    """Live requests of the whole hours within `[first, last)` whose own rows were thinned away."""
    begin, end = -(-first // 60), last // 60
    counted = con.execute(
        "SELECT coalesce(sum(c.requests), 0) FROM api_performance_metric c"
        " JOIN origin o ON o.id = c.origin_id JOIN endpoint e ON e.id = c.endpoint_id"
        " WHERE c.level = 3 AND c.period >= ? AND c.period < ? AND o.source = 'live'"
        " AND e.kind != 1",
        (begin, end),
    ).fetchone()[0]
    rows = count_requests(con, begin * 60, end * 60, raw=True) if counted else {}
    return max(0, int(counted) - sum(rows.values()))


_FIRST_RECORDS = (
    "SELECT min(id) >> 20 FROM performance_metric",
    "SELECT min(id) >> 20 FROM system_metric",
    "SELECT min(id) >> 20 FROM error_log",
    "SELECT min(id) >> 20 FROM frontend_metric",
    "SELECT min(period) * 60000 FROM api_performance_metric WHERE level = 1",
    "SELECT min(period) * 86400000 FROM api_performance_metric WHERE level = 4 AND period <"
    " (SELECT min(period) / 1440 FROM api_performance_metric WHERE level = 1)",
    "SELECT min(at_ms) FROM store_size",
    "SELECT min(at_ms) FROM dependency_scan",
)


def first_record_ms(con: sqlite3.Connection) -> int | None:
    """When the first thing was recorded that is still kept; None where nothing is."""
    found = [con.execute(statement).fetchone()[0] for statement in _FIRST_RECORDS]
    return min((time_ms for time_ms in found if time_ms is not None), default=None)
