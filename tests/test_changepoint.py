"""Steps are found where there are some, in the right range, and rarely where there are none."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.changepoint import FEWEST, clean, find_steps, least_height, ranks, strength


def noise(draw: random.Random, count: int, kind: str = "plain") -> list[float]:
    """Values around 0 that stay at no level of their own."""
    match kind.split():
        case ["alike", share]:
            return alike(draw, count, float(share))
        case ["outliers"]:
            return [draw.gauss(0, 1.0 if draw.random() < 0.05 else 0.1) for _ in range(count)]
        case ["skewed"]:
            return [draw.lognormvariate(0, 1) for _ in range(count)]
        case ["rare"]:
            return [0.05 * (draw.random() < 0.1) for _ in range(count)]
        case ["two", "levels"]:
            return [(draw.random() < 0.3) + draw.gauss(0, 0.1) for _ in range(count)]
        case _:
            return [draw.gauss(0, 0.1) for _ in range(count)]


def alike(draw: random.Random, count: int, share: float) -> list[float]:
    """A first-order autoregression, each value like the one before by a share."""
    values = [draw.gauss(0, 0.1)]
    while len(values) < count:
        values.append(share * values[-1] + draw.gauss(0, 0.1 * math.sqrt(1 - share * share)))
    return values


def test_a_clear_step_is_found_where_it_is() -> None:
    """To the cell, and the range is narrow."""
    values = [*noise(random.Random(1), 40), *(v + 1 for v in noise(random.Random(2), 40))]

    (step,) = find_steps(values)

    assert step.at == 40
    assert step.earliest <= 40 <= step.latest
    assert step.latest - step.earliest <= 1
    assert step.strength > 5


@pytest.mark.parametrize("kind", ["plain", "outliers"])
def test_a_small_step_lies_in_its_range(kind: str) -> None:
    """In 9 of 10 cases and more, of 60 each."""
    draw = random.Random(3)
    found = [find_steps([v + (0.2 if i >= 70 else 0) for i, v in enumerate(noise(draw, 120, kind))])
             for _ in range(60)]  # fmt: skip

    steps = [min(steps, key=lambda step: abs(step.at - 70)) for steps in found if steps]

    assert len(steps) >= 55
    assert sum(step.earliest <= 70 <= step.latest for step in steps) >= 0.9 * len(steps)


@pytest.mark.parametrize("count", [20, 100])
@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("plain", 0.01), ("outliers", 0.01), ("skewed", 0.02), ("rare", 0.02), ("two levels", 0.02),
        ("alike 0.3", 0.02), ("alike 0.5", 0.02), ("alike 0.85", 0.08),
    ],
)  # fmt: skip
def test_noise_is_seldom_a_step(kind: str, most: float, count: int) -> None:
    """Whatever it is like; somewhat more where each cell is much like the one before."""
    draw = random.Random(4)

    found = sum(bool(find_steps(noise(draw, count, kind))) for _ in range(400))

    assert found <= most * 400


@pytest.mark.parametrize(("kind", "least"), [("plain", 49), ("alike 0.3", 44), ("alike 0.5", 35)])
def test_half_as_much_again_is_found(kind: str, least: int) -> None:
    """With a tenth of noise, in twenty cells on each side."""
    draw = random.Random(12)

    found = [
        find_steps(
            [math.log(1.5 if i >= 20 else 1.0) + v for i, v in enumerate(noise(draw, 40, kind))]
        )
        for _ in range(50)
    ]

    assert sum(any(abs(step.at - 20) <= 1 for step in steps) for steps in found) >= least


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("lengths", [(3, 6, 10, 11), (10, 5, 20, 6, 12, 8)])
def test_several_incidents_are_all_seen(lengths: tuple[int, ...], spread: float) -> None:
    """Forty times as much, then as before, and again: steps are no noise."""
    draw = random.Random(13)
    values = [
        3.7 * (number % 2) + draw.gauss(0, spread)
        for number, length in enumerate(lengths)
        for _ in range(length)
    ]

    found = [step.at for step in find_steps(values)]

    assert found[-3:] == [sum(lengths[:n]) for n in range(len(lengths) - 3, len(lengths))]


def test_a_level_that_comes_and_goes_is_two_steps() -> None:
    """As of an incident that is over."""
    draw = random.Random(5)
    values = [v + (0.6 if 30 <= i < 40 else 0) for i, v in enumerate(noise(draw, 48))]

    assert [step.at for step in find_steps(values)] == [30, 40]


def test_a_cell_between_two_levels_is_no_level() -> None:
    """The change was within it: one step, before it or after it."""
    draw = random.Random(14)
    values = [draw.gauss(level, 0.01) for level in [0.2] * 20 + [0.6] + [0.95] * 20]

    (step,) = find_steps(values)

    assert step.at in (20, 21)
    assert step.earliest <= step.at <= step.latest


def test_small_waves_and_one_high_value_hide_no_large_step() -> None:
    """Of traffic that stops: whole numbers that are mostly the same, and a visitor afterwards."""
    busy = [24.0] * 14 + [27, 30, 30, 30, 25.5, 24, 24, 24, 30, 30, 27, 24, 24, 24]
    quiet = [0.5, 0.5, 0.5, 0.5, 3.0, *[0.5] * 8]

    assert [step.at for step in find_steps(list(map(math.log, busy + quiet)))] == [28]


def test_a_step_at_the_very_end_is_found() -> None:
    """What has just begun."""
    draw = random.Random(6)
    values = [v + (0.6 if i >= 55 else 0) for i, v in enumerate(noise(draw, 60))]

    (step,) = find_steps(values)

    assert step.earliest <= 55 <= step.latest


def test_one_outlier_is_no_step() -> None:
    """However large."""
    values = noise(random.Random(7), 60)
    values[30] = 1e9

    assert find_steps(values) == []
    assert find_steps([2.0] * 99 + [7.0] + [2.0] * 100) == []


def test_rare_values_that_become_frequent_are_a_step() -> None:
    """As errors: mostly none, then one in some cells."""
    draw = random.Random(11)
    values = [0.05 * (draw.random() < (0.03 if i < 100 else 0.4)) for i in range(200)]

    (step,) = find_steps(values)

    assert abs(step.at - 100) < 15


def test_a_ramp_is_not_overlooked() -> None:
    """Its cells are alike, but it is not noise."""
    assert find_steps([v + i / 50 for i, v in enumerate(noise(random.Random(8), 100))])


@pytest.mark.parametrize("values", [[], [1.0], [0.0] * 9 + [1.0], [3.0] * 200])
def test_too_few_values_and_equal_ones_have_no_step(values: list[float]) -> None:
    """And are no error."""
    assert find_steps(values) == []


@given(
    st.lists(st.integers(-1000, 1000), max_size=60),
    st.sampled_from([1000.0, -0.001]),
    st.integers(-5, 5),
)
def test_the_scale_does_not_matter(numbers: list[int], factor: float, offset: int) -> None:
    """Milliseconds or seconds: the same steps, each within the series and its range."""
    values = [float(number) for number in numbers]

    steps = find_steps(values)

    assert [s.at for s in steps] == [
        s.at for s in find_steps([v * factor + offset for v in values])
    ]
    for step in steps:
        assert 0 < step.earliest <= step.at <= step.latest < len(values)
        assert step.strength >= 1


def test_a_large_step_of_few_cells_is_found() -> None:
    """Ranks alone could not tell three cells of forty from chance."""
    values = noise(random.Random(10), 40)
    for place in (20, 21, 22):
        values[place] += 3

    assert [step.at for step in find_steps(values)] == [20, 23]


@pytest.mark.parametrize("count", [20, 60])
def test_what_could_be_told_is_known(count: int) -> None:
    """A step of that height in the middle mostly is told, one of half of it mostly not."""
    draw = random.Random(15)
    found = {1.2: 0, 0.5: 0}
    for _ in range(50):
        values = noise(draw, count)
        height = least_height(values)
        for factor in found:
            found[factor] += bool(
                find_steps([v + factor * height * (i >= count // 2) for i, v in enumerate(values)])
            )

    assert found[1.2] >= 40
    assert found[0.5] <= 10
    assert least_height([1.0] * count) == 0


def test_a_value_that_stands_alone_is_pulled_in() -> None:
    """Steps stay as they are, also next to the ends."""
    values = [1.0, 1.1, 0.9, 1.0, 50.0, 1.1, 1.0, 0.9, 7.0, 7.1, 6.9, 7.0]

    cleaned = clean(values)

    assert cleaned[4] < 2
    assert cleaned[:4] + cleaned[5:] == values[:4] + values[5:]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=50))
def test_ranks_share_what_is_equal(values: list[int]) -> None:
    """Each rank is the mean place of its value in order."""
    ordered = sorted(values)
    for value, rank in zip(values, ranks(values), strict=True):
        first = ordered.index(value) + 1
        assert rank == first + (ordered.count(value) - 1) / 2


@pytest.mark.parametrize("count", [FEWEST, 25, 60])
def test_one_of_a_hundred_series_of_noise_reaches_the_critical_strength(count: int) -> None:
    """The tables are what they say, drawn again."""
    draw = random.Random(9)

    reached = sum(strength(noise(draw, count)) >= 1 for _ in range(1000))

    assert 1 <= reached <= 20
