"""Small drawings that fit in a table's cell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

_LEVELS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉█"
GAP = "·"


def sparkline(points: Sequence[float | None], width: int, top: float | None = None) -> str:
    """A column a point from 0 up to `top` (the largest, if that is more), `·` where it is None.

    More points than columns are averaged; nothing is drawn where no point is known.
    """
    known = [point for point in points if point is not None and math.isfinite(point)]
    if not known or width < 1:
        return ""
    highest = max(*known, top or 0, 0)
    return "".join(_level(point, highest) for point in _thin(points, width))


def _thin(points: Sequence[float | None], width: int) -> list[float | None]:
    if len(points) <= width:
        return list(points)
    edges = [index * len(points) // width for index in range(width + 1)]
    return [_mean(points[a:b]) for a, b in itertools.pairwise(edges)]


def _mean(points: Sequence[float | None]) -> float | None:
    known = [point for point in points if point is not None and math.isfinite(point)]
    return sum(point / len(known) for point in known) if known else None


def _level(point: float | None, highest: float) -> str:
    if point is None or not math.isfinite(point):
        return GAP
    share = max(0.0, min(1.0, point / highest)) if highest > 0 else 0.0
    return _LEVELS[max(0, math.ceil(share * 8) - 1)]


def share_bar(share: float | None, width: int) -> str:
    """A bar as long as a share of 0 to 1; anything above 0 is seen."""
    if share is None or not math.isfinite(share):
        return ""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def bar(value: float | None, target: float | None, threshold: float | None, width: int) -> str:
    """A line, heavy up to the value, with marks at target and threshold: `━━━━━━──┼──┼──`.

    It ends a quarter above the threshold; nothing is drawn where there is nothing to compare.
    """
    if value is None or threshold is None or not math.isfinite(value) or threshold <= 0:
        return ""
    scale = (width - 1) / (threshold * 1.25)
    limits = [limit * scale for limit in (target, threshold) if limit is not None]
    marks = {round(place) for place in limits if place < width}
    filled = math.ceil(max(0.0, min(value * scale, width)))
    return "".join(_piece(index < filled, index in marks) for index in range(width))


def _piece(is_filled: bool, is_mark: bool) -> str:
    if is_mark:
        return "╋" if is_filled else "┼"
    return "━" if is_filled else "─"
