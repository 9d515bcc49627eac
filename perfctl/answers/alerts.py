"""`alerts`: what fires, what is pending or has lost its data, and what ended in the window."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple

from perfctl.answers.answer import Answer, Question, answer
from perfctl.errors import UsageError
from perfctl.model import MINUTE_MS
from perfctl.store import alerts
from perfctl.store.alerts import AlertEvent, AlertRow
from perfctl.units import format_duration, iso_utc

_WORST_FIRST = ("firing", "no_data", "acknowledged", "snoozed", "pending", "resolved")
_OLD_MS = 15 * MINUTE_MS
"""An evaluation that came no further for so long says nothing of now."""


@dataclass(frozen=True, slots=True)
class AlertSummary:
    """One alert; times are ISO 8601 in UTC, `value`, `threshold` and `peak` in its unit."""

    id: str
    rule: str
    subject: str
    severity: str
    status: str
    value: float | None
    threshold: float | None
    peak: float | None
    opened_at: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    note: str | None
    resolved_at: str | None
    resolved_by: str | None
    snoozed_until: str | None
    host: str | None
    target: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class AlertStep:
    """One step in the life of an alert: what, when, by whom and why."""

    event: str
    at: str
    by: str | None
    note: str | None
    value: float | None
    severity: str


class Wanted(NamedTuple):
    """Which alerts are asked for; empty is all."""

    statuses: Collection[str] = ()
    severities: Collection[str] = ()
    rule: str | None = None


def list_alerts(question: Question, wanted: Wanted = Wanted()) -> Answer:  # noqa: B008  # immutable
    """What has not ended, worst first; then what ended in the window, newest first."""
    window, host = question.window, question.filters.host
    rows = [
        row
        for row in alerts.select(question.con, window.since_ms, window.until_ms)
        if (not wanted.statuses or row.status in wanted.statuses)
        and (not wanted.severities or row.severity in wanted.severities)
        and (wanted.rule is None or row.rule == wanted.rule)
        and (host is None or row.host in (None, host))
    ]
    rows.sort(key=_order)
    data = {"alerts": [summarise(row) for row in rows]}
    return answer(question, "alerts", data, len(rows), warnings=_warnings(question))


def show_alert(question: Question, said_id: str) -> Answer:
    """One alert with its history and the processes that took most when it opened."""
    rows = alerts.select(question.con)
    (row,) = find(rows, [said_id])
    steps = alerts.select_events(question.con, row.id)
    data = {
        "alert": summarise(row),
        "history": [_step(step) for step in steps],
        "processes": processes_of(row.detail),
        "detail": None if processes_of(row.detail) else row.detail,
    }
    return answer(question, "alerts.show", data, 1, warnings=_warnings(question))


def find(rows: Collection[AlertRow], said_ids: Collection[str]) -> list[AlertRow]:
    """The alerts of ids or of their unique beginnings; UsageError with the nearest, if any is none."""
    by_id = {row.id: row for row in rows}
    found = {}
    for said in said_ids:
        near = (
            [by_id[said]] if said in by_id else [r for r in rows if r.id.startswith(said.lower())]
        )
        if len(near) != 1 or not said:
            raise _unknown(said, near, by_id)
        found[near[0].id] = near[0]
    return list(found.values())


def _unknown(said: str, near: list[AlertRow], by_id: dict[str, AlertRow]) -> UsageError:
    if near:
        names = ", ".join(sorted(row.id for row in near[:5]))
        return UsageError(f"{said!r} begins the ids of {len(near)} alerts", f"one of {names}")
    close = get_close_matches(said.lower(), list(by_id), n=3, cutoff=0.0)
    named = [f"{name} ({by_id[name].rule} {by_id[name].subject})" for name in close]
    hint = f"the nearest: {', '.join(named)}" if named else "perfctl alerts lists them"
    return UsageError(f"there is no alert {said!r}", hint)


def never_judged(question: Question) -> bool:
    """Whether no evaluation ever ran: then nothing can be said."""
    return alerts.judged_until(question.con) is None


def is_behind(question: Question) -> bool:
    """Whether the last evaluation is too old to say anything of now, or lies in the future."""
    until = alerts.judged_until(question.con)
    return until is None or abs(question.now_ms - until * MINUTE_MS) > _OLD_MS


def summarise(row: AlertRow) -> AlertSummary:
    """An alert as the answers show it."""
    return AlertSummary(
        id=row.id,
        rule=row.rule,
        subject=row.subject,
        severity=row.severity,
        status=row.status,
        value=row.value,
        threshold=row.threshold,
        peak=row.peak,
        opened_at=_iso(row.opened_ms),
        acknowledged_at=_iso(row.acknowledged_ms),
        acknowledged_by=row.acknowledged_by,
        note=row.note,
        resolved_at=_iso(row.resolved_ms),
        resolved_by=row.resolved_by,
        snoozed_until=_iso(row.snoozed_until_ms),
        host=row.host,
        target=row.target,
        unit=row.unit or "",
    )


def processes_of(detail: str | None) -> list[dict[str, Any]]:
    """The largest processes at the time of a detail; empty where it is a text."""
    if detail is None or not detail.startswith('{"processes"'):
        return []
    return [dict(process) for process in json.loads(detail)["processes"]]


def _step(step: AlertEvent) -> AlertStep:
    return AlertStep(
        step.event, iso_utc(step.at_ms), step.actor, step.note, step.value, step.severity
    )


def _order(row: AlertRow) -> tuple[int, bool, int]:
    rank = _WORST_FIRST.index(row.status) if row.status in _WORST_FIRST else 0
    newest = -(row.resolved_ms or 0) if row.status == "resolved" else row.opened_ms or 0
    return rank, row.severity != "critical", newest


def _warnings(question: Question) -> tuple[str, ...]:
    until = alerts.judged_until(question.con)
    if until is None:
        return ("alerts were never evaluated here: perfctl collect does it",)
    behind_ms = question.now_ms - until * MINUTE_MS
    if behind_ms < -_OLD_MS:
        return ("alerts were last evaluated in the future: is the clock right? (date)",)
    if behind_ms > _OLD_MS:
        ago = format_duration(behind_ms * 1000)
        return (f"alerts were last evaluated {ago} ago: does perfctl collect still run?",)
    return ()


def _iso(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_utc(at_ms)
