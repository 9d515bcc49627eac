"""The series of a subject: cells that each hold enough requests, or are each as wide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from perfctl.answers import measures
from perfctl.answers.answer import Question
from perfctl.answers.measures import Measure, Scope
from perfctl.answers.subjects import Subject
from perfctl.config import Retention
from perfctl.model import HOUR_MS, MINUTE_MS, Level, Window
from perfctl.stats import FEWEST_FOR_RATE
from perfctl.store import minutes, slots
from perfctl.store.cells import Slot, Span
from perfctl.store.minutes import StoreSize
from perfctl.store.slots import Load

MOST_CELLS = 480
RETIRED_MS = HOUR_MS
"""A host that was silent for so long while others were not has been taken away."""


_AMPLE_CELLS = 60
"""With fewer, a cell rather holds fewer requests than a quantile takes: a level is of several cells."""


class Cell(NamedTuple):
    """One value of the series."""

    since_ms: int
    until_ms: int
    value: float
    samples: int
    content: tuple[Slot, ...] = ()


class Series:
    """Reads what a subject did; its requests once for all of its measures."""

    def __init__(self, question: Question, subject: Subject, retention: Retention) -> None:
        self._question = question
        self._subject = subject
        self._retention = retention
        self.minutes_ms = retention.minutes_ms
        """For how long minutes are kept."""
        self._read: dict[Level, tuple[int, int, dict[int, Slot]]] = {}

    def cells(self, measure: Measure, window: Window) -> list[Cell]:
        """A measure over a window, oldest first, in the finest cells that are kept for all of it."""
        level = self._level(window)
        width_ms = level.width_ms * -(-(window.length_ms // level.width_ms + 1) // MOST_CELLS)
        if measure.scope is Scope.MACHINE:
            host = self._subject.host or self._question.filters.host
            loads = slots.select_loads(self._question.con, *window, host)
            return _of_loads(loads, measure, width_ms)
        if measure.scope is Scope.STORE:
            return _of_sizes(minutes.select_sizes(self._question.con, *window), measure, width_ms)
        found = self._slots(level, window)
        if measure.scope is Scope.REQUESTS:
            return _of_requests(found, measure, level.width_ms)
        until_ms = min(self._question.now_ms, window.until_ms)
        return _of_traffic(found, level.width_ms, width_ms, until_ms)

    def samples(self, measure: Measure, window: Window) -> int:
        """On how many requests a measure could stand, whether or not they make a cell."""
        found = self._slots(self._level(window), window)
        return sum(measures.samples_of(measure.name, slot) for slot in found.values())

    def finest_ms(self, window: Window) -> int:
        """How wide a cell is at least."""
        return self._level(window).width_ms

    def _level(self, window: Window) -> Level:
        age_ms = self._question.now_ms - window.since_ms
        if age_ms <= self._retention.minutes_ms:
            return Level.MINUTE
        return Level.HOUR if age_ms <= self._retention.hours_ms else Level.DAY

    def _slots(self, level: Level, window: Window) -> dict[int, Slot]:
        first, last = window.since_ms // level.width_ms, -(-window.until_ms // level.width_ms)
        known = self._read.get(level)
        if known is None or first < known[0] or last > known[1]:
            found = slots.select_slots(
                self._question.con,
                Span(level, first, last),
                1,
                self._question.filters,
                self._subject.endpoint_ids,
            )
            self._read[level] = first, last, found
            return found
        return {number: slot for number, slot in known[2].items() if first <= number < last}


def _of_requests(found: dict[int, Slot], measure: Measure, width_ms: int) -> list[Cell]:
    """Slots put together until there are enough requests; what is left at the end joins the last."""
    counts = {number: measures.samples_of(measure.name, slot) for number, slot in found.items()}
    whole = sum(counts.values())
    fewest = max(
        min(measure.fewest, max(FEWEST_FOR_RATE, whole // _AMPLE_CELLS)), -(-whole // MOST_CELLS)
    )
    groups: list[list[int]] = []
    waiting: list[int] = []
    for number, count in counts.items():
        waiting += [number] if count else []
        if sum(counts[part] for part in waiting) >= fewest:
            groups.append(waiting)
            waiting = []
    if waiting and groups:
        groups[-1] += waiting
    return [cell for group in groups for cell in _cell(found, group, measure, width_ms)]


def _cell(
    found: dict[int, Slot], group: Sequence[int], measure: Measure, width_ms: int
) -> list[Cell]:
    content = tuple(found[number] for number in group)
    whole = slots.add_slots(content)
    value = measures.value_of(measure, whole)
    if value is None:
        return []
    since_ms, until_ms = group[0] * width_ms, (group[-1] + 1) * width_ms
    return [Cell(since_ms, until_ms, value, measures.samples_of(measure.name, whole), content)]


def _of_traffic(found: dict[int, Slot], slot_ms: int, width_ms: int, until_ms: int) -> list[Cell]:
    """Requests a minute of each cell that is over, of those without any too."""
    if not found:
        return []
    counts: dict[int, int] = {}
    for number, slot in found.items():
        place = number * slot_ms // width_ms
        counts[place] = counts.get(place, 0) + slot.counted.requests
    return [
        Cell(place * width_ms, (place + 1) * width_ms, count * MINUTE_MS / width_ms, count)
        for place in range(min(counts), until_ms // width_ms)
        for count in (counts.get(place, 0),)
    ]


_OF_LOAD: dict[str, Callable[[Load], float | None]] = {
    "cpu": lambda load: load.cpu,
    "memory": lambda load: load.memory,
    "disk": lambda load: load.disk,
    "load1": lambda load: load.load1,
}


def _of_loads(loads: Sequence[Load], measure: Measure, width_ms: int) -> list[Cell]:
    """The mean over the hosts; one that is silent counts with its last value until it is retired."""
    places: dict[int, list[Load]] = {}
    for load in loads:
        places.setdefault(load.at_ms // width_ms, []).append(load)
    last: dict[str, tuple[int, float]] = {}
    cells = []
    for place, group in sorted(places.items()):
        values: dict[str, list[float]] = {}
        for load in group:
            value = _OF_LOAD[measure.name](load)
            if value is not None:
                values.setdefault(load.host, []).append(value)
        last |= {host: (place, sum(found) / len(found)) for host, found in values.items()}
        last = {h: seen for h, seen in last.items() if (place - seen[0]) * width_ms <= RETIRED_MS}
        if values:
            mean = sum(value for _, value in last.values()) / len(last)
            cells.append(Cell(place * width_ms, (place + 1) * width_ms, mean, len(group)))
    return cells


def _of_sizes(sizes: Sequence[StoreSize], measure: Measure, width_ms: int) -> list[Cell]:
    """What waited in the spool at most; of the store by how much it grew since the cell before."""
    places: dict[int, list[StoreSize]] = {}
    for size in sizes:
        places.setdefault(size.at_ms // width_ms, []).append(size)
    if measure.name == "spool_size":
        values = {
            place: float(max(s.spool_bytes for s in group)) for place, group in places.items()
        }
    else:
        pairs = pairwise([group[-1] for group in places.values()])
        values = dict(zip(list(places)[1:], (_growth(*pair) for pair in pairs), strict=True))
    return [
        Cell(place * width_ms, (place + 1) * width_ms, value, len(places[place]))
        for place, value in values.items()
    ]


def _growth(before: StoreSize, after: StoreSize) -> float:
    """In bytes an hour; what was given back is no growth."""
    grown = max(0, after.store_bytes - before.store_bytes)
    return grown * HOUR_MS / (after.at_ms - before.at_ms)
