"""The life of an alert: what a reading, or its absence, does to it. Pure; one step at a time.

    pending → firing → (acknowledged | snoozed) → resolved, and no_data from each of them

The gap between threshold and target is the hysteresis, on the way up and down: a value between them
neither ends a pending alert nor a firing one. So 81, 79, 81, 79 % is one alert.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from perfctl.alerts.quantities import say_quantity
from perfctl.alerts.rules import Rule, Severity
from perfctl.model import DAY_MS, HOUR_MS
from perfctl.store.alerts import AlertRow
from perfctl.thresholds import Limits
from perfctl.units import write_duration

WORSE = 1.5
"""An acknowledged alert is heard again from so many times its value at the acknowledgement."""
RETURNS_MS = HOUR_MS
"""Within so long after its end, a condition that returns goes on with its alert."""
SILENT_GAPS = 3
"""So many intervals without a sample are no data."""
GIVEN_UP_MS = 7 * DAY_MS


class Status(StrEnum):
    """Where in its life an alert is."""

    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    NO_DATA = "no_data"


class Reading(NamedTuple):
    """What was measured of a subject at a time."""

    subject: str
    host: str | None
    at_ms: int
    begins_ms: int
    """From when on it speaks for the subject: what is pending began then."""
    since_ms: int
    """Where the data behind it begins."""
    value: float
    limits: Limits
    severity: Severity
    is_news: bool = True
    """Of a rule for new things: whether this was not known before."""
    detail: str | None = None


class Event(NamedTuple):
    """What happened, to be told: the alert as it then was."""

    alert: AlertRow
    event: str
    at_ms: int
    note: str | None = None
    actor: str | None = None


class Step(NamedTuple):
    """An alert after a step; None where a pending one came to nothing."""

    alert: AlertRow | None
    events: tuple[Event, ...] = ()


def not_ahead(alert: AlertRow, now_ms: int, begin_ms: int) -> AlertRow:
    """The alert without times that are still to come: a clock was ahead when they were noted.

    They become the time at which judging begins, so that what is measured from then on counts.
    """

    def at_most_now(time_ms: int | None) -> int | None:
        return time_ms if time_ms is None or time_ms <= now_ms else begin_ms

    return alert._replace(
        pending_ms=at_most_now(alert.pending_ms),
        opened_ms=at_most_now(alert.opened_ms),
        measured_ms=at_most_now(alert.measured_ms),
        resolved_ms=at_most_now(alert.resolved_ms),
    )


def is_open(alert: AlertRow) -> bool:
    """Whether it has opened and not ended."""
    return alert.status not in (Status.PENDING, Status.RESOLVED)


def is_claim(alert: AlertRow) -> bool:
    """Whether somebody said that it is over, and nothing was measured since."""
    is_by_hand = alert.status == Status.RESOLVED and alert.resolved_by is not None
    return is_by_hand and (alert.measured_ms or 0) <= (alert.resolved_ms or 0)


def take(alert: AlertRow | None, rule: Rule, reading: Reading, new_id: Callable[[], str]) -> Step:
    """The alert of a subject after a reading."""
    if alert is not None and alert.status == Status.RESOLVED:
        return _after_end(alert, rule, reading, new_id)
    if alert is None:
        return _begin(None, rule, reading, new_id) if _opens(rule, reading) else Step(None)
    if alert.status == Status.PENDING:
        return _while_pending(alert, rule, reading)
    return _while_open(alert, rule, reading)


def wait(alert: AlertRow, rule: Rule, at_ms: int, gap_ms: int | None) -> Step:
    """The alert at a time at which nothing was measured of its subject."""
    silent_ms = at_ms - (alert.measured_ms or at_ms)
    if not is_open(alert):
        is_lost = alert.status == Status.PENDING and gap_ms and silent_ms > SILENT_GAPS * gap_ms
        return Step(_without_pending(alert) if is_lost else alert)
    if rule.quiet_ms is not None:
        if silent_ms > rule.quiet_ms:
            return _end(alert, at_ms, f"not seen for {write_duration(rule.quiet_ms)}")
    elif silent_ms > GIVEN_UP_MS and gap_ms:
        return _end(alert, at_ms, f"not measured for {write_duration(GIVEN_UP_MS)}")
    elif gap_ms and silent_ms > SILENT_GAPS * gap_ms and alert.status != Status.NO_DATA:
        return _tell(alert._replace(status=Status.NO_DATA), "no_data", at_ms)
    return _wake(alert, at_ms)


def end(alert: AlertRow, at_ms: int, note: str) -> Step:
    """The alert once nothing can be measured of its subject any more."""
    return _end(alert, at_ms, note) if is_open(alert) else Step(_without_pending(alert))


def _opens(rule: Rule, reading: Reading) -> bool:
    return rule.is_over(reading.value, reading.limits) and reading.is_news


def _begin(
    before: AlertRow | None, rule: Rule, reading: Reading, new_id: Callable[[], str]
) -> Step:
    """A pending alert; the former one goes on where the condition returns soon."""
    begun = before or AlertRow(new_id(), rule.name, reading.subject, reading.host, "", "")
    pending = begun._replace(
        status=Status.PENDING,
        pending_ms=reading.begins_ms,
        pending_over=1,
        pending_all=1,
    )
    return _fire_if_due(_measured(pending, rule, reading), rule, reading)


def _while_pending(alert: AlertRow, rule: Rule, reading: Reading) -> Step:
    is_over = rule.is_over(reading.value, reading.limits)
    alert = _measured(alert, rule, reading)._replace(
        pending_over=alert.pending_over + is_over, pending_all=alert.pending_all + 1
    )
    is_rare = 2 * alert.pending_over < alert.pending_all
    if rule.is_under(reading.value, reading.limits) or is_rare:
        return Step(_without_pending(alert))
    return _fire_if_due(alert, rule, reading) if is_over else Step(alert)


def _fire_if_due(alert: AlertRow, rule: Rule, reading: Reading) -> Step:
    """It fires with the sample that completes `for`, to half an interval, and the least count."""
    begun_ms = reading.begins_ms if alert.pending_ms is None else alert.pending_ms
    slack_ms = 0 if alert.pending_over == 1 else (reading.at_ms - reading.begins_ms) // 2
    least = rule.samples if not rule.over_ms else 1
    if alert.pending_over < least or reading.at_ms - begun_ms + slack_ms < rule.for_ms:
        return Step(alert)
    returns = alert.opened_ms is not None
    fired = _firing(alert)._replace(
        opened_ms=alert.opened_ms if returns else reading.at_ms,
        detail=reading.detail or alert.detail,
        peak=rule.worst(alert.peak, reading.value),
        note=None,
    )
    return _tell(fired, "reopened" if returns else "opened", reading.at_ms)


def _after_end(alert: AlertRow, rule: Rule, reading: Reading, new_id: Callable[[], str]) -> Step:
    ended_ms = alert.resolved_ms or 0
    if reading.at_ms <= ended_ms:
        return Step(alert)
    is_over = rule.is_over(reading.value, reading.limits)
    if is_claim(alert):
        if reading.since_ms < ended_ms:  # what was measured before cannot refute it
            return Step(alert)
        if is_over:
            return _refute(alert, rule, reading)
        return Step(alert._replace(measured_ms=reading.at_ms))
    if not is_over:
        return Step(alert)
    if reading.at_ms - ended_ms <= RETURNS_MS:
        return _begin(alert, rule, reading, new_id)
    return _begin(None, rule, reading, new_id) if reading.is_news else Step(alert)


def _refute(alert: AlertRow, rule: Rule, reading: Reading) -> Step:
    """Somebody said that it is over, and it is not."""
    said = say_quantity(reading.value, rule.metric.unit)
    again = _firing(_measured(alert, rule, reading))._replace(
        opened_ms=reading.at_ms if alert.opened_ms is None else alert.opened_ms, note=None
    )
    note = f"still true after {alert.resolved_by} resolved it: {said}"
    return _tell(again, "reopened", reading.at_ms, note)


def _while_open(alert: AlertRow, rule: Rule, reading: Reading) -> Step:
    before = alert
    alert = _measured(alert, rule, reading)
    if rule.is_under(reading.value, reading.limits):
        return _end(alert, reading.at_ms, None)
    if before.status == Status.NO_DATA:
        return _restore(alert, reading.at_ms)
    if _is_heard(before, rule, reading):
        heard = _firing(alert)._replace(detail=reading.detail or alert.detail)
        return _tell(heard, "worsened", reading.at_ms)
    return _wake(alert, reading.at_ms)


def _is_heard(alert: AlertRow, rule: Rule, reading: Reading) -> bool:
    """Whether it got worse than what somebody knows of it."""
    known = alert.severity
    if alert.status == Status.ACKNOWLEDGED:
        known = alert.acknowledged_severity or known
    if reading.severity == Severity.CRITICAL and known == Severity.WARNING:
        return True
    if alert.status != Status.ACKNOWLEDGED or not alert.acknowledged_value:
        return False
    if not rule.is_over(reading.value, reading.limits):
        return False
    limit = alert.acknowledged_value * WORSE if rule.is_above else alert.acknowledged_value / WORSE
    return reading.value > limit if rule.is_above else reading.value < limit


def _restore(alert: AlertRow, at_ms: int) -> Step:
    """Back from no data into what it was."""
    if alert.snoozed_until_ms is not None and alert.snoozed_until_ms > at_ms:
        return Step(alert._replace(status=Status.SNOOZED))
    if alert.acknowledged_ms is not None:
        return Step(alert._replace(status=Status.ACKNOWLEDGED))
    return _tell(_firing(alert), "reopened", at_ms, "measured again")


def _wake(alert: AlertRow, at_ms: int) -> Step:
    """Heard again once its snooze is over."""
    if alert.status != Status.SNOOZED or at_ms < (alert.snoozed_until_ms or 0):
        return Step(alert)
    return _tell(_firing(alert), "unsnoozed", at_ms)


def _end(alert: AlertRow, at_ms: int, note: str | None) -> Step:
    ended = alert._replace(status=Status.RESOLVED, resolved_ms=at_ms, snoozed_until_ms=None)
    return _tell(ended, "resolved", at_ms, note)


def _firing(alert: AlertRow) -> AlertRow:
    """Heard by everybody: nobody has acknowledged, snoozed or resolved it."""
    return alert._replace(
        status=Status.FIRING,
        pending_ms=None,
        pending_over=0,
        pending_all=0,
        acknowledged_ms=None,
        acknowledged_by=None,
        acknowledged_value=None,
        acknowledged_severity=None,
        snoozed_until_ms=None,
        resolved_ms=None,
        resolved_by=None,
    )


def _measured(alert: AlertRow, rule: Rule, reading: Reading) -> AlertRow:
    """What is measured now; while it is pending again, the peak is that of when it fired."""
    is_again = alert.status == Status.PENDING and alert.opened_ms is not None
    return alert._replace(
        value=reading.value,
        peak=alert.peak if is_again else rule.worst(alert.peak, reading.value),
        threshold=reading.limits.threshold,
        target=reading.limits.target,
        unit=rule.metric.unit,
        severity=reading.severity,
        measured_ms=reading.at_ms,
        detail=alert.detail or reading.detail,
    )


def _without_pending(alert: AlertRow) -> AlertRow | None:
    """What is left of it: nothing, or the alert that had ended."""
    if alert.resolved_ms is None:
        return None
    return alert._replace(status=Status.RESOLVED, pending_ms=None, pending_over=0, pending_all=0)


def _tell(alert: AlertRow, event: str, at_ms: int, note: str | None = None) -> Step:
    alert = alert._replace(steps=alert.steps + 1)
    return Step(alert, (Event(alert, event, at_ms, note),))
