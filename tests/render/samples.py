"""Answers as the questions give them, of the real records."""

from __future__ import annotations

import io
from typing import Any

from perfctl.answers.answer import Answer
from perfctl.answers.cache import CacheSummary
from perfctl.answers.database import PatternSummary
from perfctl.answers.doctor import Finding, Verdict
from perfctl.answers.endpoints import EndpointSummary
from perfctl.answers.health import Check, Health, Status
from perfctl.answers.requests import RequestRow
from perfctl.answers.spans import SpanSummary
from perfctl.answers.summary import Summary
from perfctl.answers.upkeep import StoreCheck, StoreInfo
from perfctl.console import Console
from perfctl.model import Coverage, Window
from perfctl.units import iso_utc

NOW_MS = 1_795_521_600_000
"""2026-11-24T12:00:00Z, 13:00 in Berlin."""
STORE = "/srv/vault/.perfctl/perfctl.db"
DAY = Window(NOW_MS - 86_400_000, NOW_MS)
FIVE_MINUTES = Window(NOW_MS - 300_000, NOW_MS)
COVERAGE = Coverage(12_345, ("web1",), 0, 0, 4.2)
HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202egpj.exe [bold]rich[/bold]\r\nnext 日本語 🙂 | <b>"


def console(width: int | None = 80, *, has_color: bool = False) -> Console:
    """A console that keeps what it is told; no width: a pipe."""
    return Console(io.StringIO(), io.StringIO(), width, has_color, width is not None)


def answer(command: str, data: Any, **changes: Any) -> Answer:
    """An answer over a day."""
    window = FIVE_MINUTES if command == "health" else DAY
    return Answer(command, window, COVERAGE, data)._replace(**changes)


def check(name: str, value: float | None, **changes: Any) -> Check:
    """A check that is fine unless said otherwise."""
    trend: list[float | None] = [] if value is None else [value * share for share in _SHARES]
    found = Check(name, value, "ratio", 0.6, 0.8, Status.OK, None, trend, None)
    return found._replace(**changes)


_SHARES = (0.5, 0.6, 0.5, 0.7, 0.6, 0.8, 0.7, 0.9, 1.0, 0.9, 0.8, 1.0)


def health(status: Status = Status.CRITICAL) -> Answer:
    """A machine that is fine, with requests that are not."""
    checks = [
        check("cpu", 0.423),
        check("memory", 0.61, target=0.7, detail="of the cgroup"),
        check("disk", 0.71, target=0.75, detail="/"),
        check(
            "request_p95",
            1840.0,
            unit="ms",
            target=500,
            threshold=1000,
            status=Status.CRITICAL,
            since="2026-11-24T11:40:00.000Z",
            detail="1204 requests",
        ),
        check("queue_time", None, unit="ms", target=100, threshold=500, status=Status.NOT_MEASURED),
        check("error_rate", 0.0042, target=0.01, threshold=0.05, detail="1204 requests"),
        check(
            "queries",
            24.37,
            unit="per request",
            target=20,
            threshold=50,
            status=Status.WARNING,
            since="2026-11-24T11:55:00.000Z",
            detail="1204 requests",
        ),
        check("freshness", 12.0, unit="s", target=60, threshold=180, trend=[]),
        check("alerts", 0, unit="open", target=0, threshold=0, trend=[]),
    ]
    return answer("health", Health(status, checks))


def endpoint(route: str = "/api/items/", **changes: Any) -> EndpointSummary:
    """One route with all that can be measured."""
    known: dict[str, Any] = {
        "method": "GET",
        "route": route,
        "count": 12_345,
        "per_minute": 8.573,
        "avg_ms": 120.4,
        "p50_ms": 98.2,
        "p95_ms": 412.3,
        "p99_ms": 1840.0,
        "max_ms": 4200.0,
        "error_rate": 0.0042,
        "slow_count": 34,
        "status": {"2xx": 12_113, "4xx": 180, "5xx": 52},
        "queries_avg": 12.34,
        "queries_max": 214,
        "n_plus_one": 340,
        "duplicates": 12,
        "db_ms_avg": 45.2,
        "db_share": 0.375,
        "cache_hit_rate": 0.921,
        "queue_ms_avg": 1.2,
        "total_ms": 1_486_338.0,
        "kind": "plain",
        "trend": [100.0, 110.0, None, 90.0, 130.0, 180.0, 120.0, 125.0],
    }
    return EndpointSummary(**{**known, **changes})


def spans(text: str = "audit log") -> dict[str, Any]:
    """What a project has timed itself, in a window that is a bit wider."""
    return {
        "spans": [
            SpanSummary("GET", "vault.decrypt", 4100, 12_300, 1.25, 15_375.0),
            SpanSummary("GET", text, 300, 300, 0.4, 120.0),
        ],
        "spans_window": {"since": iso_utc(DAY.since_ms - 600_000), "until": iso_utc(DAY.until_ms)},
    }


