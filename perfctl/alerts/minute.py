"""What one minute brought: all that rules look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from perfctl.model import MINUTE_MS
from perfctl.store.cells import Slot
from perfctl.store.minutes import Package, StoreSize, Vital
from perfctl.store.systems import Sampled

Route = tuple[str, str]
"""(method, route)"""


class Occurrence(NamedTuple):
    """Something that a rule for new things looks for was seen."""

    rule: str
    subject: str
    at_ms: int
    since_ms: int
    times: int
    """0: it is known to be over."""
    is_news: bool
    detail: str | None = None


class Minute(NamedTuple):
    """One minute since the epoch, `period`, and what was recorded in it."""

    period: int
    routes: Mapping[Route, Slot] = {}
    samples: Sequence[Sampled] = ()
    vitals: Sequence[Vital] = ()
    sizes: Sequence[StoreSize] = ()
    scans: Sequence[Sequence[Package]] = ()
    """Complete scans, each its vulnerable packages (or one row without a name)."""
    occurrences: Sequence[Occurrence] = ()

    @property
    def begin_ms(self) -> int:
        return self.period * MINUTE_MS

    @property
    def end_ms(self) -> int:
        return self.begin_ms + MINUTE_MS


def with_occurrences(
    judged: Iterable[Minute], occurrences: Iterable[Occurrence]
) -> Iterator[Minute]:
    """The minutes, each with what occurred until its end."""
    by_minute: dict[int, list[Occurrence]] = {}
    for seen in occurrences:
        by_minute.setdefault((seen.at_ms - 1) // MINUTE_MS, []).append(seen)
    for minute in judged:
        found = by_minute.get(minute.period)
        yield minute._replace(occurrences=found) if found else minute
