"""Student's t, against tables."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.gate.student import quantile, tail


@pytest.mark.parametrize(
    ("t", "freedom", "probability"),
    [
        (12.7062047, 1, 0.025),
        (6.9645567, 2, 0.01),
        (2.2281389, 10, 0.025),
        (3.1692727, 10, 0.005),
        (3.6104848, 18, 0.001),
        (1.9599640, 1e9, 0.025),
        (0.0, 7, 0.5),
        (-2.2281389, 10, 0.975),
    ],
)
def test_the_tail_is_that_of_the_tables(t: float, freedom: float, probability: float) -> None:
    """NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, with more digits."""
    assert tail(t, freedom) == pytest.approx(probability, rel=1e-5)
    assert quantile(probability, freedom) == pytest.approx(t, abs=1e-5)


@given(st.floats(-50, 50), st.floats(1, 500))
def test_the_tail_is_a_probability_and_symmetric(t: float, freedom: float) -> None:
    """For any number of degrees of freedom."""
    assert 0 <= tail(t, freedom) <= 1
    assert tail(t, freedom) + tail(-t, freedom) == pytest.approx(1)


@given(st.floats(1e-6, 1 - 1e-6), st.floats(1, 500))
def test_the_quantile_undoes_the_tail(probability: float, freedom: float) -> None:
    """Within what doubles hold."""
    assert tail(quantile(probability, freedom), freedom) == pytest.approx(probability, rel=1e-6)


def test_infinity_has_no_tail() -> None:
    """And all of it lies above minus infinity."""
    assert (tail(math.inf, 5), tail(-math.inf, 5)) == (0, 1)
