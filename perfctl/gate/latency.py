"""Latency against a baseline: is a route slower than the machine alone makes it?

A request is no sample: those of one moment share its load. The sample is a block, a run or a
stretch of time, of which the median counts. Three steps:

1. What slows all routes of a period alike is taken off: the median over its routes of the log-ratio
   to each route's own median.
2. A route's change is the difference of the means of its blocks' log medians, less the median change
   of the other routes (from five routes on), whose own error counts.
   The median of all of them is what the machine did, its load, or a change under every route: a check
   of its own, whose error holds the luck of the stretches, which step 1 took off the routes.
3. "Slower by more than the margin" is tested route by route, with the false discovery rate held; and
   the route must be slower by itself too, not only beside others that became faster.

A route passes only where its sample could have shown a slowdown of `detectable(margin)`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from statistics import median, median_low, variance
from typing import NamedTuple, TypeVar

from perfctl import sketch
from perfctl.gate import sample, shift
from perfctl.gate.sample import FEWEST_IN_BLOCK, Estimate, Sample
from perfctl.gate.shift import FEWEST_ROUTES, Shift

MARGIN = 0.10
DETECTABLE = 0.30
MOST_BLOCKS = 24
_FEWEST_IN_PERIOD = 5
_STEP = math.log((1 + sketch.RELATIVE_ERROR) / (1 - sketch.RELATIVE_ERROR))
"""A bucket of the sketch: no median is known better than to a part of it."""

Counts = Mapping[int, int]
"""Requests by bucket of the sketch."""
Period = TypeVar("Period", bound=int | str)
Key = TypeVar("Key", bound=Hashable)


class Block(NamedTuple):
    """A stretch of a route's requests."""

    requests: int
    log_us: float
    """The logarithm of their median, without what slowed all routes in that time."""
    common: float = 0.0
    """What was taken off."""


class Change(NamedTuple):
    """What became of a route's latency."""

    subject: str
    before_ms: float
    now_ms: float
    ratio: float
    """Now to before, the machine's part taken off."""
    p_value: float
    requests: int
    needed: int
    """Requests that it takes to see a slowdown of `detectable(margin)`; the smaller side counts."""
    detectable: float
    """The smallest slowdown that this sample shows, four times out of five."""
    is_slower: bool = False


class Comparison(NamedTuple):
    """All routes that both sides have enough of, and those that they have not."""

    changes: tuple[Change, ...]
    too_few: Mapping[str, int]
    """Requests of routes with too few for a judgement, by subject."""
    shift: Shift | None
    """What happened to all routes; None under `FEWEST_ROUTES`."""


def detectable(margin: float) -> float:
    """The slowdown that a sample must be able to show: 30 %, or as much beyond a larger margin."""
    if margin < DETECTABLE:
        return DETECTABLE
    return (1 + margin) * (1 + DETECTABLE) / (1 + MARGIN) - 1


def cut_blocks(
    routes: Mapping[Key, Mapping[Period, Counts]],
) -> dict[Key, tuple[Block, ...]]:
    """The blocks of each route: neighbouring periods together, of at least `FEWEST_IN_BLOCK`.

    Of a route with fewer requests one block, which says how many there are and is judged by nobody.
    """
    common = _common(routes)
    return {
        subject: tuple(_cut([(periods[p], common.get(p, 0.0)) for p in sorted(periods)]))
        for subject, periods in routes.items()
    }


def _common(routes: Mapping[Key, Mapping[Period, Counts]]) -> dict[Period, float]:
    """How much slower each period was for all routes alike, as a logarithm."""
    deviations: dict[Period, list[float]] = {}
    for periods in routes.values():
        placed = {period: _place(counts, 0.0) for period, counts in periods.items()}
        whole = _median([item for items in placed.values() for item in items])
        for period, items in placed.items():
            if _size(items) >= _FEWEST_IN_PERIOD:
                deviations.setdefault(period, []).append(_median(items) - whole)
    return {
        period: median(found) for period, found in deviations.items() if len(found) >= FEWEST_ROUTES
    }


_Placed = list[tuple[float, int]]
"""(upper edge of the bucket as a logarithm, requests)."""


def _place(counts: Counts, slower: float) -> _Placed:
    return [(bucket * _STEP - slower, n) for bucket, n in counts.items()]


def _size(items: _Placed) -> int:
    return sum(n for _, n in items)


def _median(items: _Placed) -> float:
    """The median, within its bucket by rank; -inf where there is none."""
    half = _size(items) / 2
    seen = 0
    for edge, n in sorted(items):
        if seen + n >= half:
            return edge - _STEP * (1 - (half - seen) / n)
        seen += n
    return -math.inf


