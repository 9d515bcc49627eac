"""Requests of tests in the store: one by one, with their query counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perfctl import ingest, retention
from perfctl.config import Retention
from perfctl.model import DAY_MS, Filters, Window
from perfctl.store import connection, gate
from perfctl.store.gate import StoredTest
from tests import segments
from tests.segments import NOW_MS, request

ALWAYS = Window(0, NOW_MS + DAY_MS)
READ = ["p", 0, "default", "SELECT * FROM item WHERE owner_id = ?"]
COUNT = ["p", 1, "default", "SELECT COUNT(*) FROM item"]


def bring(store: Path, records: list[Any], **head: Any) -> None:
    """Records of a test run."""
    head = {"source": "test", **head}
    segments.write(store, records, head=segments.header(**head))
    ingest.drain(store, NOW_MS)


def stored(store: Path, source: str = "test") -> list[StoredTest]:
    """What the gate gets to read."""
    with connection.reading(store) as con:
        return gate.select_tests(con, ALWAYS, Filters(source))


def test_calls_of_an_n_plus_one_stand_apart_with_their_place(store: Path) -> None:
    """The other calls of the same pattern beside them, without one."""
    finding = ["n", 0, 8, 4000, "app/views.py:9 in page", "select_related('owner')"]
    uses = [[0, 10, 5000, 700], [1, 1, 50, 50]]
    bring(
        store,
        [READ, COUNT, request(queries=11, patterns=uses, findings=[finding], test="t.py::test_a")],
    )
    (row,) = stored(store)
    with connection.reading(store) as con:
        patterns, sites = gate.patterns(con), gate.call_sites(con)
    assert (row.test, row.method, row.route, row.queries) == ("t.py::test_a", "GET", "/items/", 11)
    named = {
        (patterns[pattern].fingerprint, calls, site and sites[site])
        for pattern, calls, site in row.uses
    }
    assert named == {
        (READ[3], 8, ("app/views.py:9 in page", "select_related('owner')")),
        (READ[3], 2, None),
        (COUNT[3], 1, None),
    }


def test_an_n_plus_one_without_a_place_is_one_all_the_same(store: Path) -> None:
    """Its calls go to place 0."""
    finding = ["n", 0, 6, 400, None, None]
    bring(store, [READ, request(patterns=[[0, 6, 400, 90]], findings=[finding], test="a")])
    assert [use[1:] for use in stored(store)[0].uses] == [[6, 0]]


def test_duplicates_are_counted_once(store: Path) -> None:
    """A finding of another kind takes nothing from the calls."""
    finding = ["d", 0, 3, 300, "app/views.py:9 in page", None]
    bring(store, [READ, request(patterns=[[0, 3, 300, 90]], findings=[finding], test="a")])
    assert [use[1:] for use in stored(store)[0].uses] == [[3, None]]


def test_an_ordinal_without_its_pattern_is_other(store: Path) -> None:
    """Its calls are counted, and what they asked is not known."""
    bring(store, [READ, request(patterns=[[0, 1, 1, 1], [7, 2, 1, 1]], test="a")])
    with connection.reading(store) as con:
        patterns = gate.patterns(con)
    found = {patterns[number].fingerprint: calls for number, calls, _ in stored(store)[0].uses}
    assert found == {READ[3]: 1, "(other)": 2}


@pytest.mark.parametrize("at_ms", [NOW_MS - 4000 * DAY_MS, NOW_MS + 4000 * DAY_MS])
def test_a_frozen_clock_loses_nothing(store: Path, at_ms: int) -> None:
    """Tests set the clock as they like; their records count as of now."""
    bring(store, [READ, request(at_ms, patterns=[[0, 1, 1, 1]], test="a")])
    assert len(stored(store)) == 1


def test_many_requests_of_one_moment_are_all_kept(store: Path) -> None:
    """A frozen clock gives them all the same millisecond."""
    bring(store, [request(test=f"t{i % 7}") for i in range(500)])
    bring(store, [request(test=f"t{i % 7}") for i in range(500)])
    assert len(stored(store)) == 1000


def test_live_requests_and_those_of_no_test_are_not_kept(store: Path) -> None:
    """A session's fixture may make requests before any test runs."""
    bring(store, [request(), request(test="")])
    bring(store, [request(test="a")], source="live")
    assert stored(store) == []
    assert stored(store, "live") == []


def test_segments_of_one_process_tell_so_and_come_in_order(store: Path) -> None:
    """A container's low pid comes again in the next one, whose id is another."""
    for instance in ("a" * 12, "a" * 12, "b" * 12):
        bring(store, [request(test="t")], instance=instance, host="local")
    rows = sorted(stored(store))
    assert [row.segment_id for row in rows] == [1, 2, 3]
    assert rows[0].process == rows[1].process != rows[2].process


def test_retention_takes_them(store: Path) -> None:
    """As it takes other raw requests."""
    bring(store, [request(test="old"), request(NOW_MS + 1, test="new")])
    keep = Retention(requests_ms=10 * DAY_MS)
    done = retention.prune(store, keep, NOW_MS + 10 * DAY_MS + 1)
    assert done.rows["test_request"] == 1
    assert [row.test for row in stored(store)] == ["new"]
