"""Student's t distribution: how likely a value is, and which value is how likely."""

from __future__ import annotations

import math

_STEPS = 300
_TINY = 1e-300
_PRECISE = 1e-12


def tail(t: float, freedom: float) -> float:
    """The probability of more than `t`, for any positive number of degrees of freedom."""
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    half = _beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2
    return half if t >= 0 else 1 - half


def quantile(probability: float, freedom: float) -> float:
    """The `t` that is exceeded with this probability."""
    low, high = -1e6, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        if tail(middle, freedom) > probability:
            low = middle
        else:
            high = middle
        if high - low < _PRECISE * max(1.0, abs(middle)):
            break
    return (low + high) / 2


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function (DLMF 8.17.22, its continued fraction)."""
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    return front / a * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Its continued fraction, by Lentz's method; both terms of a level at a time."""
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _not_zero(1 + term * d)
            c = _not_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISE:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
