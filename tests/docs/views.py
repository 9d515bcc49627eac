"""The reference of the stable SQL views, from the schema itself."""

from __future__ import annotations

from perfctl.store import connection, sql

MEANINGS = {
    "v_requests": "One row a request.",
    "v_endpoints": "Rollup cells of requests: one row for each period, origin, endpoint and status class.",
    "v_queries": "Rollup cells of query patterns, by endpoint and N+1 call site.",
    "v_caches": "Rollup cells of cache operations, by alias and key prefix.",
    "v_system": "One row a sample of `perfctl collect`.",
    "v_errors": "One row an exception, or a request marked by `django_hook.mark_error` with one.",
    "v_alerts": "Alerts. Nothing opens alerts in this version: empty.",
    "v_dependencies": "Packages of the newest scan. Nothing scans in this version: empty.",
    "v_predictions": "Predictions. Nothing predicts in this version: empty.",
    "v_deploys": "One row a deploy: marked by `perfctl deploy mark`, or seen by `perfctl collect`.",
    "v_frontend": "Measurements of browsers. Nothing reports them in this version: empty.",
}

OWN = {
    "v_alerts.status": "`pending`, `firing`, `acknowledged`, `snoozed` or `resolved`",
    "v_alerts.value": "when it was judged last",
    "v_alerts.target": "back under it, the alert resolves",
    "v_caches.requests": "requests that used the cache under this prefix",
    "v_deploys.commit_id": "of the source, whole or shortened, or empty",
    "v_deploys.environment": "that it went to, or empty",
    "v_deploys.host": "where it was marked or first seen",
    "v_deploys.origin": "who named the commit: a variable, `.git`, `REVISION`, `requests`",
    "v_deploys.packages": "JSON: the version of each package by name; null where not known",
    "v_deploys.python_environment": "whose packages these are",
    "v_deploys.ref": "the version, tag, branch or commit that was said or found, or empty",
    "v_deploys.release": "as the requests name it, or empty",
    "v_deploys.state": "`marked` or `seen`",
    "v_dependencies.name": "of the package",
    "v_dependencies.status": "`ok`, `outdated`, `vulnerable` or `unverified`",
    "v_dependencies.target": "what was scanned",
    "v_endpoints.n_plus_one": "requests with an N+1",
    "v_endpoints.queries": "of all the requests whose connections were watched",
    "v_endpoints.db_ms": "of all the requests whose connections were watched",
    "v_frontend.kind": "what was measured",
    "v_predictions.kind": "what was predicted",
    "v_queries.max_ms": "the slowest call",
    "v_queries.n_plus_one": "N+1 findings of the pattern",
    "v_queries.requests": "requests that ran the pattern",
    "v_queries.total_ms": "time in all its calls",
    "v_requests.n_plus_one": "its N+1 findings; null where its queries were not watched",
    "v_requests.duplicates": "repetitions of a query with the same parameters; null as `n_plus_one`",
    "v_requests.cache_hits": "look-ups of any cache that found the key; null where not watched",
    "v_requests.cache_misses": "look-ups that did not; null where not watched",
}
"""What a column means in one view alone."""

