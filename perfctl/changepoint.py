"""Where a series changes its level: steps, each with the range in which it may lie.

The statistic is the standardised CUSUM over seeded intervals (Kovács, Bühlmann, Li and Munk, "Seeded
binary segmentation", Biometrika 110, 2023), so that a level that comes and goes is found too, and it is
compared with what noise reaches in so many cells: once of ranks, which tells small steps from any
noise (Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics 28, 1979),
once of values, which tells large steps of few cells. Values that stand alone are pulled in first
(Hampel's filter): an outlier is no level. Where each cell resembles the one before, as neighbouring
minutes do, they count as fewer than they are (the effective sample size of a first-order
autoregression). The range is the posterior of a step of unknown place, height and noise (Smith,
"A Bayesian approach to inference about a change-point", Biometrika 62, 1975).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

FEWEST = 10
"""Cells under which no step could be told from noise."""
LEAST_SIDE = 3
"""Cells that a level needs to be told; where it begins is then looked for among all."""
SIGNIFICANT = 0.01
_MASS = 0.95
_REACH = 2
_PAIR = 1 / 14
"""Two in three cells are a strength of 4/3 of their square: of less than is critical, so."""
_FAR = 3.0
"""In standard deviations: further from its neighbours than noise goes."""
_DECAY = 5.0
"""Ten times the strength of noise is ever rarer; this is what the tables show near their values."""
_MOST_SPLITS = 3
_MOST_ALIKE = 0.7
"""A ramp's cells are all alike; taken as they are, no ramp would ever be a change."""
_SHRINK = math.sqrt(2)

_PENALTY = 2.0
"""There are more short intervals than long ones: what they reach counts for less."""

# What one of two hundred series of independent noise reaches in so many cells, so that one of a
# hundred reaches either: `python -m benchmarks.changepoint tables`.
_CRITICAL_RANKS = (
    (10, 7.0), (12, 8.3), (14, 9.6), (17, 10.4), (20, 11.0), (25, 12.2), (30, 12.9), (40, 13.6),
    (50, 14.0), (70, 14.7), (100, 15.5), (150, 16.6), (240, 17.5), (480, 18.1),
)  # fmt: skip
_CRITICAL_VALUES = ((10, 23.0), (14, 21.0), (20, 20.0), (50, 19.5), (100, 20.0), (480, 21.0))


class Step(NamedTuple):
    """A change of level between cell `at - 1` and cell `at`."""

    at: int
    earliest: int
    latest: int
    """With 95 % the step lies at one of `[earliest, latest]`."""
    p_value: float
    """About how often noise alone would show such a step somewhere in the series."""


class _Split(NamedTuple):
    strength: float
    """By the critical one: from 1 on it is a step."""
    at: int
    length: int
    """Of the interval that it splits."""


class _Noise(NamedTuple):
    variance: float
    """As if all cells were independent of each other."""
    share: float
    """How many independent cells one is worth, of the ranks."""


def find_steps(values: Sequence[float]) -> list[Step]:
    """All steps in time order."""
    if len(values) < FEWEST:
        return []
    cleaned = clean(values)
    noise = _noise(cleaned)
    found: dict[int, float] = {}
    stretches = [(0, len(cleaned))]
    while stretches:
        first, last = stretches.pop()
        if last - first < FEWEST:
            continue
        clear = [split for split in _splits(cleaned[first:last], noise) if split.strength >= 1]
        if clear:
            # A short interval holds one step alone (Baranowski, Chen and Fryzlewicz,
            # "Narrowest-over-threshold detection", JRSS B 81, 2019).
            at = first + min(clear, key=lambda split: (split.length, -split.strength)).at
            found[at] = SIGNIFICANT * math.exp(-_DECAY * (max(clear).strength - 1))
            stretches += [(first, at), (at, last)]
    steps: list[Step] = []
    places = [*sorted(found), len(cleaned)]
    for at, after in pairwise(places):
        before = steps[-1].at if steps else 0
        steps.append(_locate(cleaned[before:after], before, noise, found[at]))
    return steps


def strength(values: Sequence[float]) -> float:
    """The strength of the strongest split: one of a hundred series of noise alone reaches 1."""
    cleaned = clean(values)
    return max(split.strength for split in _splits(cleaned, _noise(cleaned)))


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


def clean(values: Sequence[float]) -> list[float]:
    """The values, those that stand far from both their neighbours pulled in to the nearest bound."""
    around = _around(values)
    bound = _FAR * 1.4826 * median([abs(v - m) for v, m in zip(values, around, strict=True)])
    if not bound:
        return list(values)
    return [min(max(v, m - bound), m + bound) for v, m in zip(values, around, strict=True)]


def _around(values: Sequence[float]) -> list[float]:
    """The median of each value and its neighbours, which follows steps, but nothing that is short."""
    return [median(values[max(0, i - _REACH) : i + _REACH + 1]) for i in range(len(values))]


def _rare(values: Sequence[float]) -> float:
    """The least noise with which two rare values beside each other are no level.

    Where most values are the same, as the share of errors mostly is 0, a few others tell little.
    """
    return max((v - m) ** 2 for v, m in zip(values, _around(values), strict=True)) * _PAIR


