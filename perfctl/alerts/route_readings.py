"""What the requests of a trailing window say of each route, and of all together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from perfctl.alerts import metrics
from perfctl.alerts.machine import Reading
from perfctl.alerts.metrics import Scope
from perfctl.alerts.minute import Minute, Route
from perfctl.alerts.rules import ALL, Rule, Severity
from perfctl.answers import measures
from perfctl.answers.traffic import add
from perfctl.config import Config
from perfctl.model import MINUTE_MS
from perfctl.store.cells import Cell, Slot
from perfctl.thresholds import Thresholds
from perfctl.units import write_duration

QUIET = "(quiet routes)"
"""All routes with too few requests to be judged alone: their errors together may be enough."""


_NOTHING = Slot(Cell._make([*[0] * 16, b""]), b"")


class Windows:
    """The last minutes of each route, as long as the longest rule looks back."""

    def __init__(self, rules: Iterable[Rule], config: Config) -> None:
        of_requests = (Scope.ROUTE, Scope.TOTAL)
        longest_ms = max((r.over_ms for r in rules if r.metric.scope in of_requests), default=0)
        self._minutes: deque[Minute] = deque(maxlen=max(1, longest_ms // MINUTE_MS))
        self._config = config
        self._parts: dict[int, dict[Route, list[Slot]]] = {}
        self._thresholds: dict[Route, Thresholds] = {}

    def push(self, minute: Minute) -> None:
        """One more minute; the oldest is forgotten."""
        self._minutes.append(minute)
        self._parts.clear()

    def over(self, over_ms: int) -> dict[Route, list[Slot]]:
        """The minutes of each route within the trailing window."""
        found = self._parts.get(over_ms)
        if found is None:
            parts: dict[Route, list[Slot]] = {}
            for minute in list(self._minutes)[-(over_ms // MINUTE_MS) :]:
                for route, slot in minute.routes.items():
                    parts.setdefault(route, []).append(slot)
            found = self._parts[over_ms] = {route: parts[route] for route in sorted(parts)}
        return found

    def since(self, route: Route, since_ms: int) -> list[Slot]:
        """The minutes of a route that began then or later."""
        recent = (minute.routes for minute in self._minutes if minute.begin_ms >= since_ms)
        return [routes[route] for routes in recent if route in routes]

    def thresholds(self, route: Route) -> Thresholds:
        """The thresholds of a route."""
        found = self._thresholds.get(route)
        if found is None:
            found = self._thresholds[route] = self._config.for_route(*route)
        return found

    @property
    def general(self) -> Thresholds:
        """Those of routes without any of their own."""
        return self._config.thresholds


def merge(slots: list[Slot]) -> Slot:
    """The sum of slots."""
    if len(slots) == 1:
        return slots[0]
    return Slot(add([slot.counted for slot in slots]), b"".join(s.timed_sketch for s in slots))


def of_routes(
    rule: Rule, minute: Minute, windows: Windows, claims: Mapping[str, int]
) -> Iterator[Reading]:
    """A reading of each route with enough requests in the window.

    Where somebody said that it is over (`claims`), only what came after that counts.
    """
    pooled: list[Slot] = []
    for route, slots in windows.over(rule.over_ms).items():
        method, path = route
        subject, thresholds = f"{method} {path}", windows.thresholds(route)
        if not rule.matches(subject, path):
            continue
        claimed_ms = claims.get(subject, 0)
        if claimed_ms > minute.end_ms - rule.over_ms:
            later = windows.since(route, claimed_ms)
            for reading in _read_enough(rule, minute, subject, later, thresholds):
                yield reading._replace(since_ms=claimed_ms)
        elif _is_enough(rule, slots):
            yield from _read(rule, minute, subject, slots, thresholds)
        elif rule.limits(thresholds) == rule.limits(windows.general):
            pooled += slots
    if pooled and rule.setting == "error_rate":
        yield from _read_enough(rule, minute, QUIET, pooled, windows.general)


def of_total(
    rule: Rule, minute: Minute, windows: Windows, *, had_requests: bool
) -> Iterator[Reading]:
    """A reading of all requests together; once there were some, none is a count too."""
    everything = [slot for slots in windows.over(rule.over_ms).values() for slot in slots]
    counts = had_requests and rule.metric.name in ("requests", "errors")
    if everything or counts:
        yield from _read_enough(rule, minute, ALL, everything or [_NOTHING], windows.general)


def _read_enough(
    rule: Rule, minute: Minute, subject: str, slots: list[Slot], thresholds: Thresholds
) -> Iterator[Reading]:
    if slots and _is_enough(rule, slots):
        yield from _read(rule, minute, subject, slots, thresholds)


def _is_enough(rule: Rule, slots: list[Slot]) -> bool:
    name = rule.metric.name
    return sum([measures.samples_of(name, slot) for slot in slots]) >= rule.samples


def _read(
    rule: Rule, minute: Minute, subject: str, slots: list[Slot], thresholds: Thresholds
) -> Iterator[Reading]:
    slot = merge(slots)
    value = metrics.value_of(rule.metric.name, slot)
    if value is None:
        return
    cell = slot.counted
    failed = f", {cell.errors:,} failed" if cell.errors else ""
    yield Reading(
        subject=subject,
        host=None,
        at_ms=minute.end_ms,
        begins_ms=minute.begin_ms,
        since_ms=minute.end_ms - rule.over_ms,
        value=value,
        limits=rule.limits(thresholds),
        severity=rule.severity or Severity.WARNING,
        detail=f"{cell.requests:,} requests in {write_duration(rule.over_ms)}{failed}",
    )
