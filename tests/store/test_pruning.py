"""Which ids go, which are spared, and how much a chunk takes."""

from __future__ import annotations

import itertools
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from perfctl import ingest
from perfctl.model import DAY_MS, Level
from perfctl.store import connection, pruning
from perfctl.store.pruning import Cells, Ids, Timed, between, joined
from tests import segments
from tests.segments import NOW_MS, request

RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: Ids(min(pair), max(pair)))
)


def ids_of(ranges: list[Ids] | tuple[Ids, ...]) -> set[int]:
    """The single ids."""
    return {number for first, last in ranges for number in range(first, last)}


@given(RANGES)
def test_joined_ranges_hold_the_same_ids(ranges: list[Ids]) -> None:
    """In order, none touching the next."""
    found = joined(ranges)

    assert ids_of(found) == ids_of(ranges)
    assert all(a.last < b.first for a, b in itertools.pairwise(found))


@given(st.integers(0, 60), st.integers(0, 60), RANGES)
def test_what_is_between_spared_ranges(first: int, length: int, spared: list[Ids]) -> None:
    """All of the whole that is not spared, and nothing else, piece by piece."""
    whole = Ids(first, first + length)

    pieces = between(whole, joined(spared))

    assert ids_of(pieces) == ids_of([whole]) - ids_of(spared)
    assert sum(last - first for first, last in pieces) == len(ids_of(pieces))


def test_a_chunk_looks_at_so_many_rows(store: Path) -> None:
    """Spared ones count too, or a store full of them would hold the lock for long."""
    segments.write(store, [request(NOW_MS - 1000 + i) for i in range(10)])
    ingest.drain(store, NOW_MS)
    with connection.writing(store) as con:
        ids = [row[0] for row in con.execute("SELECT id FROM performance_metric ORDER BY id")]
        part = Timed("performance_metric", NOW_MS + 1, (Ids(ids[1], ids[6]),))

        first = pruning.delete_timed(con, part, 0, 4)
        second = pruning.delete_timed(con, part, first.next_id or 0, 4)
        third = pruning.delete_timed(con, part, second.next_id or 0, 4)

        assert [first.rows, second.rows, third.rows] == [1, 2, 2]
        assert (first.next_id, second.next_id, third.next_id) == (ids[4], ids[8], None)
        left = [row[0] for row in con.execute("SELECT id FROM performance_metric ORDER BY id")]
        assert left == ids[1:6]
        assert pruning.count_old(con, part) == pruning.count_spared(con, part) == 5


def test_a_chunk_of_cells_may_end_within_a_period(store: Path) -> None:
    """A busy minute of many endpoints is no reason to hold the lock for long."""
    segments.write(store, [request(NOW_MS - DAY_MS, route=f"/{i}/") for i in range(23)])
    ingest.drain(store, NOW_MS)
    part = Cells("api_performance_metric", Level.MINUTE, NOW_MS)
    with connection.writing(store) as con:
        assert pruning.count_cells(con, part) == 23

        chunks = [pruning.delete_cells(con, part, 10) for _ in range(3)]

        assert [chunk.rows for chunk in chunks] == [10, 10, 3]
        assert [chunk.next_id is None for chunk in chunks] == [False, False, True]
        levels = con.execute("SELECT DISTINCT level FROM api_performance_metric").fetchall()
        assert levels == [(Level.HOUR,), (Level.DAY,)]
