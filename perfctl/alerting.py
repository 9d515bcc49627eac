"""Evaluates alerts on the store, and lets people act on them. Only `collect` evaluates."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from perfctl.alerts import machine, novelties
from perfctl.alerts.actions import Action, Outcome, Said
from perfctl.alerts.book import Book
from perfctl.alerts.details import say_detail
from perfctl.alerts.history import CHUNK, History
from perfctl.alerts.intervals import intervals_ms
from perfctl.alerts.judge import AFTER_MS, Judge
from perfctl.alerts.machine import Event
from perfctl.alerts.minute import with_occurrences
from perfctl.alerts.past import Past
from perfctl.alerts.rules import Rule, parse_rules
from perfctl.alerts.transition import Transition
from perfctl.answers import alerts as answers
from perfctl.answers.answer import Answer, Question, coverage
from perfctl.config import Config
from perfctl.ingest import pending_bytes
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS
from perfctl.store import alerts, connection, minutes
from perfctl.store.alerts import AlertEvent
from perfctl.units import format_duration, iso_utc

_SOON_MS = 5 * MINUTE_MS
"""How far ahead of the clock a watermark may be, and how long a jump of the clock waits for belief."""
_GOAL_S = 0.1
_PAUSE_S = 0.015
_FIRST_MS = HOUR_MS
"""How far back the first evaluation of a store begins."""
_LONGEST_MS = 2 * DAY_MS
"""Beyond this no minute cells are kept: an evaluation that was away for longer goes on here."""
_CLAIMS_MS = 7 * DAY_MS
_TELLING = (
    "acknowledged",
    "unacknowledged",
    "snoozed",
    "unsnoozed",
    "resolved",
    "reopened",
    "opened",
)
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
"""Without what looks alike: 0 o, 1 i l, u v."""


class Round(NamedTuple):
    """What a round changed: ids of alerts that opened and that ended, and every step."""

    opened: list[str]
    resolved: list[str]
    transitions: tuple[Transition, ...]
    remarks: tuple[str, ...] = ()
    """What somebody should see to, in words."""


def new_id() -> str:
    """Eight signs that no other host draws too."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


def note_sizes(store: Path, now_ms: int) -> None:
    """Keep how large the store is and what waits in its spool; before that is drained."""
    size = minutes.StoreSize(now_ms, store.stat().st_size, pending_bytes(store))
    with connection.writing(store) as con, connection.transaction(con):
        minutes.note_size(con, size)


def evaluate(store: Path, config: Config, now_ms: int) -> Round:
    """Judge each minute that is over and was not judged yet, each once.

    In transactions that are short, so that an acknowledgement need not wait for one that catches up.
    """
    rules = tuple(rule for rule in parse_rules(config) if rule.is_on)
    until = (now_ms - AFTER_MS) // MINUTE_MS
    with connection.reading(store) as con:
        if _first(con, until) >= until:
            return Round([], [], ())
    with connection.writing(store) as con, connection.transaction(con):
        remark = _doubt(con, now_ms, until)
    if remark is not None:
        return Round([], [], (), (remark,))
    events: list[Event] = []
    at_once = 1
    while True:
        with connection.writing(store) as con:
            begun_s = time.monotonic()
            with connection.transaction(con):
                first = _first(con, until)
                if first < until:
                    last = min(first + at_once, until)
                    events += _evaluate(con, config, rules, first, last, now_ms)
            took_s = time.monotonic() - begun_s
        if first >= until:
            return _round(events)
        if last < until:
            at_once = max(1, min(CHUNK, int(at_once * min(4, _GOAL_S / max(took_s, 1e-6)))))
            time.sleep(_PAUSE_S)


