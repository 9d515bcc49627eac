"""No value that is accepted can stop a drain, however many records carry it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perfctl import ingest
from perfctl.recording import check
from perfctl.store import cells, connection, counters
from tests import segments
from tests.segments import NOW_MS, request

US, SIZE = check.MAX_US - 1, check.MAX_SIZE - 1
CALLS, NUMBER = check.MAX_CALLS - 1, check.MAX_NUMBER - 1
LARGEST: list[dict[str, Any]] = [
    {
        "duration_us": US,
        "cpu_us": US,
        "queue_us": US,
        "db_us": US,
        "lifetime_us": check.MAX_LIFETIME_US - 1,
    },
    {"response_bytes": SIZE, "queries": NUMBER, "rss_kib": check.MAX_KIB - 1},
    {"patterns": [[NUMBER, CALLS, US, US]]},
    {"findings": [["n", NUMBER, CALLS, US, "a.py:1 in f", None]]},
    {"caches": [["default", "p", NUMBER, NUMBER, NUMBER, US]]},
    {"spans": [["s", CALLS, US]]},
]


@pytest.mark.parametrize("changes", LARGEST)
def test_the_largest_values_add_up(store: Path, changes: dict[str, Any]) -> None:
    """Three thousand of them are stored, in two drains, and so is what comes behind them."""
    for _ in range(2):
        segments.write(store, [request(**changes) for _ in range(1500)])
        assert ingest.drain(store, NOW_MS).requests == 1500

    with connection.reading(store) as con:
        (stored,) = con.execute(
            "SELECT sum(requests) FROM endpoint_total WHERE level = 4"
        ).fetchone()
    assert stored == 3000


@pytest.mark.parametrize("changes", LARGEST)
def test_one_more_is_refused(store: Path, changes: dict[str, Any]) -> None:
    """And only that record."""
    whole = request(**changes)

    def grown(item: Any) -> list[Any]:
        """Every copy of an item in which one number is larger by one."""
        if type(item) is int:
            return [item + 1]
        if type(item) is not list:
            return []
        return [
            [*item[:place], larger, *item[place + 1 :]]
            for place, part in enumerate(item)
            for larger in grown(part)
        ]

    for name, value in changes.items():
        for larger in grown(value):
            segments.write(store, [request(**{**changes, name: larger}), whole])
            drained = ingest.drain(store, NOW_MS)
            assert (drained.requests, drained.rejected) == (1, 1), (name, larger)


def test_a_sum_stops_below_what_a_question_can_add_up(store: Path) -> None:
    """A cell that is as full as can be takes more, in each level, and is read with its like."""
    full = ", ".join(
        f"{name} = {cells.MOST}" for name in ("sum_us", "cpu_us", "db_us", "response_bytes")
    )
    segments.write(store, [request(duration_us=US)])
    ingest.drain(store, NOW_MS)
    with connection.writing(store) as con:
        con.execute(f"UPDATE api_performance_metric SET {full}")
        con.execute(f"UPDATE endpoint_total SET {full}")

    segments.write(store, [request(duration_us=US, cpu_us=US, db_us=US, response_bytes=SIZE)])
    ingest.drain(store, NOW_MS)

    with connection.reading(store) as con:
        assert (
            con.execute(
                "SELECT requests, sum_us, cpu_us, db_us, response_bytes FROM endpoint_total"
            ).fetchall()
            == [(2, *[cells.MOST] * 4)] * 2
        )


def test_a_chunk_adds_up_to_no_more(store: Path) -> None:
    """Two thousand of the longest requests at once are as many, and as long as a cell takes."""
    changes = {"patterns": [[0, CALLS, US, US]], "spans": [["s", CALLS, US]]}
    segments.write(store, [request(duration_us=US, **changes) for _ in range(2000)])
    ingest.drain(store, NOW_MS)

    with connection.reading(store) as con:
        for table in ("api_performance_metric", "endpoint_total", "query_metric", "span_metric"):
            found = con.execute(f"SELECT DISTINCT requests, sum_us FROM {table}").fetchall()
            assert found == [(2000, cells.MOST)], table


def test_a_small_record_makes_no_large_sketch(store: Path) -> None:
    """However many calls it speaks of."""
    segments.write(store, [request(patterns=[[0, CALLS, US, US]])])
    ingest.drain(store, NOW_MS)

    with connection.reading(store) as con:
        assert con.execute("SELECT max(length(sketch)) FROM query_metric").fetchone() == (72,)


def test_a_counter_stops_too(store: Path) -> None:
    """What was counted is added to; beyond what fits it stays."""
    with connection.writing(store) as con, connection.transaction(con):
        counters.add(con, "web1", {"dropped:spool_full": 2**63 - 1}, NOW_MS)
    segments.write(store, [["c", "dropped:spool_full", NUMBER]] * 3)
    ingest.drain(store, NOW_MS)

    with connection.reading(store) as con:
        assert counters.dropped(con) == cells.MOST