def endpoints() -> Answer:
    """Routes of several lengths, one hardly measured."""
    rows = [
        endpoint(),
        endpoint(
            "/api/organisations/<uuid:organisation_pk>/members/<int:pk>/",
            method="DELETE",
            count=310,
            total_ms=450_000.0,
            n_plus_one=0,
            error_rate=0.0,
            slow_count=0,
        ),
        endpoint(
            "(unmatched)",
            count=7,
            p50_ms=0.8,
            p95_ms=0.9,
            p99_ms=0.9,
            avg_ms=0.81,
            max_ms=0.9,
            total_ms=5.7,
            error_rate=1.0,
            slow_count=0,
            queries_avg=None,
            queries_max=None,
            n_plus_one=0,
            duplicates=0,
            db_ms_avg=None,
            db_share=None,
            cache_hit_rate=None,
            queue_ms_avg=None,
            status={"4xx": 7},
            trend=[None] * 8,
        ),
    ]
    return answer("endpoints", {"endpoints": rows})


def request(**changes: Any) -> RequestRow:
    """A request that was slow and asked once a row."""
    row = RequestRow(
        request_id="4bf92f3577b34da6-00f067aa",
        started_at="2026-11-24T11:59:58.250Z",
        host="web1",
        release="v1.4",
        method="GET",
        route="/api/items/",
        status=200,
        duration_ms=1840.0,
        queue_ms=1.2,
        cpu_ms=310.0,
        queries=214,
        db_ms=902.5,
        n_plus_one=1,
        duplicates=0,
        cache_hits=3,
        cache_misses=1,
        response_bytes=48_120,
        lifetime_ms=None,
        user="17",
        flags=["slow"],
        test=None,
    )
    return row._replace(**changes)


def requests() -> Answer:
    """A slow one, a failed one and one of a day before."""
    rows = [
        request(),
        request(
            status=500,
            route="/api/organisations/<uuid:organisation_pk>/members/",
            duration_ms=35.1,
            queries=None,
            db_ms=None,
            n_plus_one=0,
            duplicates=3,
            flags=["error", "duplicates"],
            user=None,
            cache_hits=0,
            cache_misses=0,
        ),
        request(
            started_at="2026-11-23T20:15:00.000Z",
            method="POST",
            status=404,
            n_plus_one=0,
            flags=[],
            response_bytes=None,
        ),
    ]
    return answer("requests", {"requests": rows})


def pattern(**changes: Any) -> PatternSummary:
    """A pattern asked once a row."""
    known: dict[str, Any] = {
        "fingerprint": "a1b2c3d4e5f6",
        "alias": "default",
        "sql": 'SELECT "auth_user"."id", "auth_user"."password", "auth_user"."last_login",'
        ' "auth_user"."username" FROM "auth_user" WHERE "auth_user"."id" = %s LIMIT 21',
        "calls": 48_120,
        "requests": 310,
        "per_request": 155.2,
        "avg_ms": 0.42,
        "p95_ms": 1.31,
        "max_ms": 12.5,
        "total_ms": 20_210.4,
        "share": 0.62,
        "endpoints": ["GET /api/items/", "GET /api/shares/"],
        "call_site": "items/views.py:33 in listing",
        "detail": "add select_related('owner')",
        "n_plus_one": 310,
        "duplicates": 0,
    }
    return PatternSummary(**{**known, **changes})


def database() -> Answer:
    """An N+1, and calls without one."""
    rows = [
        pattern(),
        pattern(
            fingerprint="0f1e2d3c4b5a",
            sql='SELECT COUNT(*) AS "__count" FROM "items_item"',
            calls=310,
            per_request=1.0,
            avg_ms=38.0,
            p95_ms=81.2,
            total_ms=11_780.0,
            share=0.37,
            call_site=None,
            detail=None,
            n_plus_one=0,
            duplicates=4,
        ),
        pattern(
            fingerprint="5a4b3c2d1e0f",
            sql="SAVEPOINT ?",
            calls=2,
            per_request=0.01,
            p95_ms=None,
            total_ms=0.8,
            share=0.00002,
            call_site=None,
            detail=None,
            n_plus_one=0,
        ),
    ]
    return answer("database", {"patterns": rows})


def caches() -> Answer:
    """A prefix that is looked up, and one that is only written."""
    rows = [
        CacheSummary("default", "items", 900, 12_000, 10_900, 900, 200, 0.9237, 0.21, 2520.0),
        CacheSummary("sessions", "(other)", 12, 12, 0, 0, 12, None, 0.35, 4.2),
    ]
    return answer("cache", {"caches": rows})


