"""Two samples against each other: is the second larger by more than a margin, and could we tell?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance
from typing import NamedTuple

from perfctl.gate import student

FALSE_DISCOVERIES = 0.05
POWER = 0.80
FEWEST_BLOCKS = 5
FEWEST_IN_BLOCK = 20
FEWEST = FEWEST_BLOCKS * FEWEST_IN_BLOCK
"""Requests under which nothing is judged."""


class Sample(NamedTuple):
    """The values of some blocks as one mean."""

    mean: float
    error_squared: float
    freedom: int
    requests: int


def of_blocks(values: Sequence[float], requests: int, least_variance: float) -> Sample:
    """Blocks as a sample; nothing is known better than by the least variance of a block."""
    spread = variance(values) + least_variance
    return Sample(fmean(values), spread / len(values), len(values) - 1, requests)


class Estimate(NamedTuple):
    """A number, and how well it is known."""

    value: float
    error_squared: float
    freedom: float


NOTHING = Estimate(0.0, 0.0, 1)


def add_up(*estimates: Estimate) -> Estimate:
    """The sum of independent estimates; its degrees of freedom after Welch (Biometrika 34, 1947)."""
    squared = sum(one.error_squared for one in estimates)
    doubts = sum(one.error_squared**2 / one.freedom for one in estimates)
    return Estimate(sum(one.value for one in estimates), squared, squared**2 / doubts)


def difference(before: Sample, after: Sample) -> Estimate:
    """How much larger the second sample's mean is."""
    return add_up(
        Estimate(-before.mean, before.error_squared, before.freedom),
        Estimate(after.mean, after.error_squared, after.freedom),
    )


class Excess(NamedTuple):
    """How a difference came out."""

    change: float
    p_value: float
    """How likely so much would be if the true change were just the margin."""
    needed: int
    """Requests on each side that it takes to find a change of `seen` beyond the margin."""
    detectable: float
    """The smallest change that such a sample shows, four times out of five."""


def measure_excess(
    before: Sample,
    after: Sample,
    *,
    margin: float,
    seen: float,
    n_tests: int,
    shift: Estimate = NOTHING,
) -> Excess:
    """Welch's t of `after - before - shift` beyond the margin, one of so many tests.

    The shift adds an error of its own: it is estimated from other samples.
    """
    change = add_up(difference(before, after), shift._replace(value=-shift.value))
    requests = min(before.requests, after.requests)
    level = FALSE_DISCOVERIES / n_tests
    return measure(change, requests, margin=margin, seen=seen, level=level)


def measure(change: Estimate, requests: int, *, margin: float, seen: float, level: float) -> Excess:
    """Student's t of a change beyond the margin; `level` is how often a test may be wrong."""
    error = math.sqrt(change.error_squared)
    shown = error * (
        student.quantile(level, change.freedom) + student.quantile(1 - POWER, change.freedom)
    )
    return Excess(
        change.value,
        student.tail((change.value - margin) / error, change.freedom),
        max(FEWEST, math.ceil(requests * (shown / seen) ** 2)),
        margin + shown,
    )


def discover(p_values: Sequence[float]) -> float:
    """The largest p-value that counts as a finding; below 0 where none does.

    Benjamini and Hochberg (J. R. Statist. Soc. B 57, 1995): of all findings at most the share
    `FALSE_DISCOVERIES` is expected to be false.
    """
    n = len(p_values)
    found = (p for k, p in enumerate(sorted(p_values), 1) if p <= FALSE_DISCOVERIES * k / n)
    return max(found, default=-1.0)
