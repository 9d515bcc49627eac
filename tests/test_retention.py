"""Old rows go in short chunks, young ones stay, and a jumping clock deletes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfctl import ingest, retention
from perfctl.config import Retention
from perfctl.model import DAY_MS, HOUR_MS
from perfctl.store import connection
from tests import segments
from tests.segments import NOW_MS, request

KEEP = Retention()


def count(store: Path, statement: str) -> int:
    """One number."""
    with connection.reading(store) as con:
        return int(con.execute(statement).fetchone()[0])


def fill(store: Path, ages_ms: list[int]) -> None:
    """Requests of these ages."""
    segments.write(store, [request(NOW_MS - age) for age in ages_ms])
    ingest.drain(store, NOW_MS)


def test_each_kind_goes_when_its_time_has_come(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty days later raw rows, minutes and hours are gone, days stay."""
    monkeypatch.setattr("perfctl.store.pruning.CHUNK_ROWS", 7)
    fill(store, [HOUR_MS * 20] * 40)
    later = NOW_MS + 29 * DAY_MS
    fill_again = [request(later - HOUR_MS) for _ in range(60)]
    segments.write(store, fill_again)
    ingest.drain(store, later)

    pruned = retention.prune(store, KEEP, later + DAY_MS + HOUR_MS)

    assert pruned.refused is None
    assert pruned.rows["performance_metric"] == 40
    assert count(store, "SELECT count(*) FROM performance_metric") == 60
    assert count(store, "SELECT sum(requests) FROM api_performance_metric WHERE level = 4") == 100
    assert count(store, "SELECT sum(requests) FROM api_performance_metric WHERE level = 1") == 60


def test_a_clock_that_jumps_ahead_deletes_nothing(store: Path) -> None:
    """A year ahead, all would be old: nothing goes, and it is said why."""
    fill(store, [HOUR_MS, 2 * HOUR_MS])

    pruned = retention.prune(store, KEEP, NOW_MS + 365 * DAY_MS)

    assert pruned.rows == {}
    assert "clock" in (pruned.refused or "")
    assert count(store, "SELECT count(*) FROM performance_metric") == 2


def test_a_clock_that_jumps_back_deletes_nothing(store: Path) -> None:
    """The newest request then lies in the future."""
    fill(store, [HOUR_MS])

    assert "future" in (retention.prune(store, KEEP, NOW_MS - DAY_MS).refused or "")


def test_pages_are_given_back(store: Path) -> None:
    """The file shrinks by what was deleted."""
    fill(store, [HOUR_MS * 20 + i for i in range(20_000)])
    later = NOW_MS + 29 * DAY_MS
    segments.write(store, [request(later - i) for i in range(20_001)])
    ingest.drain(store, later)
    with connection.writing(store) as con:
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    before = store.stat().st_size

    retention.prune(store, KEEP, later + DAY_MS + HOUR_MS)
    with connection.writing(store) as con:
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    assert store.stat().st_size < before * 0.8


def test_hourly_means_hourly(store: Path) -> None:
    """The second call within the hour does nothing."""
    fill(store, [HOUR_MS])
    retention.prune_hourly(store, KEEP, NOW_MS)
    with connection.reading(store) as con:
        first = con.execute("SELECT value FROM meta WHERE key = 'pruned_ms'").fetchone()[0]

    retention.prune_hourly(store, KEEP, NOW_MS + HOUR_MS - 1)

    assert first == NOW_MS
    assert count(store, "SELECT value FROM meta WHERE key = 'pruned_ms'") == NOW_MS
