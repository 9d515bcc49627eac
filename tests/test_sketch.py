"""The sketch keeps its promise: nearest rank within 1 %, and concatenation is the merge."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from perfctl import sketch
from perfctl.stats import nearest_rank

SHARES = (0.5, 0.95, 0.99)
durations = st.lists(st.integers(1, 30 * 86_400 * 1_000_000), min_size=1, max_size=300)


@given(st.integers(1, 30 * 86_400 * 1_000_000))
def test_a_bucket_stands_for_its_members_within_one_percent(value: int) -> None:
    """The value of a bucket differs by at most 1 % from whatever fell into it."""
    found = sketch.bucket_value(sketch.bucket(value))
    assert abs(found - value) <= sketch.RELATIVE_ERROR * value * (1 + 1e-9)


@given(durations)
def test_quantiles_are_the_nearest_rank_within_one_percent(values: list[int]) -> None:
    """p50, p95 and p99 of a sketch are those of the sorted values."""
    found = sketch.quantiles(sketch.decode(sketch.of_values(values)), SHARES)
    for share, quantile in zip(SHARES, found, strict=True):
        exact = nearest_rank(sorted(values), share)
        assert exact is not None
        assert quantile is not None
        assert math.isclose(quantile, exact, rel_tol=sketch.RELATIVE_ERROR * (1 + 1e-9))


@given(durations, durations)
def test_concatenation_is_the_merge(first: list[int], second: list[int]) -> None:
    """Two sketches put together count as the sketch of all values."""
    together = sketch.of_values(first) + sketch.of_values(second)
    assert sketch.decode(together) == sketch.decode(sketch.of_values(first + second))
    assert sketch.compact(together) == sketch.of_values(first + second)
    assert sketch.merge([sketch.of_values(first), sketch.of_values(second)]) == sketch.compact(
        together
    )


def test_a_count_above_a_word_spills_into_the_next() -> None:
    """A bucket may hold more than 2**20 - 1 values."""
    blob = sketch.encode([(7, 3_000_000)])
    assert len(blob) == 12
    assert sketch.decode(blob)[7] == 3_000_000


def test_one_hundred_thousand_log_normal_requests() -> None:
    """The figures of the issue: within 1 % of the exact nearest rank."""
    draw = random.Random(5)
    values = [int(draw.lognormvariate(11, 0.9)) + 1 for _ in range(100_000)]
    found = sketch.quantiles(sketch.decode(sketch.of_values(values)), SHARES)
    exact = [nearest_rank(sorted(values), share) for share in SHARES]
    for quantile, true in zip(found, exact, strict=True):
        assert quantile is not None
        assert true is not None
        assert abs(quantile - true) / true <= 0.0101


def test_an_empty_sketch_has_no_quantiles() -> None:
    """Unknown is None, never 0."""
    assert sketch.quantiles(sketch.decode(b""), SHARES) == [None, None, None]


def test_count_above_counts_to_the_bucket() -> None:
    """Values clearly above and below a limit fall on their side."""
    counts = sketch.decode(sketch.of_values([900, 990_000, 1_020_000, 5_000_000]))
    assert sketch.count_above(counts, 1_000_000) == 2


@given(durations, st.sampled_from((0.5, 0.75, 0.95, 0.99, 1.0)))
def test_one_quantile_is_that_of_all_counts(values: list[int], share: float) -> None:
    """Also of sketches that were put one behind the other."""
    blob = sketch.of_values(values[::2]) + sketch.of_values(values[1::2])
    assert [sketch.quantile(blob, share)] == sketch.quantiles(sketch.decode(blob), (share,))


def test_an_empty_sketch_has_no_quantile() -> None:
    """Nothing is not zero."""
    assert sketch.quantile(b"", 0.95) is None
