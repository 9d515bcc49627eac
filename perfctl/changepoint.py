"""Where a series changes its level: steps, each with the range in which it may lie.

The statistic is the standardised CUSUM over seeded intervals (Kovács, Bühlmann, Li and Munk, "Seeded
binary segmentation", Biometrika 110, 2023), so that a level that comes and goes is found too. It is
compared with what independent noise reaches in so many cells: once of ranks, which tells small steps
from any noise (Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics 28,
1979), once of values, which tells large steps of few cells. What values are from the median around
them is noise (Tukey's running median), so that steps do not count as noise, however many there are.

Where each cell resembles the one before, as neighbouring minutes do, it takes more to be a step: by the
long-run variance of a first-order autoregression (as Robbins, Gallagher, Lund and Aue, "Mean shift testing
in correlated data", Journal of Time Series Analysis 32, 2011). Its coefficient is that of the residuals
around the steps, corrected for its bias and by a margin for its error; which are steps and how alike
cells are is found in turns, from too many steps to fewer. What is left is measured, not proved:
`python -m benchmarks.changepoint`. So a step has a strength, and no p-value.

The range is the posterior of a step of unknown place and height (Smith, "A Bayesian approach to inference
about a change-point", Biometrika 62, 1975).
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
"""Cells that a level needs to be told: one alone between two levels holds some of both."""
_MASS = 0.95
_REACH = 2
_LOCAL = 0.9
"""Of the variance of independent noise, so much is from the median of five."""
_FAR = 3.0
"""In standard deviations: further from its neighbours than noise goes."""
_SHORT_RUN = 1.5
"""Two in three cells are a strength of 4/3 of their square: of less than is critical, so."""
_SMALLEST = 1e-3
"""Of the range of all values: what differs by less is no level."""
_MOST_ROUNDS = 8
_MOST_ALIKE = 0.85
"""A ramp's cells are all alike; taken as they are, no ramp would ever be a change."""
_MARGIN = 0.55
"""In standard errors of how alike cells are: steps seen in noise weighed against steps overlooked."""
_SHRINK = math.sqrt(2)

_PENALTY = 2.0
"""There are more short intervals than long ones: what they reach counts for less."""

# What one of two hundred series of independent noise reaches in so many cells, so that one of a
# hundred reaches either: `python -m benchmarks.changepoint tables`.
_CRITICAL_RANKS = (
    (10, 6.8), (12, 8.1), (14, 8.8), (17, 9.5), (20, 9.9), (25, 11.2), (30, 11.8), (40, 12.5),
    (50, 13.1), (70, 14.0), (100, 14.9), (150, 16.5), (240, 17.0), (480, 17.6),
)  # fmt: skip
_CRITICAL_VALUES = (
    (10, 28.0), (14, 26.0), (20, 23.0), (30, 22.0), (50, 21.0), (100, 20.0), (480, 20.8),
)  # fmt: skip
_CRITICAL = 20.0
"""Of values, about."""


class Step(NamedTuple):
    """A change of level between cell `at - 1` and cell `at`."""

    at: int
    earliest: int
    latest: int
    """With 95 % the step lies at one of `[earliest, latest]`."""
    strength: float
    """How far it stands out of noise, by what makes a step: 1 and more; no p-value."""


class _Split(NamedTuple):
    strength: float
    """By the critical one: from 1 on it is a step."""
    first: int
    last: int
    """Of the interval in which it is."""


class _Alike(NamedTuple):
    """How much each cell is like the one before."""

    values: float
    ranks: float


class _Noise(NamedTuple):
    variance: float
    """Of values, as if all cells were independent of each other."""
    share: float
    """How many independent cells one is worth, of ranks."""


def find_steps(values: Sequence[float]) -> list[Step]:
    """All steps in time order."""
    if len(values) < FEWEST or min(values) == max(values):
        return []
    cleaned = clean(values)
    ranked = ranks(values)
    alike = _Alike(0.0, 0.0)
    for _ in range(_MOST_ROUNDS):
        noise = _noise(values, alike)
        found = _segment(values, cleaned, noise)
        places = _refine(cleaned, sorted(found))
        more = _measure_alike(cleaned, ranked, places)
        if not found or (more.values <= alike.values and more.ranks <= alike.ranks):
            break
        alike = _Alike(max(alike.values, more.values), max(alike.ranks, more.ranks))
    steps: list[Step] = []
    edges = [*places, len(values)]
    for number, place in enumerate(sorted(found), 1):
        before = steps[-1].at if steps else 0
        steps.append(_locate(cleaned[before : edges[number]], before, noise, found[place]))
    return steps


