"""What people say about alerts. Pure: an alert, who, when, why; and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from perfctl.alerts.machine import Event, Status
from perfctl.model import MINUTE_MS
from perfctl.store.alerts import AlertRow
from perfctl.units import write_duration


class Said(NamedTuple):
    """What somebody says."""

    actor: str
    at_ms: int
    note: str | None = None


class Outcome(NamedTuple):
    """An alert after it; unchanged where it was so already."""

    alert: AlertRow
    event: Event | None = None


Action = Callable[[AlertRow, Said], Outcome]


def acknowledge(alert: AlertRow, said: Said) -> Outcome:
    """Somebody is on it: quiet until it ends or gets worse."""
    if not _is_open(alert) or alert.acknowledged_ms is not None:
        return Outcome(alert)
    known = alert._replace(
        acknowledged_ms=said.at_ms,
        acknowledged_by=said.actor,
        acknowledged_value=alert.value,
        acknowledged_severity=alert.severity,
        snoozed_until_ms=None,
    )
    return _tell(_stands(known), "acknowledged", said)


def unacknowledge(alert: AlertRow, said: Said) -> Outcome:
    """Take an acknowledgement or a snooze back."""
    if not _is_open(alert) or (alert.acknowledged_ms is None and alert.snoozed_until_ms is None):
        return Outcome(alert)
    event = "unacknowledged" if alert.acknowledged_ms is not None else "unsnoozed"
    return _tell(_stands(_unknown(alert)._replace(snoozed_until_ms=None)), event, said)


def snooze(until_ms: int) -> Action:
    """Quiet until then, whatever it does but get more severe."""

    def say(alert: AlertRow, said: Said) -> Outcome:
        is_so = abs((alert.snoozed_until_ms or 0) - until_ms) < MINUTE_MS  # `2h` said twice
        if not _is_open(alert) or is_so:
            return Outcome(alert)
        snoozed = _stands(_unknown(alert)._replace(snoozed_until_ms=until_ms))
        return _tell(snoozed, "snoozed", said, f"for {write_duration(until_ms - said.at_ms)}")

    return say


def resolve(alert: AlertRow, said: Said) -> Outcome:
    """Claim that it is over; the next evaluation on what came after finds out."""
    if alert.status == Status.RESOLVED:
        return Outcome(alert)
    ended = alert._replace(
        status=Status.RESOLVED,
        resolved_ms=said.at_ms,
        resolved_by=said.actor,
        snoozed_until_ms=None,
        pending_ms=None,
        pending_over=0,
        pending_all=0,
    )
    return _tell(ended, "resolved", said)


def _is_open(alert: AlertRow) -> bool:
    return alert.status not in (Status.PENDING, Status.RESOLVED)


def _unknown(alert: AlertRow) -> AlertRow:
    return alert._replace(
        acknowledged_ms=None,
        acknowledged_by=None,
        acknowledged_value=None,
        acknowledged_severity=None,
    )


def _stands(alert: AlertRow) -> AlertRow:
    """The status that follows from what was said; without data it stays without."""
    if alert.status == Status.NO_DATA:
        return alert
    if alert.snoozed_until_ms is not None:
        return alert._replace(status=Status.SNOOZED)
    is_known = alert.acknowledged_ms is not None
    return alert._replace(status=Status.ACKNOWLEDGED if is_known else Status.FIRING)


def _tell(alert: AlertRow, event: str, said: Said, how: str | None = None) -> Outcome:
    alert = alert._replace(steps=alert.steps + 1, note=said.note or alert.note)
    note = ": ".join(filter(None, (how, said.note))) or None
    return Outcome(alert, Event(alert, event, said.at_ms, note, said.actor))
