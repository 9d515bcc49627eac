"""Two samples against each other."""

from __future__ import annotations

import random
from typing import Any

import pytest

from perfctl.gate import sample
from perfctl.gate.sample import FALSE_DISCOVERIES, FEWEST, Estimate, Excess, Sample


def drawn(mean: float, spread: float, blocks: int, seed: int) -> Sample:
    """A sample of normal block values."""
    draw = random.Random(seed)
    return sample.of_blocks([draw.gauss(mean, spread) for _ in range(blocks)], 20 * blocks, 0.0)


def excess(before: Sample, after: Sample, **changes: object) -> Excess:
    """Excess against a margin of 1, one of one."""
    said: dict[str, Any] = {"margin": 1.0, "seen": 1.0, "n_tests": 1, **changes}
    return sample.measure_excess(before, after, **said)


def test_a_sample_is_the_mean_of_its_blocks() -> None:
    """With the error that their spread gives it, and never none."""
    found = sample.of_blocks([1.0, 2.0, 3.0], 60, 0.5)
    assert found == Sample(2.0, (1.0 + 0.5) / 3, 2, 60)
    assert sample.of_blocks([2.0] * 5, 100, 0.5).error_squared > 0


def test_p_values_are_uniform_where_the_change_is_the_margin() -> None:
    """So a level of 5 % is one: Welch's t holds for samples of different spread and size."""
    p_values = sorted(
        excess(drawn(0, 1.0, 6, seed), drawn(1.0, 2.5, 15, seed + 10_000)).p_value
        for seed in range(2000)
    )
    for share in (0.01, 0.05, 0.25, 0.5, 0.75):
        assert p_values[int(share * 2000)] == pytest.approx(share, abs=0.025)


def test_a_clear_change_is_clear() -> None:
    """Far beyond the margin, far within it."""
    before = drawn(0, 0.1, 10, 1)
    assert excess(before, drawn(3, 0.1, 10, 2)).p_value < 1e-9
    assert excess(before, drawn(0, 0.1, 10, 3)).p_value > 0.999


def test_a_shift_is_taken_off_and_its_own_doubt_added() -> None:
    """What all did is no change of one."""
    before, after = drawn(0, 0.5, 10, 1), drawn(3, 0.5, 10, 2)
    plain = excess(before, after)
    shifted = excess(before, after, shift=Estimate(plain.change, 0.0, 9))
    doubtful = excess(before, after, shift=Estimate(plain.change, 0.5, 9))
    assert shifted.change == 0
    assert shifted.p_value > 0.99
    assert doubtful.needed > shifted.needed
    assert shifted.p_value > doubtful.p_value > 0.8


def test_four_times_the_noise_needs_sixteen_times_the_requests() -> None:
    """The error falls with the root of the size; a hundred are always needed."""
    quiet, loud = Sample(0, 0.01, 9, 1000), Sample(0, 0.16, 9, 1000)
    few, many = excess(quiet, quiet).needed, excess(loud, loud).needed
    assert many == pytest.approx(16 * few, rel=0.01)
    assert excess(Sample(0, 1e-9, 9, 1000), Sample(0, 1e-9, 9, 1000)).needed == FEWEST


def test_with_the_needed_size_a_change_is_mostly_found() -> None:
    """The power is what it says: 80 %, at the level of a single test."""
    found = 0
    for seed in range(1000):
        before, after = drawn(0, 1.0, 24, seed), drawn(2.0, 1.0, 24, seed + 50_000)
        found += excess(before, after).p_value <= FALSE_DISCOVERIES
    needed = excess(drawn(0, 1.0, 24, 1), drawn(0, 1.0, 24, 2)).needed
    assert needed <= 480  # so the size above suffices
    assert found >= 800


def test_what_a_sample_can_show_is_what_the_needed_size_is_about() -> None:
    """With just the needed size it is the change that was asked about; four times the size halves it."""
    small, large = Sample(0, 0.04, 20, 400), Sample(0, 0.01, 20, 1600)
    (few,), (many,) = ([excess(one, one)] for one in (small, large))
    assert few.detectable - 1 == pytest.approx(2 * (many.detectable - 1))
    enough = excess(small, small, seen=few.detectable - 1)
    assert enough.needed == pytest.approx(400, abs=1)


def test_discoveries_are_benjamini_and_hochbergs() -> None:
    """The largest k whose p-value is at most q·k/n, all up to it."""
    assert sample.discover([0.001, 0.024, 0.03, 0.9]) == 0.03
    assert sample.discover([0.02, 0.9, 0.9, 0.9]) < 0
    assert sample.discover([]) < 0
    assert sample.discover([FALSE_DISCOVERIES]) == FALSE_DISCOVERIES
