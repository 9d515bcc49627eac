"""Where a series changes its level: steps, each with the range in which it may lie.

A split is judged by ranks, so that a single outlier cannot make one: the statistic is the
standardised rank CUSUM (Pettitt, "A non-parametric approach to the change-point problem", Applied
Statistics 28, 1979; standardised as in Ross, Tasoulis and Adams, Technometrics 53, 2011). Steps are
found by bisection, each tested against random orders of its stretch, as in E-divisive (Matteson and
James, JASA 109, 2014), with the test stopped early as Besag and Clifford do (Biometrika 78, 1991).
The range is the posterior of a step of unknown place, height and noise in the ranks (Smith,
Biometrika 62, 1975). Both count the cells as fewer than they are where each resembles the one before
(the effective sample size of a first-order autoregression), as neighbouring minutes do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

FEWEST = 10
"""Cells under which no step could be told from noise."""
LEAST_SIDE = 3
"""Cells that a level needs to be one."""
SIGNIFICANT = 0.01
_ORDERS = 999
_MASS = 0.95
Shuffle = Callable[[list[float]], None]
"""Puts a list into a random order, as `random.Random.shuffle` does."""
_MOST_ALIKE = 0.7
"""A ramp's cells are all alike; taken as they are, no ramp would ever be a change."""


class Step(NamedTuple):
    """A change of level between cell `at - 1` and cell `at`."""

    at: int
    earliest: int
    latest: int
    """With 95 % the step lies at one of `[earliest, latest]`."""
    p_value: float
    """How often a random order of the same cells would look so much like a step."""


def find_steps(values: Sequence[float], shuffle: Shuffle) -> list[Step]:
    """All steps in time order."""
    found: list[Step] = []
    stretches = [(0, len(values))]
    while stretches:
        first, last = stretches.pop()
        step = _find_step(values[first:last], shuffle)
        if step is not None:
            at = first + step.at
            found.append(Step(at, first + step.earliest, first + step.latest, step.p_value))
            stretches += [(first, at), (at, last)]
    return sorted(found)


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for place in order[first : last + 1]:
            found[place] = (first + last) / 2 + 1
        first = last + 1
    return found


def _find_step(values: Sequence[float], shuffle: Shuffle) -> Step | None:
    if len(values) < FEWEST:
        return None
    ranked = ranks(values)
    weights = _weights(len(ranked))
    between = _between(ranked, weights)
    strongest = max(between)
    if strongest <= 0:
        return None
    share = _independent_share(ranked, between.index(strongest) + LEAST_SIDE)
    p_value = _test(ranked, weights, strongest * share, shuffle)
    if p_value > SIGNIFICANT:
        return None
    chances = _posterior(ranked, between, weights, share)
    mode = max(range(len(chances)), key=chances.__getitem__)
    first, last = _credible(chances, mode)
    return Step(mode + LEAST_SIDE, first + LEAST_SIDE, last + LEAST_SIDE, p_value)


def _weights(n: int) -> list[float]:
    """What makes the squared CUSUM at each place where a step may lie a sum of squares."""
    return [n / (k * (n - k)) for k in range(LEAST_SIDE, n - LEAST_SIDE + 1)]


def _between(ranked: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The sum of squares between both sides, for each place where a step may lie."""
    mean = (len(ranked) + 1) / 2
    cusum = sum(ranked[: LEAST_SIDE - 1]) - mean * (LEAST_SIDE - 1)
    found = []
    for rank, weight in zip(ranked[LEAST_SIDE - 1 :], weights, strict=False):
        cusum += rank - mean
        found.append(cusum * cusum * weight)
    return found


def _independent_share(ranked: Sequence[float], at: int) -> float:
    """How many independent cells one is worth, from how each side's cells follow each other."""
    rests: list[float] = []
    for side in (ranked[:at], ranked[at:]):
        mean = sum(side) / len(side)
        rests += [rank - mean for rank in side]
    whole = sum(rest * rest for rest in rests)
    follows = sum(a * b for a, b in pairwise(rests))
    alike = min(max(follows / whole if whole else 0.0, 0.0), _MOST_ALIKE)
    return (1 - alike) / (1 + alike)


def _test(
    ranked: Sequence[float], weights: Sequence[float], strongest: float, shuffle: Shuffle
) -> float:
    """The share of random orders whose strongest split is as strong."""
    most = int(SIGNIFICANT * (_ORDERS + 1))
    shuffled = list(ranked)
    stronger = 0
    for order in range(1, _ORDERS + 1):
        shuffle(shuffled)
        if max(_between(shuffled, weights)) >= strongest:
            stronger += 1
            if stronger >= most:  # no outcome of the rest could make it significant
                return stronger / order
    return (stronger + 1) / (_ORDERS + 1)


def _posterior(
    ranked: Sequence[float], between: Sequence[float], weights: Sequence[float], share: float
) -> list[float]:
    """The chance of each place, given that there is one step."""
    n = len(ranked)
    mean = (n + 1) / 2
    total = sum((rank - mean) ** 2 for rank in ranked)
    floor = total / n**2  # a split without any overlap leaves nothing within a side of two ranks
    logs = [
        0.5 * math.log(weight) - share * (n - 2) / 2 * math.log(max(total - part, floor))
        for part, weight in zip(between, weights, strict=True)
    ]
    highest = max(logs)
    chances = [math.exp(log - highest) for log in logs]
    whole = sum(chances)
    return [chance / whole for chance in chances]


def _credible(chances: Sequence[float], mode: int) -> tuple[int, int]:
    """The shortest run around the mode that holds 95 %."""
    first = last = mode
    mass = chances[mode]
    while mass < _MASS:
        before = chances[first - 1] if first else -1.0
        after = chances[last + 1] if last + 1 < len(chances) else -1.0
        if before >= after:
            first -= 1
            mass += before
        else:
            last += 1
            mass += after
    return first, last