def _splits(values: Sequence[float], noise: _Noise) -> list[_Split]:
    """The strongest split of each seeded interval, of ranks and of values."""
    ranked = ranks(values)
    mean = (len(values) + 1) / 2
    variance = sum((rank - mean) ** 2 for rank in ranked) / (len(values) - 1) / noise.share
    return [
        *_scan(ranked, max(variance, _rare(ranked)), _interpolate(_CRITICAL_RANKS, len(values))),
        *_scan(values, noise.variance, _interpolate(_CRITICAL_VALUES, len(values))),
    ]


def _interpolate(table: Sequence[tuple[int, float]], count: int) -> float:
    place = min(bisect_right(table, (count, math.inf)), len(table) - 1)
    (few, low), (many, high) = table[place - 1], table[place]
    return low + (high - low) * math.log(count / few) / math.log(many / few)


def _scan(values: Sequence[float], variance: float, critical: float) -> list[_Split]:
    """Squares between both sides of a split by the variance, less the penalty, by the critical one."""
    if not variance:
        return [_Split(0.0, LEAST_SIDE, len(values))]
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    found = []
    for first, last in _seeded(len(values)):
        length = last - first
        mean = (sums[last] - sums[first]) / length
        most, at = 0.0, first + LEAST_SIDE
        for k in range(LEAST_SIDE, length - LEAST_SIDE + 1):
            cusum = sums[first + k] - sums[first] - k * mean
            between = cusum * cusum * length / (k * (length - k))
            if between > most:
                most, at = between, first + k
        penalty = _PENALTY * math.log(len(values) / length)
        found.append(_Split((most / variance - penalty) / critical, at, length))
    return found


def _seeded(count: int) -> Iterator[tuple[int, int]]:
    """The whole, and ever shorter intervals that overlap by half."""
    length = float(count)
    while length >= 2 * LEAST_SIDE:
        whole = round(length)
        for first in range(0, count - whole, max(1, whole // 2)):
            yield first, first + whole
        yield count - whole, count
        length /= _SHRINK


def _noise(values: Sequence[float]) -> _Noise:
    """What moves between steps.

    From differences of neighbours, of which few are steps. Of a first-order autoregression
    differences over two cells are larger by its coefficient; there the largest are left out.
    """
    near, far = _moved(values, 1), _moved(values, 2)
    alike = _bounded(far / near - 1 if near else 0.0)
    whole = sum((b - a) ** 2 for a, b in pairwise(values)) / (len(values) - 1)
    variance = whole / 2 * (1 + alike) / (1 - alike) ** 2
    return _Noise(max(variance, _rare(values)), _independent_share(ranks(values)))


def _independent_share(ranked: Sequence[float]) -> float:
    """How many independent cells one is worth, from how they follow each other between splits."""
    whole = follows = 0.0
    for level in _levels(ranked):
        mean = sum(level) / len(level)
        rests = [rank - mean for rank in level]
        whole += sum(rest * rest for rest in rests)
        follows += sum(a * b for a, b in pairwise(rests))
    alike = _bounded(follows / whole if whole else 0.0)
    return (1 - alike) / (1 + alike)


def _bounded(alike: float) -> float:
    return min(max(alike, 0.0), _MOST_ALIKE)


def _levels(ranked: Sequence[float]) -> list[Sequence[float]]:
    """The series cut at its strongest splits, significant or not."""
    levels = [ranked]
    for _ in range(min(_MOST_SPLITS, len(ranked) // FEWEST)):
        split, place = max(
            (split, place)
            for place, level in enumerate(levels)
            if len(level) >= 2 * LEAST_SIDE
            for split in _scan(level, 1.0, 1.0)
        )
        levels[place : place + 1] = [levels[place][: split.at], levels[place][split.at :]]
    return levels


def _moved(values: Sequence[float], lag: int) -> float:
    """The mean square of what changes over so many cells, without the largest: steps."""
    squares = sorted((b - a) ** 2 for a, b in zip(values, values[lag:], strict=False))
    kept = squares[: len(squares) - max(4, len(squares) // 6)]
    return sum(kept) / len(kept)


def _locate(values: Sequence[float], first: int, noise: _Noise, p_value: float) -> Step:
    """The one step of a stretch, where it is likeliest and where it may be."""
    n = len(values)
    mean = sum(values) / n
    cusum, logs = 0.0, []
    for k in range(1, n):
        cusum += values[k - 1] - mean
        weight = n / (k * (n - k))
        logs.append(0.5 * math.log(weight) + cusum * cusum * weight / (2 * noise.variance))
    highest = max(logs)
    chances = [math.exp(log - highest) for log in logs]
    mode = max(range(len(chances)), key=chances.__getitem__)
    earliest, latest = _credible(chances, mode)
    return Step(first + 1 + mode, first + 1 + earliest, first + 1 + latest, p_value)


def _credible(chances: Sequence[float], mode: int) -> tuple[int, int]:
    """The shortest run around the mode that holds 95 %."""
    first = last = mode
    mass, whole = chances[mode], sum(chances)
    while mass < _MASS * whole:
        before = chances[first - 1] if first else -1.0
        after = chances[last + 1] if last + 1 < len(chances) else -1.0
        if max(before, after) < 0:
            break
        if before >= after:
            first -= 1
            mass += before
        else:
            last += 1
            mass += after
    return first, last
