"""Small exact statistics on lists of numbers, and how many requests they take."""

from __future__ import annotations

import math
from collections.abc import Sequence

FEWEST_FOR_RATE = 20
"""Requests under which a rate, a mean or a median says nothing."""
FEWEST_FOR_P95 = 50


def nearest_rank(ordered: Sequence[int], share: float) -> int | None:
    """The nearest-rank quantile of an ascending list; None where it is empty."""
    if not ordered:
        return None
    return ordered[max(1, math.ceil(share * len(ordered))) - 1]


def ratio(part: float, whole: float) -> float | None:
    """`part / whole`, or None where there is no whole."""
    return part / whole if whole else None
