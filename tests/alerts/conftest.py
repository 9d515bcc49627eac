"""Rules, readings and stores with a history, for the tests of alerts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfctl import alerting, ingest
from perfctl.alerting import Round
from perfctl.alerts import machine
from perfctl.alerts.machine import Event, Reading, Severity
from perfctl.alerts.rules import BUILT_IN, Rule
from perfctl.config import Config
from perfctl.model import MINUTE_MS
from perfctl.store import alerts, connection, systems
from perfctl.store.alerts import AlertRow
from perfctl.store.systems import SystemRow
from perfctl.thresholds import Limits
from tests import segments
from tests.segments import NOW_MS

RULES = {rule.name: rule for rule in BUILT_IN}
BEGIN = NOW_MS // MINUTE_MS
"""The minute at which histories begin."""


class Life:
    """One alert under readings, as the machine leads it."""

    def __init__(self, rule: Rule, limits: Limits, every_ms: int = MINUTE_MS) -> None:
        self.rule, self.limits, self.every_ms = rule, limits, every_ms
        self.alert: AlertRow | None = None
        self.events: list[Event] = []
        self.at_ms = NOW_MS
        self._ids = map("a{}".format, itertools.count(1))

    def read(self, *values: float, severity: Severity = Severity.CRITICAL, **more: Any) -> Life:
        """Values at the usual interval."""
        for value in values:
            self.at_ms += self.every_ms
            begins_ms = self.at_ms - self.every_ms
            reading = Reading(
                "web1", "web1", self.at_ms, begins_ms, self.at_ms, value, self.limits, severity,
            )  # fmt: skip
            reading = reading._replace(**more)
            step = machine.take(self.alert, self.rule, reading, lambda: next(self._ids))
            self.alert, self.events = step.alert, [*self.events, *step.events]
        return self

    def wait(self, intervals: float = 1, gap_ms: int | None = -1) -> Life:
        """Intervals without a sample."""
        gap_ms = self.every_ms if gap_ms == -1 else gap_ms
        until_ms = self.at_ms + int(intervals * self.every_ms)
        while self.at_ms < until_ms and self.alert is not None:
            self.at_ms += self.every_ms
            step = machine.wait(self.alert, self.rule, self.at_ms, gap_ms)
            self.alert, self.events = step.alert, [*self.events, *step.events]
        return self

    @property
    def told(self) -> list[str]:
        """The names of all events."""
        return [event.event for event in self.events]

    @property
    def status(self) -> str | None:
        """Where it is."""
        return None if self.alert is None else str(self.alert.status)


@pytest.fixture
def cpu() -> Life:
    """A host's CPU, sampled each minute: target 60 %, threshold 80 %, for 2 min."""
    return Life(RULES["cpu"], Limits(0.6, 0.8))


def system(cpu: float = 0.3, host: str = "web1", detail: str = "{}", **more: Any) -> SystemRow:
    """A sample, taken each minute."""
    fields: dict[str, Any] = dict.fromkeys(SystemRow._fields)
    fields |= {"host": host, "interval_s": 60.0, "scope": "machine", "cpu": cpu, "memory": 0.4}
    return SystemRow(**(fields | {"detail": detail} | more))


class Site:
    """A store that lives minute by minute: what comes in, and what is judged of it."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.minute = BEGIN
        self.config = Config()
        self.rounds: list[Round] = []

    @property
    def now_ms(self) -> int:
        """The time: a minute and a second after the end of the last minute."""
        return (self.minute + 1) * MINUTE_MS + 1000

    def record(self, records: list[Any], **head: Any) -> None:
        """Bring records in."""
        segments.write(self.store, records, head=segments.header(**head))
        ingest.drain(self.store, self.now_ms + 60_000)

    def requests(self, count: int, *, minute: int | None = None, **changes: Any) -> None:
        """So many requests, spread over the minute."""
        begin_ms = (self.minute if minute is None else minute) * MINUTE_MS
        self.record(
            [
                segments.request(begin_ms + i * 60_000 // max(1, count), **changes)
                for i in range(count)
            ]
        )

    def sample(self, row: SystemRow, *, second: int = 30) -> None:
        """A sample of a host in this minute."""
        at_ms = self.minute * MINUTE_MS + second * 1000
        with connection.writing(self.store) as con, connection.transaction(con):
            systems.insert(con, at_ms, row)
            systems.note_collector(con, row.host, at_ms, 60.0, None)

    def judge(self) -> Round:
        """End the minute, and evaluate what is over."""
        self.minute += 1
        found = alerting.evaluate(self.store, self.config, self.now_ms)
        self.rounds.append(found)
        return found

    def alerts(self) -> dict[str, AlertRow]:
        """All alerts by rule and subject."""
        with connection.reading(self.store) as con:
            return {f"{row.rule} {row.subject}": row for row in alerts.select(con)}

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """(rule, subject, event) of all rounds."""
        return [(t.rule, t.subject, t.event) for found in self.rounds for t in found.transitions]


@pytest.fixture
def site(store: Path) -> Site:
    """A site without a history."""
    return Site(store)


@pytest.fixture
def each_minute(site: Site) -> Callable[[int, Callable[[int], None]], None]:
    """Live through minutes, doing something in each and judging it."""

    def live(count: int, do: Callable[[int], None] = lambda i: None) -> None:
        for i in range(count):
            do(i)
            site.judge()

    return live
