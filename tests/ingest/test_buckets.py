"""Sketches made the quick way are those of the values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perfctl import sketch
from perfctl.ingest import buckets
from perfctl.ingest.buckets import buckets_of, sketch_of

durations = st.lists(st.integers(0, 10**9) | st.sampled_from([0, 1, 7, 500]), max_size=100)


@given(durations)
def test_few_and_many_values_are_counted_alike(values: list[int]) -> None:
    """Whether each has a word of its own or each bucket has one."""
    found = sketch_of(buckets_of(values))
    assert sketch.decode(found) == sketch.decode(sketch.of_values(values))


@given(durations)
def test_buckets_are_those_of_the_sketch(values: list[int]) -> None:
    """Also where a value was looked up before."""
    assert buckets_of([*values, *values]) == [sketch.bucket(value) for value in values] * 2


def test_what_is_kept_is_bounded() -> None:
    """Ever new durations do not fill the memory."""
    buckets_of(range(200_000))
    buckets_of([1])
    assert len(buckets._buckets) == 1


def test_counts_above_a_word_spill_into_the_next() -> None:
    """Counts by bucket become the sketch of the same pairs, in order of the buckets."""
    assert sketch.of_counts({9: 2, 7: 3_000_000}) == sketch.encode([(7, 3_000_000), (9, 2)])
    assert sketch.of_counts({9: 2, 7: 1}) == sketch.encode([(7, 1), (9, 2)])