def _cut(periods: Sequence[tuple[Counts, float]]) -> list[Block]:
    """As many blocks of about the same size as there is enough for."""
    placed = [(_place(counts, slower), slower) for counts, slower in periods]
    total = sum(_size(items) for items, _ in placed)
    if not total:
        return []
    most = max(1, min(MOST_BLOCKS, total // FEWEST_IN_BLOCK))
    blocks: list[_Placed] = [[]]
    taken_off = [0.0]
    for items, slower in placed:
        if _size(blocks[-1]) >= max(FEWEST_IN_BLOCK, total / most):
            blocks.append([])
            taken_off.append(0.0)
        blocks[-1] += items
        taken_off[-1] += slower * _size(items)
    if len(blocks) > 1 and _size(blocks[-1]) < FEWEST_IN_BLOCK:
        rest, of_rest = blocks.pop(), taken_off.pop()
        blocks[-1] += rest
        taken_off[-1] += of_rest
    return [
        Block(_size(items), _median(items), off / _size(items))
        for items, off in zip(blocks, taken_off, strict=True)
    ]


def compare_latency(
    base: Mapping[str, Sequence[Block]],
    now: Mapping[str, Sequence[Block]],
    margin: float = MARGIN,
) -> Comparison:
    """The change of every route that both sides have."""
    too_few: dict[str, int] = {}
    pairs: dict[str, tuple[Sample, Sample]] = {}
    for subject in sorted(base.keys() & now.keys()):
        both = base[subject], now[subject]
        if min(map(len, both)) >= sample.FEWEST_BLOCKS:
            pairs[subject] = _sample(both[0]), _sample(both[1])
        else:
            too_few[subject] = min(sum(block.requests for block in blocks) for blocks in both)
    moved = [sample.difference(*pair) for pair in pairs.values()]
    is_shared = len(moved) >= FEWEST_ROUTES
    others: Sequence[Estimate | None] = shift.beside(moved) if is_shared else [None] * len(moved)
    changes = [
        _change(subject, *pair, other, margin=margin, n_routes=len(pairs))
        for (subject, pair), other in zip(pairs.items(), others, strict=True)
    ]
    limit = sample.discover([change.p_value for change in changes])
    changes = [
        change._replace(is_slower=change.p_value <= limit and _is_slower_itself(change, margin))
        for change in changes
    ]
    sides = ([side[subject] for subject in pairs] for side in (base, now))
    common = _judge_shift(moved, pairs.values(), sides, margin) if is_shared else None
    return Comparison(tuple(changes), too_few, common)


def _judge_shift(
    moved: Sequence[Estimate],
    pairs: Iterable[tuple[Sample, Sample]],
    sides: Iterable[Sequence[Sequence[Block]]],
    margin: float,
) -> Shift:
    """The median of the routes' changes; its error is the routes' own, and the luck of both sides."""
    requests = median_low(min(before.requests, after.requests) for before, after in pairs)
    change = sample.add_up(shift.of_all(moved), *map(_luck, sides))
    return shift.judge(change, requests, margin=math.log1p(margin), seen=_seen(margin))


def _luck(routes: Sequence[Sequence[Block]]) -> Estimate:
    """How far the common part of a side may be off: it is drawn once a run, not once a route."""
    of_routes = sorted(
        (variance(block.common for block in blocks) / len(blocks), len(blocks)) for blocks in routes
    )
    squared, n = of_routes[len(of_routes) // 2]
    return Estimate(0.0, squared, n - 1)


def _seen(margin: float) -> float:
    return math.log((1 + detectable(margin)) / (1 + margin))


def _is_slower_itself(change: Change, margin: float) -> bool:
    """Not only beside the others: where all the rest became faster, one that waits stays as it was."""
    return change.now_ms > change.before_ms * (1 + margin)


def _sample(blocks: Sequence[Block]) -> Sample:
    requests = sum(block.requests for block in blocks)
    return sample.of_blocks([block.log_us for block in blocks], requests, _STEP**2 / 12)


def _change(
    subject: str,
    before: Sample,
    after: Sample,
    others: Estimate | None,
    *,
    margin: float,
    n_routes: int,
) -> Change:
    tested = sample.measure_excess(
        before,
        after,
        margin=math.log1p(margin),
        seen=_seen(margin),
        n_tests=n_routes,
        shift=others or sample.NOTHING,
    )
    return Change(
        subject,
        math.exp(before.mean) / 1000,
        math.exp(after.mean) / 1000,
        math.exp(tested.change),
        tested.p_value,
        min(before.requests, after.requests),
        tested.needed,
        math.exp(tested.detectable) - 1,
    )