def strength(values: Sequence[float]) -> float:
    """Of the strongest split: one of a hundred series of independent noise reaches 1."""
    return max(s.strength for s in _splits(values, clean(values), _noise(values, _Alike(0.0, 0.0))))


def least_height(values: Sequence[float]) -> float:
    """How high a step in the middle of such noise has to be to be told, about."""
    noise = _noise(values, _measure_alike(clean(values), ranks(values), ()))
    critical = _interpolate(_CRITICAL_VALUES, len(values))
    return 2 * math.sqrt(critical * noise.variance / len(values))


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
    """The values, those that stand far from both their neighbours pulled in (Hampel's filter)."""
    around = _around(values)
    bound = _FAR * 1.4826 * median([abs(v - m) for v, m in zip(values, around, strict=True)])
    if not bound:
        return list(values)
    return [min(max(v, m - bound), m + bound) for v, m in zip(values, around, strict=True)]


def _around(values: Sequence[float]) -> list[float]:
    """The median of each value and its neighbours, which follows steps, but nothing that is short."""
    return [median(values[max(0, i - _REACH) : i + _REACH + 1]) for i in range(len(values))]


def _noise(values: Sequence[float], alike: _Alike) -> _Noise:
    """What moves between steps; the more alike cells are, the less of it is beside the median."""
    squares = _squares(values)
    local = sum(squares) / len(squares) / (_LOCAL * (1 - alike.values))
    least = (_SMALLEST * (max(values) - min(values))) ** 2
    variance = max(local / _share(alike.values), _rare(squares), least)
    return _Noise(variance, _share(alike.ranks))


def _share(alike: float) -> float:
    return (1 - alike) / (1 + alike)


def _squares(values: Sequence[float]) -> list[float]:
    return [(v - m) ** 2 for v, m in zip(values, _around(values), strict=True)]


def _rare(squares: Sequence[float]) -> float:
    """The least noise with which rare values beside each other are no level.

    Where most values are the same, as the share of errors mostly is 0, a few others tell little: so
    many in a row are no step as there are in one of two hundred series of them.
    """
    run = _SHORT_RUN
    if not median(squares):
        count = sum(square > max(squares) / 4 for square in squares)
        if count:
            run = max(run, math.log(200 * len(squares)) / math.log(len(squares) / count))
    return max(squares) * run / _CRITICAL


def _segment(values: Sequence[float], cleaned: Sequence[float], noise: _Noise) -> dict[int, float]:
    """Where there are steps, and how strong they are; between two there may be more."""
    found: dict[int, float] = {}
    stretches = [(0, len(values))]
    while stretches:
        first, last = stretches.pop()
        if last - first < 2 * LEAST_SIDE:
            continue
        splits = _splits(values[first:last], cleaned[first:last], noise)
        clear = [split for split in splits if split.strength >= 1]
        # A short interval holds one step alone (Baranowski, Chen and Fryzlewicz,
        # "Narrowest-over-threshold detection", JRSS B 81, 2019).
        clear.sort(key=lambda split: (split.last - split.first, -split.strength))
        places = (_best(cleaned, first + s.first, first + s.last) for s in clear)
        at = next((at for at in places if min(at - first, last - at) >= LEAST_SIDE), None)
        if at is not None:
            found[at] = max(clear).strength
            stretches += [(first, at), (at, last)]
    return found


def _splits(values: Sequence[float], cleaned: Sequence[float], noise: _Noise) -> list[_Split]:
    """The strongest split of each seeded interval, of ranks and of values."""
    ranked = ranks(values)
    mean = (len(values) + 1) / 2
    variance = sum((rank - mean) ** 2 for rank in ranked) / (len(values) - 1) / noise.share
    variance = max(variance, _rare(_squares(ranked)))
    return [
        *_scan(ranked, variance, _interpolate(_CRITICAL_RANKS, len(values))),
        *_scan(cleaned, noise.variance, _interpolate(_CRITICAL_VALUES, len(values))),
    ]


