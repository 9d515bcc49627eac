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


class Excess(NamedTuple):
    """How a difference came out."""

    change: float
    p_value: float
    """How likely so much would be if the true change were just the margin."""
    needed: int
    """Requests on each side that it takes to find a change of `seen` beyond the margin."""


def measure_excess(
    before: Sample,
    after: Sample,
    *,
    margin: float,
    seen: float,
    n_tests: int,
    shift: float = 0.0,
    shift_share: float = 0.0,
) -> Excess:
    """Welch's t (Biometrika 34, 1947) of `after - before - shift` beyond the margin.

    `shift_share` is how much of the error's square the shift, itself an estimate, adds.
    """
    squared = before.error_squared + after.error_squared
    freedom = squared**2 / (
        before.error_squared**2 / before.freedom + after.error_squared**2 / after.freedom
    )
    error = math.sqrt(squared * (1 + shift_share))
    change = after.mean - before.mean - shift
    p_value = student.tail((change - margin) / error, freedom)
    allowed = seen / (
        student.quantile(FALSE_DISCOVERIES / n_tests, freedom)
        + student.quantile(1 - POWER, freedom)
    )
    requests = min(before.requests, after.requests)
    return Excess(change, p_value, max(FEWEST, math.ceil(requests * (error / allowed) ** 2)))


def discover(p_values: Sequence[float]) -> float:
    """The largest p-value that counts as a finding; below 0 where none does.

    Benjamini and Hochberg (J. R. Statist. Soc. B 57, 1995): of all findings at most the share
    `FALSE_DISCOVERIES` is expected to be false.
    """
    n = len(p_values)
    found = (p for k, p in enumerate(sorted(p_values), 1) if p <= FALSE_DISCOVERIES * k / n)
    return max(found, default=-1.0)