def summary(**changes: Any) -> Answer:
    """A day with errors and open alerts."""
    slow = {"method": "GET", "route": "/api/reports/<int:year>/", "count": 31, "p95_ms": 4200.0}
    known = Summary(
        requests=12_345,
        per_minute=8.573,
        avg_ms=120.4,
        p50_ms=98.2,
        p95_ms=412.3,
        p99_ms=1840.0,
        max_ms=4200.0,
        error_rate=0.0042,
        failed_count=52,
        slow_count=34,
        queries_avg=12.34,
        n_plus_one_count=340,
        cache_hit_rate=0.921,
        cpu_avg=0.423,
        memory_avg=0.61,
        status={"2xx": 12_113, "4xx": 180, "5xx": 52},
        errors=[
            {
                "id": f"{number:012x}",
                "type": "ValueError",
                "location": f"items/views.py:{number} in listing",
                "count": 60 - number,
                "status": "open" if number else "regressed",
            }
            for number in range(5)
        ],
        alerts=[
            {
                "id": "k3x9",
                "rule": "request_p95",
                "subject": "GET /api/items/",
                "severity": "critical",
                "status": "firing",
            },
            {
                "id": "k3xa",
                "rule": "cpu",
                "subject": "web1",
                "severity": "warning",
                "status": "acknowledged",
            },
        ],
        slowest=[{**slow, "total_ms": 91_000.0, "error_rate": 0.0}] * 5,
        busiest=[
            {
                "method": "GET",
                "route": "/api/organisations/<uuid:organisation_pk>/members/<int:pk>/",
                "count": 12_345,
                "p95_ms": 412.3,
                "total_ms": 1_486_338.0,
                "error_rate": 0.0042,
            }
        ]
        * 5,
    )
    return answer("summary", known._replace(**changes))


def idle() -> Answer:
    """A new store without a request, on a machine without a sample."""
    nothing = "no sample within the hour: perfctl collect"
    never = "no request was ever recorded"
    checks = [
        check("cpu", None, status=Status.UNKNOWN, detail=nothing),
        check("memory", None, target=0.7, status=Status.UNKNOWN, detail=nothing),
        check("disk", None, target=0.75, status=Status.UNKNOWN, detail=nothing),
        *(
            check(name, None, status=Status.NOT_MEASURED, detail=never)
            for name in ("request_p95", "queue_time", "error_rate", "queries")
        ),
        check(
            "freshness",
            None,
            unit="s",
            target=None,
            threshold=None,
            status=Status.NOT_MEASURED,
            detail="perfctl collect never ran",
        ),
        check("alerts", 0, unit="open", target=0, threshold=0, trend=[]),
    ]
    warning = "this store never held a request: is it the right one?"
    found = answer("health", Health(Status.UNKNOWN, checks), warnings=(warning,))
    return found._replace(coverage=Coverage(0, (), 0, 0, None))


def doctor() -> Answer:
    """One problem, one warning."""
    findings = [
        Finding("python", Verdict.OK, "3.11.9, /usr/bin/python3"),
        Finding("store", Verdict.OK, f"{STORE} (from PERFCTL_DB), 12.3 MB"),
        Finding(
            "place",
            Verdict.PROBLEM,
            "/srv/vault/.perfctl belongs to web (33), and you are cron (1002): neither can read"
            " what the other writes",
            "perfctl init --group perfctl",
        ),
        Finding("collector", Verdict.WARNING, "perfctl collect never ran", "perfctl collect"),
    ]
    return answer("doctor", {"findings": findings}, window=None)


def db_info() -> Answer:
    """A store with some rows."""
    info = StoreInfo(
        path=STORE,
        schema=1,
        sqlite="3.46.1",
        file_bytes=12_345_678,
        wal_bytes=0,
        free_bytes=4096,
        oldest_request="2026-11-01T00:00:00.000Z",
        newest_request="2026-11-24T11:59:58.250Z",
        requests=123_456,
        bytes_per_request=100.0,
        tables={"performance_metric": 123_456, "error_log": 0, "endpoint": 57},
        counters={"dropped:spool_full": 12},
    )
    return answer("db.info", info, window=None)


def db_check(*mismatches: str) -> Answer:
    """A store that is whole, unless said otherwise."""
    return answer("db.check", StoreCheck(STORE, [], list(mismatches)), window=None)


def settings() -> Answer:
    """Settings with their origins, shown as they are."""
    rows = [
        {"name": "store", "value": STORE, "origin": "PERFCTL_DB"},
        {"name": "thresholds.cpu.target", "value": 0.6, "origin": "default"},
    ]
    return answer("config", {"settings": rows, "files": ["/etc/perfctl.toml"]}, window=None)


def views() -> Answer:
    """What `.views` lists."""
    columns = ", ".join(f"column_{n}" for n in range(20))
    rows = [{"view": "v_requests", "columns": columns}, {"view": "v_hosts", "columns": "host"}]
    return answer("query.views", {"rows": rows})


def queried() -> Answer:
    """Rows of somebody's own statement."""
    rows = [{"route": "/api/items/", "avg_ms": 120.375, "n": 12_345}, {"route": None, "n": 7}]
    return answer("query", {"rows": rows})