COLUMNS = {
    "acknowledged_at": "when somebody acknowledged it, UTC",
    "acknowledged_by": "who did",
    "actual_ms": "what it was in the end",
    "agent": "user agent by family and major version",
    "alias": "of the database or cache, as in the Django settings",
    "at": "ISO 8601, UTC",
    "at_ms": "the same as unix milliseconds",
    "avg_ms": "`total_ms` by `requests`",
    "baseline_ms": "what the endpoint's median says",
    "cache_hits": "look-ups of any cache that found the key",
    "cache_misses": "look-ups that did not",
    "call_site": "`file:line in function` of an N+1; null for the pattern's other calls",
    "calls": "how often the statement ran",
    "cpu": "share from 0 to 1",
    "cpu_ms": "CPU time of the request's thread; null under ASGI",
    "db_ms": "time in queries; null where the connections were not watched",
    "direct": "1: required by the project itself",
    "disk": "the fullest writable local filesystem, 0 to 1",
    "disk_mount": "where that is mounted",
    "disk_read_bps": "bytes a second since the sample before",
    "disk_write_bps": "bytes a second since the sample before",
    "duplicates": "repetitions of a query with the same parameters",
    "duration_ms": "to the answer; of a stream, to its first chunk",
    "environment": '`PERFCTL["ENVIRONMENT"]`, or empty',
    "errors": "status 5xx, unhandled exceptions, killed and marked requests",
    "explanation": "what it goes back to",
    "fingerprint": "the statement without its values",
    "flags": "sum of: 1 error, 2 killed, 4 probe, 8 stream, 16 long poll, 32 cut, 64 cancelled, "
    "128 has duplicates, 256 caches were not watched",
    "group_id": "names the error's group",
    "group_status": "`open`, `regressed`, `resolved` or `ignored`",
    "handled": "1: marked by the project, 0: unhandled",
    "hits": "look-ups that found the key",
    "host": "name of the machine; `local` where only a container's id is known",
    "id": "random hexadecimal digits",
    "imported": "where the project imports it",
    "installed": "version",
    "is_anomaly": "1: one",
    "kind": "of the endpoint: 0 plain, 1 probe, 2 long poll",
    "latest": "version",
    "level": "how wide the period is: `minute`, `ten_minutes`, `hour` or `day`",
    "lifetime_ms": "of a stream, to its end",
    "load1": "load average of a minute",
    "location": "`file:line in function` of the project's own innermost frame",
    "max_ms": "the largest",
    "memory": "1 − available/total, 0 to 1",
    "message": 'redacted; null unless `PERFCTL["ERROR_MESSAGES"] = "redacted"`',
    "method": "non-standard ones are `OTHER`",
    "misses": "look-ups that did not find the key",
    "model": "which one said so",
    "name": "of what was measured",
    "net_in_bps": "bytes a second since the sample before",
    "net_out_bps": "bytes a second since the sample before",
    "note": "what was written when acknowledging",
    "open_files": "of the whole machine",
    "opened_at": "UTC",
    "p50_ms": "median",
    "p95_ms": "95th percentile",
    "page": "route of the page",
    "peak": "worst value so far",
    "period_start": "ISO 8601, UTC",
    "prefix": "what stands before the first `:` of a key, else `(other)`",
    "processes": "how many run",
    "queries": "how many; null where the connections were not watched",
    "queue_ms": "from the front server to the middleware; null where it says nothing",
    "release": '`PERFCTL["RELEASE"]`, or empty',
    "request_id": "as in the response's `X-Request-ID`",
    "requests": "how many",
    "resolved_at": "UTC",
    "resolved_by": "who, or by itself",
    "response_bytes": "of the body",
    "route": "the pattern, never the path",
    "rss_delta_kib": "its change; null where requests overlapped in the process",
    "rss_kib": "resident memory of the process",
    "rule": "which one",
    "scanned_at": "UTC",
    "scope": "`machine`, or `cgroup` where its limits hold",
    "score": "how far out",
    "severity": "`warning` or `critical`",
    "source": "`live`, `test` or `frontend`",
    "started_at": "ISO 8601, UTC",
    "started_ms": "the same as unix milliseconds",
    "status": "HTTP status",
    "status_class": "2 for 2xx, and so on",
    "subject": "what it is about",
    "success": "1 or 0",
    "swap": "share from 0 to 1",
    "test": "id of the test that made the request",
    "threshold": "what opens it",
    "total_ms": "sum of the durations",
    "type": "qualified name of the exception's class",
    "unit": "of the value",
    "update_type": "`MAJOR`, `MINOR` or `PATCH`",
    "user": "primary key, or its hash; null where the request did not load its user",
    "value": "measured",
    "vulnerabilities": "JSON",
    "writes": "sets, deletes, increments",
}

INTRODUCTION = """\
# SQL views

Made by `make docs` from the schema: change that, or tests/docs/views.py, not this page.

The views are the stable face of the store for SQL: `perfctl query`, Datasette, Grafana, DuckDB. Within a
major version columns are added at the end and never renamed or removed. The tables under them may change.

`perfctl query` runs one SELECT, read-only and at most 10 s (`--timeout`), after bringing in what waits in
the spool. Other tools open the file read-only while everything goes on; they see what the last
`perfctl` command brought in.

Times are UTC. Durations are milliseconds, shares 0 to 1. Rollup cells are kept 48 h (minutes and ten
minutes), 30 d (hours) and 400 d (days): ask one `level` at a time, each holds all of the traffic.

The ten slowest routes of the last hour:

```sql
SELECT method, route, count(*) AS requests, max(duration_ms) AS max_ms
FROM v_requests
WHERE started_ms >= (strftime('%s', 'now') - 3600) * 1000
GROUP BY 1, 2 ORDER BY max_ms DESC LIMIT 10
```

Lines that ask once per row, and what they cost by day:

```sql
SELECT period_start, call_site, sum(calls) AS calls, sum(total_ms) AS total_ms
FROM v_queries WHERE level = 'day' AND n_plus_one > 0
GROUP BY 1, 2 ORDER BY total_ms DESC
```

Which release brought an error:

```sql
SELECT type, location, release, count(*) AS times, min(at) AS first_seen
FROM v_errors GROUP BY 1, 2, 3 ORDER BY first_seen DESC
```
"""


def columns() -> dict[str, list[str]]:
    """The columns of each stable view, in order."""
    with connection.reading_nothing() as con:
        return {name: names.split(", ") for name, names in sql.views(con)}


def page() -> str:
    """The text of docs/sql.md."""
    parts = [INTRODUCTION]
    for view, names in columns().items():
        rows = "".join(f"| `{name}` | {meaning(view, name)} |\n" for name in names)
        parts.append(
            f"\n## `{view}`\n\n{MEANINGS[view]}\n\n| column | meaning |\n|---|---|\n{rows}"
        )
    return "".join(parts)


def meaning(view: str, column: str) -> str:
    """What a column of a view holds."""
    return OWN.get(f"{view}.{column}") or COLUMNS[column]
