"""Builds stores of synthetic requests straight through `perfctl.store`, and keeps them for a while."""

from __future__ import annotations

import csv
import random
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import synthetic
from benchmarks.measure import cache_folder
from perfctl.ingest.minutes import MinuteCells
from perfctl.model import DAY_MS, HOUR_MS, Level
from perfctl.store import cells, connection, place, requests
from perfctl.store.names import Names
from perfctl.store.requests import RequestColumns

DAYS = 31
"""One more than is asked for: a kept store stays whole for a day."""
_MINUTES_KEPT_MS = 49 * HOUR_MS
_GENERATION = 1


class Fleet(NamedTuple):
    """Who reported the requests."""

    hosts: int = 1
    releases: int = 1

    @property
    def name(self) -> str:
        """For people."""
        hosts = "1 host" if self.hosts == 1 else f"{self.hosts} hosts"
        return hosts if self.releases == 1 else f"{hosts} × {self.releases} releases"


def store_of(count: int, fleet: Fleet) -> Path:
    """A store of so many requests over the last 30 days; one built within a day is used again."""
    name = f"store-{_GENERATION}-{connection.SCHEMA_VERSION}-{count}-{fleet.hosts}-{fleet.releases}"
    folder = cache_folder() / name
    if folder.exists() and time.time() - folder.stat().st_mtime > DAY_MS / 1000:
        shutil.rmtree(folder)
    if not folder.exists():
        made = Path(tempfile.mkdtemp(dir=cache_folder()))
        build(made, count, fleet, until_ms=int(time.time() * 1000))
        made.rename(folder)
    return folder / "perfctl.db"


def build(folder: Path, count: int, fleet: Fleet, until_ms: int) -> None:
    """Rows and cells hour by hour, as drains of an hour each would leave them."""
    store = folder / "perfctl.db"
    place.prepare(store)
    connection.create(store)
    hours = DAYS * 24
    first_hour = until_ms // HOUR_MS - hours + 1
    each = -(-count * DAYS // 30 // (hours * fleet.hosts))
    draw = random.Random(count)
    with connection.writing(store) as con:
        con.execute("PRAGMA synchronous = OFF")
        for hour in range(first_hour, first_hour + hours):
            until = min(until_ms, (hour + 1) * HOUR_MS)
            with connection.transaction(con):
                names = Names(con, until)
                release = f"r{(hour - first_hour) * fleet.releases // hours}"
                for host in range(fleet.hosts):
                    origin = names.origin(f"web{host + 1}", release, "production", "live")
                    add_hour(con, names, origin, _draw_hour(draw, each, hour * HOUR_MS, until))
                longest = cells.longest_sketches(con, _periods(hour), until)
                cells.compact(con, longest)
        _forget_minutes(con, until_ms - _MINUTES_KEPT_MS)


class Hour(NamedTuple):
    """Columns of the requests of an hour."""

    started_ms: list[int]
    ranks: list[int]
    statuses: list[int]
    durations_us: list[int]


def _draw_hour(draw: random.Random, count: int, since_ms: int, until_ms: int) -> Hour:
    times = sorted(draw.choices(range(since_ms, max(since_ms + 1, until_ms)), k=count))
    ranks = synthetic.draw_ranks(draw, count)
    durations = synthetic.draw_durations(draw, ranks)
    return Hour(times, ranks, synthetic.draw_statuses(draw, count), durations)


def add_hour(con: sqlite3.Connection, names: Names, origin_id: int, hour: Hour) -> None:
    """Add the requests of an hour: raw rows, and cells of all levels."""
    count = len(hour.started_ms)
    endpoints = [names.endpoint(*synthetic.endpoint(rank), 0) for rank in hour.ranks]
    ids = [f"{number:016x}" for number in random.Random(hour.started_ms[0]).choices(
        range(1 << 60), k=count)]  # fmt: skip
    rows = RequestColumns(
        started_ms=hour.started_ms,
        origin_id=[origin_id] * count,
        endpoint_id=endpoints,
        status=hour.statuses,
        duration_us=hour.durations_us,
        response_bytes=[duration & 0x3FFF for duration in hour.durations_us],
        request_id=ids,
        flags=[int(status >= 500) for status in hour.statuses],
        cpu_us=[duration // 3 for duration in hour.durations_us],
        queue_us=[1800] * count,
        rss_kib=[61_440] * count,
        rss_delta_kib=[0] * count,
        queries=[6] * count,
        db_us=[duration // 2 for duration in hour.durations_us],
        n_plus_one=[0] * count,
        duplicates=[0] * count,
        cache_hits=[1] * count,
        cache_misses=[0] * count,
        user=[None] * count,
        lifetime_us=[None] * count,
        test_id=[None] * count,
    )
    requests.insert(con, rows)
    requests.note_newest(con, hour.started_ms[-1])
    minutes = MinuteCells()
    minutes.add(rows)
    cells.add(con, "live", minutes.cells(origin_id))


def _periods(hour: int) -> list[tuple[int, int]]:
    return [(int(Level.HOUR), hour), (int(Level.DAY), hour // 24)]


def _forget_minutes(con: sqlite3.Connection, before_ms: int) -> None:
    with connection.transaction(con):
        con.execute(
            "DELETE FROM api_performance_metric WHERE level = ? AND period < ?",
            (int(Level.MINUTE), before_ms // Level.MINUTE.width_ms),
        )


def duckdb_of(store: Path) -> Path:
    """The raw rows of a store as a DuckDB file beside it."""
    import duckdb

    path = store.with_suffix(".duckdb")
    if not path.exists():
        draft = store.with_suffix(".csv")
        with connection.reading(store) as con, draft.open("w", newline="") as file:
            csv.writer(file).writerows(con.execute(
                "SELECT id >> 20, endpoint_id, status, duration_us FROM performance_metric"
            ))  # fmt: skip
        made = store.with_suffix(".making")
        with duckdb.connect(str(made)) as target:
            target.execute(
                "CREATE TABLE request AS SELECT * FROM read_csv(?, header = false, columns = {"
                "'ts': 'BIGINT', 'endpoint_id': 'INTEGER', 'status': 'SMALLINT',"
                " 'duration_us': 'BIGINT'})",
                [str(draft)],
            )
        draft.unlink()
        made.rename(path)
    return path


def count_rows(store: Path) -> int:
    """How many raw rows a store has."""
    with connection.reading(store) as con:
        count: Any = con.execute("SELECT count(*) FROM performance_metric").fetchone()
    return int(count[0])
