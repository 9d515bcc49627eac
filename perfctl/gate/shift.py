"""What happened to all routes alike: the median of their changes, and how well that is known."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import fmean, median
from typing import NamedTuple

from perfctl.gate import sample, student
from perfctl.gate.sample import Estimate

FEWEST_ROUTES = 5
_LEVEL = 0.025
_DRAWS = 200_000
_MOST_ROUNDS, _FEWEST_ROUNDS = 1000, 200


class Shift(NamedTuple):
    """How much slower all routes became together."""

    ratio: float
    low: float
    high: float
    """From low to high: the interval that holds the true ratio 95 times out of 100."""
    is_slower: bool
    """Whether the whole interval lies beyond the margin."""
    requests: int
    """Of the middle route, on its smaller side."""
    needed: int
    """Requests that it takes to see a slowdown; beyond the margin, to tell this one from it."""


def judge(change: Estimate, requests: int, *, margin: float, seen: float) -> Shift:
    """The shift of a logarithm by `change`, tested as a route's change is."""
    tested = sample.measure(change, requests, margin=margin, seen=seen, level=_LEVEL)
    reach = math.sqrt(change.error_squared) * student.quantile(_LEVEL, change.freedom)
    beyond = change.value - margin
    is_slower = beyond > reach
    needed = tested.needed
    if 0 < beyond <= reach:
        needed = max(needed, math.ceil(requests * (reach / beyond) ** 2))
    low, middle, high = (math.exp(change.value + far) for far in (-reach, 0.0, reach))
    return Shift(middle, low, high, is_slower, requests, needed)


def of_all(changes: Sequence[Estimate]) -> Estimate:
    """The median of all routes' changes."""
    return Estimate(median(one.value for one in changes), *_doubt(changes))


def beside(changes: Sequence[Estimate]) -> list[Estimate]:
    """For each route the median of the other routes' changes, on which its own has no influence."""
    doubt = _doubt(changes)
    return [
        Estimate(median(c.value for at, c in enumerate(changes) if at != place), *doubt)
        for place in range(len(changes))
    ]


def _doubt(changes: Sequence[Estimate]) -> tuple[float, float]:
    """The square of the error, and its degrees of freedom: those of the worst known route.

    The error is that of the median without the best known route: the largest of any that leaves one
    out. How precise the tested route itself is says nothing of what the others did.
    """
    spreads = sorted(math.sqrt(one.error_squared) for one in changes)[1:]
    return _median_variance(spreads), min(one.freedom for one in changes)


def _median_variance(spreads: Sequence[float]) -> float:
    """The variance of the median of normal values of mean 0 with these standard deviations.

    Drawn (a parametric bootstrap): no formula holds for few values of different spread. The draws
    begin at the same place each time, so that the same records give the same verdict.
    """
    draw = random.Random(0)  # noqa: S311  # a simulation, no secret
    rounds = max(_FEWEST_ROUNDS, min(_MOST_ROUNDS, _DRAWS // len(spreads)))
    drawn = (median([draw.gauss(0.0, spread) for spread in spreads]) for _ in range(rounds))
    return fmean(value * value for value in drawn)
