"""A window is covered once and whole by the cells that are kept."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from perfctl.answers.window import cover, plan
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS, REQUEST_LEVELS, Level, Window
from tests.segments import NOW_MS

WIDTHS = {level: level.width_ms for level in Level}


@given(st.integers(0, 40 * 24 * 60), st.integers(1, 40 * 24 * 60))
def test_spans_cover_each_minute_once(begin: int, length: int) -> None:
    """No minute is missed or counted twice, whatever the edges."""
    since, until = begin * MINUTE_MS, (begin + length) * MINUTE_MS
    pieces = sorted(
        (span.first * WIDTHS[Level(span.level)], span.last * WIDTHS[Level(span.level)])
        for span in cover(since, until, REQUEST_LEVELS)
    )
    assert pieces[0][0] == since
    assert pieces[-1][1] == until
    assert all(first[1] == second[0] for first, second in pairwise(pieces))


def test_a_long_window_uses_days_inside_and_hours_at_its_old_edge() -> None:
    """Thirty days are some 29 days and a few hours and minutes, not 43,200 minutes."""
    spans, used = plan(Window(NOW_MS - 30 * DAY_MS, NOW_MS), NOW_MS)
    cells = {Level(span.level): 0 for span in spans}
    for span in spans:
        cells[Level(span.level)] += span.last - span.first
    assert cells[Level.DAY] >= 29
    assert cells[Level.HOUR] < 48
    assert cells.get(Level.MINUTE, 0) < 60
    assert used.since_ms % HOUR_MS == 0
    assert used.since_ms <= NOW_MS - 30 * DAY_MS


def test_an_edge_in_the_minutes_is_rounded_to_a_minute() -> None:
    """A young window is exact to the minute, outwards."""
    window = Window(NOW_MS - 301_000, NOW_MS - 1_000)
    _, used = plan(window, NOW_MS)
    assert used == Window(NOW_MS - 360_000, NOW_MS)


def test_an_edge_older_than_the_hours_is_rounded_to_a_day() -> None:
    """Where only days are kept, the window says that it begins at midnight UTC."""
    _, used = plan(Window(NOW_MS - 100 * DAY_MS, NOW_MS), NOW_MS)
    assert used.since_ms % DAY_MS == 0
