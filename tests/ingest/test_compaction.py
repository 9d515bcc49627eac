"""Sketches that many drains have made long are shortened, and count as before."""

from __future__ import annotations

from pathlib import Path

from perfctl import ingest, sketch
from perfctl.model import HOUR_MS, MINUTE_MS, Level
from perfctl.store import cells, connection
from tests import segments
from tests.segments import NOW_MS, request

HOUR = NOW_MS // HOUR_MS
TABLES = ("api_performance_metric", "endpoint_total", "query_metric")


def drain_minutes(store: Path, first_ms: int, minutes: int) -> None:
    """A drain a minute, of 60 requests each with durations of its own."""
    for minute in range(minutes):
        at_ms = first_ms + minute * MINUTE_MS
        segments.write(
            store,
            [["p", 0, "default", "SELECT 1"]]
            + [
                request(
                    at_ms + n,
                    duration_us=1000 + 13 * n,
                    patterns=[[0, 1, 900 + 11 * n, 900 + 11 * n]],
                )
                for n in range(60)
            ],
        )
        ingest.drain(store, at_ms + 5000)


def sketches(store: Path, table: str, level: Level) -> dict[int, bytes]:
    """The sketch of each period of a level."""
    with connection.reading(store) as con:
        return dict(
            con.execute(f"SELECT period, sketch FROM {table} WHERE level = ?", (int(level),))
        )


def test_an_hour_is_shortened_once_it_is_over(store: Path) -> None:
    """While it lasts a drain only adds to it; the first one after it leaves a word a bucket."""
    drain_minutes(store, (HOUR - 1) * HOUR_MS, 10)
    before = {table: sketches(store, table, Level.HOUR)[HOUR - 1] for table in TABLES}
    short = {table: sketch.compact(blob) for table, blob in before.items()}
    assert all(len(before[table]) == 10 * len(short[table]) for table in TABLES)

    drain_minutes(store, HOUR * HOUR_MS, 1)

    for table in TABLES:
        after = sketches(store, table, Level.HOUR)
        assert after[HOUR - 1] == short[table]
        assert sum(sketch.decode(after[HOUR])) == 60


def test_a_period_that_lasts_is_shortened_when_it_is_long(store: Path) -> None:
    """No sketch is left longer than the limit, and none loses a value."""
    drain_minutes(store, HOUR * HOUR_MS, 20)

    for table in TABLES:
        for level in (Level.HOUR, Level.DAY):
            (blob,) = sketches(store, table, level).values()
            assert len(blob) <= cells.LONG_SKETCH_BYTES
            assert sum(sketch.decode(blob)) == 20 * 60


def test_late_records_of_an_hour_that_is_over_are_counted(store: Path) -> None:
    """They are added, and shortened at once."""
    drain_minutes(store, HOUR * HOUR_MS, 1)
    segments.write(
        store,
        [request((HOUR - 3) * HOUR_MS + n, duration_us=5000 + n % 3) for n in range(500)],
    )

    ingest.drain(store, HOUR * HOUR_MS + 2 * MINUTE_MS)

    late = sketches(store, "endpoint_total", Level.HOUR)[HOUR - 3]
    assert sum(sketch.decode(late)) == 500
    assert late == sketch.compact(late)
