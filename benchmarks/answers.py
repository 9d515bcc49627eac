"""`perfctl endpoints --since 30d` as a whole command, beside exact SQL and DuckDB on the same rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import stores
from benchmarks.measure import PERFCTL, cpu_ms, interleaved, middle
from benchmarks.report import Report, Table
from benchmarks.stores import Fleet

FLEETS = (Fleet(), Fleet(hosts=2, releases=10))
_NAMES = ("p50_ms", "p95_ms", "p99_ms")


class Arm(NamedTuple):
    """A way to answer, and how often it is worth to try."""

    command: Callable[[Path, tuple[int, int]], list[str | Path]]
    rounds: int


def run(*, quick: bool = False) -> Report:
    """All arms on stores of two sizes and two fleets."""
    sizes = (3_000,) if quick else (1_000_000, 10_000_000)
    rows, accuracy = [], []
    for fleet in FLEETS:
        for size in sizes:
            store = stores.store_of(size, fleet)
            answer = ask(store)
            window = _window(answer)
            arms = {**_ours(), **_peers(), "exact SQL": Arm(_exact_command, 1 if size > 1e6 else 3)}
            found = _measure(store, window, arms, quick=quick)
            costs = {name: middle([cpu for cpu, _ in runs]) for name, runs in found.items()}
            count = sum(row["count"] for row in answer["data"]["endpoints"])
            label = f"{count:,} requests, {fleet.name}"
            rows += [
                (label, name, cpu / 1000, cpu / costs["perfctl, JSON"])
                for name, cpu in costs.items()
            ]
            accuracy.append((label, *_accuracy(answer, json.loads(found["exact SQL"][-1][1]))))
    columns = ("store", "answered by", "CPU s, whole process", "× perfctl JSON")
    notes = (
        "Per endpoint: count, mean, p50, p95, p99, errors; perfctl also status classes, queries,"
        " cache, queue and a trend. All of the window of 30 days, 100 endpoints.",
        "exact SQL: row_number() over the raw rows, nearest rank. DuckDB: quantile_disc over its"
        " own file of four columns, one thread, import included.",
    )
    return Report("answers", [
        Table("Thirty days of endpoints", columns, rows, notes),
        Table("Worst relative error against the exact nearest rank",
              ("store", *[name.removesuffix("_ms") for name in _NAMES], "counts that differ"),
              accuracy, ("Over all endpoints; the promise is 0.01.",)),
    ])  # fmt: skip


def _ours() -> dict[str, Arm]:
    def command(*options: str) -> Callable[[Path, tuple[int, int]], list[str | Path]]:
        return lambda store, _: [
            PERFCTL, "--db", store, "endpoints", "--since", "30d", *options
        ]  # fmt: skip

    return {
        "perfctl, table": Arm(command(), 9),
        "perfctl, JSON": Arm(command("--format", "json"), 9),
        "perfctl, JSON, of one host": Arm(command("--format", "json", "--host", "web1"), 9),
    }


def _peers() -> dict[str, Arm]:
    try:
        import duckdb  # noqa: F401
    except ImportError:
        return {}
    return {"DuckDB, exact": Arm(_duckdb_command, 5)}


def _measure(
    store: Path, window: tuple[int, int], arms: dict[str, Arm], *, quick: bool
) -> dict[str, list[tuple[float, str]]]:
    """CPU and output of each arm; the slow ones take part in the first rounds only."""
    found: dict[str, list[tuple[float, str]]] = {name: [] for name in arms}
    for number in range(1 if quick else max(arm.rounds for arm in arms.values())):
        taking = {
            name: lambda arm=arm: cpu_ms(arm.command(store, window))
            for name, arm in arms.items()
            if number < arm.rounds
        }
        for name, runs in interleaved(taking, 1).items():
            found[name] += runs
    return found


def ask(store: Path) -> Any:
    """The answer as JSON."""
    return json.loads(cpu_ms([PERFCTL, "--db", store, "endpoints", "--since", "30d", "--format",
                              "json", "--limit", "0"])[1])  # fmt: skip


def _window(answer: Any) -> tuple[int, int]:
    since, until = (
        round(datetime.fromisoformat(answer["window"][edge]).timestamp() * 1000)
        for edge in ("since", "until")
    )
    return since, until


def _accuracy(answer: Any, exact: list[list[Any]]) -> list[str | int]:
    """The worst error of each quantile, and how many endpoints have another count."""
    of_endpoint = {(method, route): rest for method, route, *rest in exact}
    worst = [0.0] * len(_NAMES)
    differ = 0
    for row in answer["data"]["endpoints"]:
        count, _, *quantiles = of_endpoint[row["method"], row["route"]]
        differ += count != row["count"]
        for place, name in enumerate(_NAMES):
            true = quantiles[place] / 1000
            worst[place] = max(worst[place], abs(row[name] - true) / true)
    return [*[f"{error:.4f}" for error in worst], differ]


EXACT = """
WITH ranked AS (
    SELECT endpoint_id, duration_us,
           row_number() OVER (PARTITION BY endpoint_id ORDER BY duration_us) AS place,
           count(*) OVER (PARTITION BY endpoint_id) AS n
    FROM performance_metric WHERE id >= :since << 20 AND id < :until << 20)
SELECT e.method, e.route, n, avg(duration_us),
       max(CASE WHEN place = (n * 50 + 99) / 100 THEN duration_us END),
       max(CASE WHEN place = (n * 95 + 99) / 100 THEN duration_us END),
       max(CASE WHEN place = (n * 99 + 99) / 100 THEN duration_us END)
FROM ranked JOIN endpoint e ON e.id = endpoint_id GROUP BY endpoint_id
"""
DUCKDB = """
SELECT endpoint_id, count(*), avg(duration_us), quantile_disc(duration_us, [0.5, 0.95, 0.99]),
       sum(CASE WHEN status >= 500 THEN 1 ELSE 0 END)
FROM request WHERE ts >= ? AND ts < ? GROUP BY endpoint_id
"""


def _exact_command(store: Path, window: tuple[int, int]) -> list[str | Path]:
    script = (
        "import json, sqlite3, sys\n"
        "con = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n"
        "values = {'since': int(sys.argv[2]), 'until': int(sys.argv[3])}\n"
        "print(json.dumps(con.execute(sys.argv[4], values).fetchall()))"
    )
    return [sys.executable, "-c", script, store, *map(str, window), EXACT]


def _duckdb_command(store: Path, window: tuple[int, int]) -> list[str | Path]:
    script = (
        "import duckdb, sys\n"
        "con = duckdb.connect(sys.argv[1], read_only=True)\n"
        "con.execute('SET threads = 1')\n"
        "print(con.execute(sys.argv[4], [int(sys.argv[2]), int(sys.argv[3])]).fetchall())"
    )
    path = stores.duckdb_of(store)
    return [sys.executable, "-c", script, path, *map(str, window), DUCKDB]