def _interpolate(table: Sequence[tuple[int, float]], count: int) -> float:
    count = max(count, FEWEST)
    place = min(bisect_right(table, (count, math.inf)), len(table) - 1)
    (few, low), (many, high) = table[place - 1], table[place]
    return low + (high - low) * math.log(count / few) / math.log(many / few)


def _scan(values: Sequence[float], variance: float, critical: float) -> list[_Split]:
    """Squares between both sides of a split by the variance, less the penalty, by the critical one."""
    if not variance:
        return [_Split(0.0, 0, len(values))]
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    found = []
    for first, last in _seeded(len(values)):
        length = last - first
        mean = (sums[last] - sums[first]) / length
        most = 0.0
        for k in range(LEAST_SIDE, length - LEAST_SIDE + 1):
            cusum = sums[first + k] - sums[first] - k * mean
            most = max(most, cusum * cusum * length / (k * (length - k)))
        penalty = _PENALTY * math.log(len(values) / length)
        found.append(_Split((most / variance - penalty) / critical, first, last))
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


def _refine(values: Sequence[float], places: Sequence[int]) -> list[int]:
    """The same steps, each where it splits best what lies between its neighbours."""
    edges = [0, *places, len(values)]
    for number in range(1, len(edges) - 1):
        edges[number] = _best(values, edges[number - 1], edges[number + 1])
    return edges[1:-1]


def _best(values: Sequence[float], first: int, last: int) -> int:
    """The place that splits an interval best."""
    gains = _gains(values[first:last])
    return first + 1 + max(range(len(gains)), key=gains.__getitem__)


def _gains(values: Sequence[float]) -> list[float]:
    """The squares between both sides of each place."""
    count = len(values)
    mean = sum(values) / count
    cusum, gains = 0.0, []
    for k in range(1, count):
        cusum += values[k - 1] - mean
        gains.append(cusum * cusum * count / (k * (count - k)))
    return gains


def _measure_alike(
    values: Sequence[float], ranked: Sequence[float], places: Sequence[int]
) -> _Alike:
    """Of values and of ranks; where most values are about the same, ranks make much of little."""
    of_ranks = _alike(ranked, places)
    return _Alike(min(_alike(values, places), of_ranks), of_ranks)


def _alike(values: Sequence[float], places: Sequence[int]) -> float:
    """How much each cell is like the one before, around steps; rather too much than too little.

    A level's mean is drawn towards its cells: by that they seem to be less alike than they are
    (Marriott and Pope, "Bias in the estimation of autocorrelations", Biometrika 41, 1954).
    """
    whole = follows = 0.0
    for first, last in pairwise([0, *places, len(values)]):
        mean = sum(values[first:last]) / (last - first)
        rests = [value - mean for value in values[first:last]]
        whole += sum(rest * rest for rest in rests)
        follows += sum(a * b for a, b in pairwise(rests))
    bias = (len(places) + 1) / len(values)
    alike = ((follows / whole if whole else 0.0) + bias) / max(0.1, 1 - 3 * bias)
    alike = min(max(alike, 0.0), _MOST_ALIKE)
    error = math.sqrt((1 - alike * alike) / len(values))
    return min(alike + _MARGIN * error, _MOST_ALIKE)


def _locate(values: Sequence[float], first: int, noise: _Noise, reached: float) -> Step:
    """The one step of a stretch, where it is likeliest and where it may be."""
    count = len(values)
    logs = [
        0.5 * math.log(count / (k * (count - k))) + gain / (2 * noise.variance)
        for k, gain in enumerate(_gains(values), 1)
    ]
    highest = max(logs)
    chances = [math.exp(log - highest) for log in logs]
    mode = max(range(len(chances)), key=chances.__getitem__)
    earliest, latest = _credible(chances, mode)
    return Step(first + 1 + mode, first + 1 + earliest, first + 1 + latest, reached)


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
