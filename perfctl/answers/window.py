"""Covers a window with rollup cells: days inside, finer ones at the edges."""

from __future__ import annotations

from perfctl.config import Retention
from perfctl.model import DETAIL_LEVELS, REQUEST_LEVELS, Level, Window
from perfctl.store.cells import Span

DEFAULT_MS = 24 * 3_600_000


def plan(
    window: Window,
    now_ms: int,
    levels: tuple[Level, ...] = REQUEST_LEVELS,
    retention: Retention | None = None,
) -> tuple[list[Span], Window]:
    """The spans of cells that cover the window, and the window that they really cover.

    Each edge is rounded out to the finest level that is still kept there.
    """
    kept = retention or Retention()
    since = _round_down(window.since_ms, _finest(window.since_ms, now_ms, levels, kept))
    until = _round_up(window.until_ms, _finest(window.until_ms, now_ms, levels, kept))
    return cover(since, until, levels), Window(since, until)


def plan_details(
    window: Window, now_ms: int, retention: Retention | None = None
) -> tuple[list[Span], Window]:
    """The same for queries and caches, whose finest cells are ten minutes wide."""
    return plan(window, now_ms, DETAIL_LEVELS, retention)


def cover(since_ms: int, until_ms: int, levels: tuple[Level, ...]) -> list[Span]:
    """The fewest spans of whole cells from edge to edge; both lie on edges of the finest level."""
    widest = levels[-1]
    inner = Window(_round_up(since_ms, widest), _round_down(until_ms, widest))
    if inner.length_ms > 0:
        found = [_span(widest, *inner)]
        outer = [(since_ms, inner.since_ms), (inner.until_ms, until_ms)]
    else:
        found, outer = [], [(since_ms, until_ms)]
    for first, last in outer:
        if first < last:
            found += (
                [_span(widest, first, last)]
                if len(levels) == 1
                else cover(first, last, levels[:-1])
            )
    return found


def _span(level: Level, since_ms: int, until_ms: int) -> Span:
    return Span(level, since_ms // level.width_ms, -(-until_ms // level.width_ms))


def _finest(at_ms: int, now_ms: int, levels: tuple[Level, ...], kept: Retention) -> Level:
    age_ms = now_ms - at_ms
    for level in levels[:-1]:
        keep_ms = kept.hours_ms if level is Level.HOUR else kept.minutes_ms
        if age_ms <= keep_ms:
            return level
    return levels[-1]


def _round_down(at_ms: int, level: Level) -> int:
    return at_ms - at_ms % level.width_ms


def _round_up(at_ms: int, level: Level) -> int:
    return -(-at_ms // level.width_ms) * level.width_ms
