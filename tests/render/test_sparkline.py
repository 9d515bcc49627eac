"""Lines and bars as long as what they stand for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.render.sparkline import bar, share_bar, sparkline

POINT = st.none() | st.floats()


@pytest.mark.parametrize(
    ("points", "line"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"),
        ([0, 0, 0], "▁▁▁"),
        ([5, None, 10], "▄·█"),
        ([None, None], ""),
        ([], ""),
        ([-3, 8], "▁█"),
        ([math.nan, 8, math.inf], "·█·"),
    ],
)
def test_sparkline(points: list[float | None], line: str) -> None:
    """From 0 up to the largest; `·` where nothing was measured, nothing where nothing ever was."""
    assert sparkline(points, 8) == line


def test_sparkline_averages_what_it_has_no_room_for() -> None:
    """Gaps count only where a whole column has no point."""
    assert sparkline([2, 2, None, 4, None, None, 8, 8], 4) == "▂▄·█"


def test_sparkline_up_to_a_threshold() -> None:
    """Far below it the line is low, however it moves."""
    assert sparkline([1, 2, 1], 8, top=100) == "▁▁▁"
    assert sparkline([1, 200], 8, top=100) == "▁█"


@given(st.lists(POINT, max_size=100), st.integers(1, 40))
def test_sparkline_fits(points: list[float | None], width: int) -> None:
    """Whatever the points."""
    assert len(sparkline(points, width)) <= min(width, len(points))


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0.0, ""), (0.00001, "▏"), (0.5, "██"), (0.53125, "██▏"), (1.0, "████"), (7.0, "████")],
)
def test_share_bar(share: float, drawn: str) -> None:
    """In eighths of a cell; what is not nothing is seen."""
    assert share_bar(share, 4) == drawn


def test_share_bar_of_nothing_measured() -> None:
    """Is not the bar of nothing."""
    assert share_bar(None, 4) == share_bar(math.nan, 4) == ""


@pytest.mark.parametrize(
    ("value", "drawn"),
    [
        (0, "─────┼────┼──"),
        (40, "━━━━─┼────┼──"),
        (60, "━━━━━╋────┼──"),
        (120, "━━━━━╋━━━━╋━─"),
        (9e9, "━━━━━╋━━━━╋━━"),
    ],
)
def test_bar(value: float, drawn: str) -> None:
    """Heavy up to the value, marks at the target of 50 and the threshold of 100."""
    assert bar(value, 50, 100, 13) == drawn


@pytest.mark.parametrize("threshold", [None, 0])
def test_bar_without_limits(threshold: float | None) -> None:
    """Nothing is drawn where there is nothing to compare with, or nothing to compare."""
    assert bar(1, None, threshold, 13) == bar(None, 50, 100, 13) == ""


@given(st.floats(), st.floats(0, 1e9), st.floats(1e-9, 1e9), st.integers(2, 40))
def test_bar_fits(value: float, target: float, threshold: float, width: int) -> None:
    """Whatever the numbers."""
    assert len(bar(value, target, threshold, width)) in (0, width)
