"""What one minute brought: all that rules look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
