"""A segment of many chunks and several transactions is stored as one of few would be."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfctl import ingest, sketch
from perfctl.ingest import intake
from perfctl.spool import reader
from perfctl.store import connection
from tests import segments
from tests.segments import NOW_MS, request


def sums(store: Path) -> list[tuple[object, ...]]:
    """What the cells of a store hold, each sketch as its counts."""
    with connection.reading(store) as con:
        requests = con.execute(
            "SELECT level, period, endpoint_id, status_class, requests, sum_us, max_us, queries,"
            " cache_hits, sketch FROM api_performance_metric ORDER BY 1, 2, 3, 4"
        ).fetchall()
        queries = con.execute(
            "SELECT level, period, endpoint_id, pattern_id, requests, calls, sum_us, max_us, sketch"
            " FROM query_metric ORDER BY 1, 2, 3, 4"
        ).fetchall()
    return [(*numbers, sketch.decode(blob)) for *numbers, blob in requests + queries]


def records(count: int) -> list[list[object]]:
    """Requests of an hour on five routes, each with its own queries; one in fifty is wrong."""
    found = [
        request(
            NOW_MS - (count - place) * 1000,
            route=f"/r{place % 5}/",
            status=-1 if place % 50 == 7 else 200,
            duration_us=1000 + 37 * place,
            request_id=f"{place}",
            patterns=[[place % 3, 1 + place % 2, 100 + place, 60 + place % 50], [9, 1, 5, 5]],
            caches=[["default", "p", place % 2, 1, 0, 3]] * (place % 3),
        )
        for place in range(count)
    ]
    return [["p", ordinal, "default", f"SELECT {ordinal}"] for ordinal in range(3)] + found


@pytest.mark.parametrize(("chunk", "batch"), [(1 << 16, 1 << 30), (1 << 16, 1 << 16), (1 << 22, 1)])
def test_chunks_and_transactions_change_nothing(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, batch: int
) -> None:
    """Cells, rows and counters are those of a single chunk."""
    written = records(3000)
    segments.write(store, written)
    monkeypatch.setattr(reader, "CHUNK_BYTES", 1 << 26)
    whole = ingest.drain(store, NOW_MS)
    expected = sums(store)

    other = tmp_path / "other.db"
    other.touch(0o600)
    connection.create(other)
    segments.write(other, written)
    monkeypatch.setattr(reader, "CHUNK_BYTES", chunk)
    monkeypatch.setattr(intake, "BATCH_BYTES", batch)

    assert ingest.drain(other, NOW_MS) == whole
    assert whole.requests == 2940
    assert whole.rejected == 60
    assert sums(other) == expected
