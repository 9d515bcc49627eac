"""What a round has to tell: the steps since the last one, and what still waits for somebody."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from perfctl import alerting
from perfctl.alerts.details import say_detail
from perfctl.alerts.transition import Transition
from perfctl.model import DAY_MS, MINUTE_MS
from perfctl.notify.hearing import Heard, listen
from perfctl.notify.plan import Plan
from perfctl.store import alerts, outbox
from perfctl.store.alerts import AlertEvent, AlertRow
from perfctl.store.outbox import Mark
from perfctl.units import iso_utc

_PAST_MS = DAY_MS
"""What is older is the past, and not told: nothing was told for that long."""
_FIRST_PAST_MS = 10 * MINUTE_MS
"""The same where nothing was ever told."""


class News(NamedTuple):
    """What to tell, and what to remember as told."""

    told_until: int = 0
    """The newest step there is."""
    steps: tuple[Transition, ...] = ()
    """For the channels."""
    escalated: tuple[Transition, ...] = ()
    """For the channels of the escalation."""
    marks: tuple[Mark, ...] = ()


def find_news(con: sqlite3.Connection, plan: Plan, now_ms: int) -> News:
    """What has happened since the last round; what is repeated and escalated now.

    An alert is repeated, and escalated once, after its time from the step on that left it without
    anybody who knows of it; one that is news is not repeated beside it.
    """
    happened = _happened(con, plan, now_ms) if plan.channels else []
    repeated, escalated = _reminders(con, plan, now_ms)
    news = {step.alert_id for step in happened}
    return News(
        told_until=outbox.last_step(con),
        steps=(*happened, *(r.step for r in repeated if r.step.alert_id not in news)),
        escalated=tuple(reminder.step for reminder in escalated),
        marks=tuple(reminder.mark for reminder in (*repeated, *escalated)),
    )


def _happened(con: sqlite3.Connection, plan: Plan, now_ms: int) -> list[Transition]:
    told = outbox.told_until(con)
    begin_ms = now_ms - (_FIRST_PAST_MS if told is None else _PAST_MS)
    found = [step for _, step in alerting.transitions_after(con, told or 0, begin_ms)]
    heard = {step.alert_id: _listen(con, step.alert_id) for step in found}
    return [
        step
        for step in found
        if step.id in heard[step.alert_id].told and _is_severe(step.severity, plan)
    ]


class _Reminder(NamedTuple):
    step: Transition
    mark: Mark


def _reminders(
    con: sqlite3.Connection, plan: Plan, now_ms: int
) -> tuple[list[_Reminder], list[_Reminder]]:
    """Repetitions and escalations that are due and were not told."""
    repeated, escalated = list[_Reminder](), list[_Reminder]()
    repeat_ms = plan.repeat_ms if plan.channels else None
    if repeat_ms is None and plan.escalation is None:
        return repeated, escalated
    marked = outbox.marks(con)
    for alert in alerts.select_firing(con):
        waiting = _listen(con, alert.id).waiting
        if waiting is None or not _is_severe(alert.severity, plan):
            continue
        waits_ms = now_ms - waiting.at_ms
        if repeat_ms is not None:
            times = waits_ms // repeat_ms
            repeated += _remind(alert, waiting, "repeated", times, now_ms, marked)
        if plan.escalation is not None:
            times = int(waits_ms >= plan.escalation.after_ms)
            escalated += _remind(alert, waiting, "escalated", times, now_ms, marked)
    return repeated, escalated


def _remind(
    alert: AlertRow,
    waiting: AlertEvent,
    event: str,
    times: int,
    now_ms: int,
    marked: Mapping[str, int],
) -> Iterable[_Reminder]:
    """A reminder, unless there is none yet or that many were told."""
    mark = Mark(f"{alert.id}-{waiting.step}-{event}", alert.id, times)
    if times > marked.get(mark.id, 0):
        yield _Reminder(_transition(alert, waiting, f"{mark.id}-{times}", event, now_ms), mark)


def _transition(
    alert: AlertRow, waiting: AlertEvent, step_id: str, event: str, now_ms: int
) -> Transition:
    return Transition(
        id=step_id,
        alert_id=alert.id,
        rule=alert.rule,
        subject=alert.subject,
        host=alert.host,
        severity=alert.severity,
        event=event,
        value=alert.value,
        threshold=alert.threshold,
        unit=alert.unit or "",
        at_ms=now_ms,
        note=f"nobody has acknowledged it since {iso_utc(waiting.at_ms)}",
        detail=say_detail(alert.detail),
    )


def _listen(con: sqlite3.Connection, alert_id: str) -> Heard:
    return listen(alerts.select_events(con, alert_id))


def _is_severe(severity: str, plan: Plan) -> bool:
    return plan.severity == "warning" or severity == "critical"
