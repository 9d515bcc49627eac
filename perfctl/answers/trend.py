"""A window as a row of points, for sparklines."""

from __future__ import annotations

from perfctl.answers.answer import Question
from perfctl.model import REQUEST_LEVELS, Level, Window
from perfctl.store import cells, endpoints
from perfctl.store.endpoints import Endpoint

POINTS = 24


def averages(question: Question, used: Window) -> dict[Endpoint, list[float | None]]:
    """Average milliseconds of each endpoint over some 24 slices of the window; None where idle."""
    level = level_for(used)
    slices = max(1, -(-used.length_ms // level.width_ms))
    step = max(1, -(-slices // POINTS))
    first = used.since_ms // level.width_ms
    length = -(-slices // step)
    sums: dict[int, list[list[int]]] = {}
    span = cells.Span(level, first, first + slices)
    for endpoint_id, period, count, sum_us in cells.select_series(
        question.con, span, question.filters
    ):
        points = sums.setdefault(endpoint_id, [[0, 0] for _ in range(length)])
        point = points[(period - first) // step]
        point[0] += count
        point[1] += sum_us
    names = endpoints.by_id(question.con)
    return {
        names[number]: [total / count / 1000 if count else None for count, total in points]
        for number, points in sums.items()
    }


def level_for(used: Window) -> Level:
    """The widest level that still gives some 24 points."""
    for level in reversed(REQUEST_LEVELS):
        if used.length_ms // level.width_ms >= POINTS:
            return level
    return Level.MINUTE