def _first(con: sqlite3.Connection, until: int) -> int:
    """The first minute to judge; a watermark ahead of the clock is of no use."""
    first = alerts.judged_until(con)
    if first is None:
        return until - _FIRST_MS // MINUTE_MS
    if first > until + _SOON_MS // MINUTE_MS:
        return until - 1
    return max(first, until - _LONGEST_MS // MINUTE_MS)


def _doubt(con: sqlite3.Connection, now_ms: int, until: int) -> str | None:
    """Why nothing is judged yet: collect was away for long, or the clock has jumped ahead.

    Silence of years would end every alert. A clock that was put right meanwhile is told apart by
    time: one that is still there minutes later is believed.
    """
    judged = alerts.judged_until(con)
    if judged is None or until - judged <= _LONGEST_MS // MINUTE_MS:
        alerts.note_doubt(con, None)
        return None
    since_ms = alerts.doubted_since(con)
    if since_ms is not None and since_ms + _SOON_MS <= now_ms:
        return None
    if since_ms is None or since_ms > now_ms:
        alerts.note_doubt(con, now_ms)
    away = format_duration((until - judged) * MINUTE_MS * 1000)
    soon = format_duration(_SOON_MS * 1000)
    return (
        f"alerts were last evaluated {away} ago: is the clock right? If it stays so, the next collect"
        f" after {soon} evaluates them"
    )


def _evaluate(
    con: sqlite3.Connection,
    config: Config,
    rules: tuple[Rule, ...],
    first: int,
    until: int,
    now_ms: int,
) -> list[Event]:
    begin_ms = first * MINUTE_MS
    if alerts.judged_until(con) is None:
        _keep_sightings(con, novelties.seed(con, first))
    rows = alerts.select_judged(con, begin_ms - HOUR_MS, begin_ms - _CLAIMS_MS)
    rows = [machine.not_ahead(row, now_ms, begin_ms) for row in rows]
    book = Book(rows, rules, new_id)
    history = History(con, rules)
    past = Past(rules, config, intervals_ms(con))
    judge = Judge(book, past)
    judge.prime(history.before(first))
    past.last_request = past.last_request or history.last_request(first)
    open_errors = [
        a.subject for a in rows if a.rule == novelties.ERROR_GROUP and machine.is_open(a)
    ]
    seen = novelties.find(con, first, until, open_errors)
    requests = []
    for minute in with_occurrences(history.minutes(first, until), seen.occurrences):
        judge.judge(minute)
        count = sum(slot.counted.requests for slot in minute.routes.values())
        requests.append((minute.period, count))
    _keep_sightings(con, seen.sightings)
    alerts.forget_sightings(con, novelties.ERROR_GROUP, seen.ended)
    alerts.keep(con, book.changed())
    alerts.forget(con, book.dropped())
    alerts.add_events(con, [to_row(event) for event in book.events])
    alerts.note_judged(con, until, [(period, count) for period, count in requests if count])
    return book.events


def _keep_sightings(
    con: sqlite3.Connection, found: Mapping[str, Mapping[str, alerts.Sighting]]
) -> None:
    for rule, seen in found.items():
        alerts.note_sightings(con, rule, dict(seen))


def to_row(event: Event) -> AlertEvent:
    """An event as the history keeps it."""
    alert = event.alert
    return AlertEvent(
        alert.id,
        alert.steps,
        event.at_ms,
        event.event,
        event.actor,
        event.note,
        alert.value,
        alert.severity,
        alert.threshold,
    )


def to_transition(event: Event) -> Transition:
    """An event as it is told."""
    alert = event.alert
    return Transition(
        id=f"{alert.id}-{alert.steps}",
        alert_id=alert.id,
        rule=alert.rule,
        subject=alert.subject,
        host=alert.host,
        severity=str(alert.severity),
        event=event.event,
        value=alert.value,
        threshold=alert.threshold,
        unit=alert.unit or "",
        at_ms=event.at_ms,
        note=event.note,
        detail=say_detail(alert.detail),
        actor=event.actor,
    )


def transitions_after(
    con: sqlite3.Connection, number: int, since_ms: int = 0
) -> list[tuple[int, Transition]]:
    """Every step after a number, also those that people took, each with its own number.

    Who keeps the last number it has told loses none, whatever process dies in between.
    """
    return [
        (
            told.number,
            Transition(
                id=f"{told.event.alert_id}-{told.event.step}",
                alert_id=told.event.alert_id,
                rule=told.rule,
                subject=told.subject,
                host=told.host,
                severity=told.event.severity,
                event=told.event.event,
                value=told.event.value,
                threshold=told.event.threshold,
                unit=told.unit,
                at_ms=told.event.at_ms,
                note=told.event.note,
                detail=say_detail(told.detail),
                actor=told.event.actor,
            ),
        )
        for told in alerts.select_events_after(con, number, since_ms)
    ]


class Acted(NamedTuple):
    """What became of an alert, and who said so: the first one, where nothing has changed."""

    id: str
    rule: str
    subject: str
    status: str
    changed: bool
    actor: str | None
    at: str | None
    note: str | None
    snoozed_until: str | None


def act_on(
    question: Question,
    store: Path,
    command: str,
    said_ids: Sequence[str],
    action: Action,
    actor: str,
    note: str | None = None,
) -> Answer:
    """Do something to alerts by their ids: to all of them, or to none."""
    said = Said(actor, question.now_ms, note)
    with connection.writing(store) as con, connection.transaction(con):
        found = answers.find(alerts.select(con), said_ids)
        acted = [_act(con, action(alert, said)) for alert in found]
    covered = coverage(question, len(acted))
    return Answer(command, None, covered, {"alerts": acted}, question.warnings)


def _act(con: sqlite3.Connection, outcome: Outcome) -> Acted:
    alert, event = outcome
    if event is not None:
        alerts.keep(con, [alert])
        alerts.add_events(con, [to_row(event)])
    steps = [s for s in alerts.select_events(con, alert.id) if s.event in _TELLING]
    last = steps[-1] if steps else None
    return Acted(
        id=alert.id,
        rule=alert.rule,
        subject=alert.subject,
        status=str(alert.status),
        changed=event is not None,
        actor=last and last.actor,
        at=None if last is None else iso_utc(last.at_ms),
        note=last and last.note,
        snoozed_until=answers.summarise(alert).snoozed_until,
    )


def _round(events: list[Event]) -> Round:
    return Round(
        _ids(events, "opened", "reopened"),
        _ids(events, "resolved"),
        tuple(to_transition(event) for event in events),
    )


def _ids(events: Iterable[Event], *names: str) -> list[str]:
    return list(dict.fromkeys(event.alert.id for event in events if event.event in names))
