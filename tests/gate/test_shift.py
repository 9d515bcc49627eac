"""What happened to all routes alike, and how well that is known."""

from __future__ import annotations

import random
from statistics import median, variance

import pytest

from perfctl.gate import shift
from perfctl.gate.sample import Estimate


def drawn(draw: random.Random, spreads: list[float]) -> list[Estimate]:
    """A change of each route that is nothing but its error."""
    return [Estimate(draw.gauss(0, spread), spread**2, 9) for spread in spreads]


@pytest.mark.parametrize(
    "spreads", [[0.1] * 5, [0.1] * 8, [0.01, *[0.2] * 5], [0.02, 0.05, 0.1, 0.2, 0.4, 0.8]]
)
def test_the_error_of_the_median_is_that_of_the_routes_it_is_of(spreads: list[float]) -> None:
    """For a route the others', however well it is known itself; never less than it is."""
    draw = random.Random(3)
    found = [drawn(draw, spreads) for _ in range(4000)]
    beside = shift.beside(found[0])
    for place in range(len(spreads)):
        others = [median(c.value for i, c in enumerate(one) if i != place) for one in found]
        assert beside[place].error_squared >= 0.85 * variance(others)
    best = min(range(len(spreads)), key=spreads.__getitem__)
    others = [median(c.value for i, c in enumerate(one) if i != best) for one in found]
    assert beside[best].error_squared == pytest.approx(variance(others), rel=0.15)


def test_a_route_is_beside_the_others_and_not_beside_itself() -> None:
    """The median of all but it."""
    changes = [Estimate(value, 0.01, 9) for value in (1.0, 2.0, 3.0, 4.0, 9.0)]
    assert [one.value for one in shift.beside(changes)] == [3.5, 3.5, 3.0, 2.5, 2.5]
    assert shift.of_all(changes).value == 3.0


def test_the_same_changes_have_the_same_error() -> None:
    """A verdict does not depend on luck."""
    changes = drawn(random.Random(1), [0.1, 0.2, 0.3, 0.1, 0.2])
    assert shift.beside(changes) == shift.beside(changes)
    assert shift.of_all(changes) == shift.of_all(changes)


def test_the_error_is_known_no_better_than_the_worst_route() -> None:
    """Five blocks of one are four degrees of freedom."""
    changes = [Estimate(0.0, 0.01, freedom) for freedom in (30, 4, 30, 30, 30)]
    assert shift.of_all(changes).freedom == 4
