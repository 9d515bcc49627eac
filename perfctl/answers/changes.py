"""Finds when a measure of a subject changed its level, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from perfctl import changepoint
from perfctl.answers import measures
from perfctl.answers.answer import Question
from perfctl.answers.measures import Measure, Scope
from perfctl.answers.series import Cell, Series
from perfctl.answers.subjects import Subject
from perfctl.config import Retention
from perfctl.model import HOUR_MS, MINUTE_MS, Window
from perfctl.store import slots

_CLOSE_UP = 30
"""How many times its range a change is looked at again on each side, as finely as is kept."""
_AS_LARGE = 0.8
_WATCHED_MS = 7 * MINUTE_MS
"""A route is judged over 5 minutes, a minute after their end: so long before lies what began then."""
_NEAR_MS = HOUR_MS
_LARGE = 10
"""Times the smallest change that counts: ×2.6 of a duration, 10 points of an error rate."""


class Change(NamedTuple):
    """A change of level: between two times, from a value to another one."""

    measure: Measure
    at_ms: int
    since_ms: int
    until_ms: int
    """It lies in `[since_ms, until_ms)` with 95 %."""
    before: float
    after: float
    samples_before: int
    samples_after: int
    from_ms: int
    """When the level before it began, or the series."""
    to_ms: int
    """When the level after it ended, or the series."""
    strength: float | None
    """How far it stands out of noise, from 1 on; None where an alert alone says that there was one."""

    @property
    def effect(self) -> float:
        """How large it is, in units of the smallest one that counts; above 0 it got worse."""
        effect = self.measure.effect(self.before, self.after)
        return effect if self.measure.is_worse_high else -effect

    @property
    def ratio(self) -> float | None:
        """After by before; None from 0."""
        return self.after / self.before if self.before else None


class Search(NamedTuple):
    """The change that was looked for, the others, and how much there was to look at."""

    measure: Measure
    cells: int
    samples: int
    chosen: Change | None
    others: tuple[Change, ...]
    blind_ms: int = 0
    """What changed in so long a time before the end of the window could not be told yet."""
    finest_ms: int = 0
    """How wide a cell is at least."""
    spread: tuple[float, float] | None = None
    """Between which values most lie, where noise would have hidden a change that is large."""

    @property
    def is_enough(self) -> bool:
        """Whether a change could have been told from noise."""
        return self.cells >= changepoint.FEWEST and self.spread is None


def search(question: Question, subject: Subject, retention: Retention) -> Search:
    """The first of the subject's measures that changed; else what there was of the first one.

    The first two of a route are how long it takes: of those the one that tells the change best.
    """
    series = Series(question, subject, retention)
    found = [_search(question, subject, measure, series) for measure in subject.measures]
    changed = [(result, result.chosen) for result in found if result.chosen is not None]
    if not changed:
        return max(found[:2], key=lambda result: (result.spread is not None, result.cells))
    of_time = [pair for pair in changed if pair[0] in found[:2]] or changed[:1]
    largest = max(abs(change.effect) for _, change in of_time)
    strong = [pair for pair in of_time if abs(pair[1].effect) >= _AS_LARGE * largest]
    return min(strong, key=lambda pair: pair[1].until_ms - pair[1].since_ms)[0]


def _search(question: Question, subject: Subject, measure: Measure, series: Series) -> Search:
    cells = series.cells(measure, question.window)
    changes = find_changes(measure, cells)
    chosen = _choose(changes, subject.opened_ms)
    others = tuple(change for change in changes if change is not chosen)
    if chosen is not None:
        chosen = _look_closer(chosen, series, question.now_ms - series.minutes_ms)
    if subject.opened_ms is not None and not _is_near(chosen, subject.opened_ms):
        later = [c.since_ms for c in changes if not _is_before(c, subject.opened_ms)]
        until_ms = min([*later, question.window.until_ms])
        window = question.window._replace(until_ms=until_ms)
        assumed = _assume(measure, series, window, subject.opened_ms)
        if assumed is not None:
            chosen, others = assumed, tuple(changes)
    blind = cells[-changepoint.LEAST_SIDE :]
    is_of_requests = measure.scope is Scope.REQUESTS
    return Search(
        measure=measure,
        cells=len(cells),
        samples=series.samples(measure, question.window)
        if is_of_requests
        else sum(cell.samples for cell in cells),
        chosen=chosen,
        others=others,
        blind_ms=question.window.until_ms - blind[0].since_ms if blind else 0,
        finest_ms=series.finest_ms(question.window),
        spread=None if changes else _hiding_spread(measure, cells),
    )


def _hiding_spread(measure: Measure, cells: Sequence[Cell]) -> tuple[float, float] | None:
    """Where the middle four fifths of the values lie, if they hide what is many times too much."""
    if len(cells) < changepoint.FEWEST:
        return None
    values = [measure.scale(cell.value) for cell in cells]
    if changepoint.least_height(values) < _LARGE * measure.least_step:
        return None
    ordered = sorted(cell.value for cell in cells)
    return ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]


def _is_near(change: Change | None, opened_ms: int) -> bool:
    return change is not None and change.until_ms >= opened_ms - _NEAR_MS


def _assume(measure: Measure, series: Series, window: Window, opened_ms: int) -> Change | None:
    """The change that an alert says there was, where it is too new to be told by the series."""
    cells = series.cells(measure._replace(fewest=1), window)
    before = [c for c in cells if opened_ms - _WATCHED_MS - _NEAR_MS <= c.since_ms]
    before = [c for c in before if c.until_ms <= opened_ms - _WATCHED_MS]
    after = [c for c in cells if c.since_ms >= opened_ms - MINUTE_MS]
    if min(sum(c.samples for c in side) for side in (before, after)) < max(measure.fewest, 2):
        return None
    was, now = _level(measure, before), _level(measure, after)
    change = Change(
        measure=measure,
        at_ms=opened_ms - _WATCHED_MS // 2,
        since_ms=before[-1].until_ms,
        until_ms=after[0].since_ms,
        before=was.value,
        after=now.value,
        samples_before=was.samples,
        samples_after=now.samples,
        from_ms=was.since_ms,
        to_ms=now.until_ms,
        strength=None,
    )
    return change if change.effect >= 1 else None


def _choose(changes: Sequence[Change], opened_ms: int | None) -> Change | None:
    """The last turn for the worse before an alert; else the last large one, for the worse if any.

    Without an alert neither more traffic nor less is worse, but what is unlike most of the time.
    """
    if opened_ms is None and changes and changes[0].measure.scope is Scope.TRAFFIC:
        usual = _usual(changes)
        worse = [change for change in changes if _leads_away(change, usual)]
    else:
        worse = [change for change in changes if change.effect > 0]
    if opened_ms is not None:
        before = [change for change in worse if _is_before(change, opened_ms)]
        return before[-1] if before else None
    largest = max((abs(change.effect) for change in worse or changes), default=0.0)
    large = [c for c in worse or changes if abs(c.effect) >= _AS_LARGE * largest]
    return large[-1] if large else None


def _usual(changes: Sequence[Change]) -> float:
    """The level that held longest."""
    first = changes[0]
    levels = [(first.at_ms - first.from_ms, first.before)]
    return max(levels + [(change.to_ms - change.at_ms, change.after) for change in changes])[1]


def _leads_away(change: Change, usual: float) -> bool:
    before, after = (change.measure.effect(usual, level) for level in (change.before, change.after))
    return abs(after) > abs(before)


def _is_before(change: Change, opened_ms: int | None) -> bool:
    return opened_ms is None or change.since_ms <= opened_ms


def _look_closer(change: Change, series: Series, minutes_from_ms: int) -> Change:
    """The same change in the finest cells around it; as it was where they do not show it."""
    around_ms = _CLOSE_UP * (change.until_ms - change.since_ms)
    since_ms = max(change.from_ms, change.since_ms - around_ms)
    if since_ms < minutes_from_ms < change.since_ms - _CLOSE_UP * MINUTE_MS:
        since_ms = minutes_from_ms
    window = Window(since_ms, min(change.to_ms, change.until_ms + around_ms))
    cells = series.cells(change.measure, window)
    for finer in find_changes(change.measure, cells):
        is_within = change.since_ms <= finer.at_ms <= change.until_ms
        is_finer = finer.until_ms - finer.since_ms < change.until_ms - change.since_ms
        if is_within and is_finer and finer.effect * change.effect > 0:
            return change._replace(
                at_ms=finer.at_ms, since_ms=finer.since_ms, until_ms=finer.until_ms
            )
    return change


def find_changes(measure: Measure, cells: Sequence[Cell]) -> list[Change]:
    """The changes of level that are large enough to count, in time order."""
    steps = changepoint.find_steps([measure.scale(cell.value) for cell in cells])
    while steps:
        edges = [0, *(step.at for step in steps), len(cells)]
        changes = [
            _change(measure, cells[first:last], step, first)
            for first, step, last in zip(edges, steps, edges[2:], strict=False)
        ]
        smallest = min(range(len(changes)), key=lambda place: abs(changes[place].effect))
        if abs(changes[smallest].effect) >= 1:
            return changes
        del steps[smallest]
    return []


def _change(measure: Measure, cells: Sequence[Cell], step: changepoint.Step, first: int) -> Change:
    """A change and both its levels, without the cells in which it may lie: those may be mixed."""
    earliest, at, latest = (place - first for place in step[:3])
    before = _level(measure, cells[: earliest - 1] or cells[:at])
    after = _level(measure, cells[latest + 1 :] or cells[at:])
    return Change(
        measure=measure,
        at_ms=cells[at].since_ms,
        since_ms=cells[earliest - 1].since_ms,
        until_ms=cells[latest].until_ms,
        before=before.value,
        after=after.value,
        samples_before=before.samples,
        samples_after=after.samples,
        from_ms=cells[0].since_ms,
        to_ms=cells[-1].until_ms,
        strength=step.strength,
    )


def _level(measure: Measure, cells: Sequence[Cell]) -> Cell:
    """All cells of a level as one."""
    samples = sum(cell.samples for cell in cells)
    content = tuple(slot for cell in cells for slot in cell.content)
    value = measures.value_of(measure, slots.add_slots(content)) if content else None
    if value is None:
        value = sum(cell.value for cell in cells) / len(cells)
    return Cell(cells[0].since_ms, cells[-1].until_ms, value, samples)
