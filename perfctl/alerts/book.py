"""All alerts of an evaluation: one a rule, a subject and a host; and what happened to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from perfctl.alerts import machine
from perfctl.alerts.machine import Event, Reading, Status, Step
from perfctl.alerts.rules import Rule
from perfctl.store.alerts import AlertRow

Key = tuple[str, str, str | None]
"""(rule, subject, host)"""
Gap = Callable[[Rule, str | None], int | None]
"""How often a rule's subjects are measured on a host."""


class Book:
    """Alerts by rule, subject and host, and the events since it was opened."""

    def __init__(
        self, alerts: Iterable[AlertRow], rules: Iterable[Rule], new_id: Callable[[], str]
    ) -> None:
        self.rules = {rule.name: rule for rule in rules if rule.is_on}
        self.events: list[Event] = []
        self._new_id = new_id
        self._before: dict[str, AlertRow] = {}
        self._now: dict[Key, AlertRow] = {}
        for alert in alerts:
            key = (alert.rule, alert.subject, alert.host)
            known = self._now.get(key)
            if known is None or known.status == Status.RESOLVED:  # ended ones come first to last
                self._now[key] = alert
            self._before[alert.id] = alert
        self._read: set[Key] = set()
        self._ended: dict[str, AlertRow] = {}

    def take(self, rule: Rule, reading: Reading) -> None:
        """What a reading does to the alert of its subject."""
        key = (rule.name, reading.subject, reading.host)
        self._read.add(key)
        before = self._now.get(key)
        self._keep(key, before, machine.take(before, rule, reading, self._new_id))

    def close_minute(self, at_ms: int, gap: Gap) -> None:
        """What the silence of all other subjects does to their alerts."""
        for key, alert in list(self._now.items()):
            if key in self._read or alert.status == Status.RESOLVED:
                continue
            rule = self.rules.get(alert.rule)
            if rule is None:
                step = machine.end(alert, at_ms, "there is no such rule any more")
            else:
                step = machine.wait(alert, rule, at_ms, gap(rule, alert.host))
            self._keep(key, alert, step)
        self._read.clear()

    def subjects(self, rule: Rule, host: str | None = None) -> list[str]:
        """The subjects of a rule with an alert that is pending or open."""
        return [
            subject
            for (name, subject, of_host), alert in self._now.items()
            if name == rule.name and of_host == host and alert.status != Status.RESOLVED
        ]

    def claims(self, rule: Rule) -> dict[str, int]:
        """When somebody said that it is over, by subject."""
        return {
            alert.subject: alert.resolved_ms or 0
            for alert in self._now.values()
            if alert.rule == rule.name
            and alert.status == Status.RESOLVED
            and alert.resolved_by is not None
        }

    def changed(self) -> list[AlertRow]:
        """The alerts that differ from what they were when the book was opened."""
        rows = [*self._ended.values(), *self._now.values()]
        return [alert for alert in rows if self._before.get(alert.id) != alert]

    def dropped(self) -> list[str]:
        """The ids of alerts that were there and came to nothing."""
        left = {alert.id for alert in (*self._now.values(), *self._ended.values())}
        return [
            name
            for name, alert in self._before.items()
            if name not in left and alert.status == Status.PENDING
        ]

    def _keep(self, key: Key, before: AlertRow | None, step: Step) -> None:
        self.events += step.events
        if step.alert is None:
            self._now.pop(key, None)
            return
        if before is not None and before.id != step.alert.id:
            self._ended[before.id] = before  # it ended for good: a new one has its place
        self._now[key] = step.alert
