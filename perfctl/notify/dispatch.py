"""Puts what happened into the outbox, and delivers what is due.

A step of an alert enters the outbox in the transaction that moves the mark behind it; a message
leaves it when its channel has taken it. So each is told at least once, with the same id each time,
whatever process dies; nothing is sent while a lock is held.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from perfctl import alerting
from perfctl.alerts.transition import Transition
from perfctl.chunks import Budget
from perfctl.config import Config
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS
from perfctl.notify.causes import find_causes
from perfctl.notify.channels import NotDelivered, Sendable, ping, send
from perfctl.notify.message import TELLING, Message, compose
from perfctl.notify.plan import Channel, Plan, parse_plan
from perfctl.store import open_alerts, outbox
from perfctl.store.connection import reading, transaction, writing
from perfctl.store.outbox import Waiting

_FIRST_BACKOFF_MS = MINUTE_MS
_LONGEST_BACKOFF_MS = HOUR_MS
_BUDGET_S = 20.0
_REST = "the time of this round was over, the next collect goes on"
_KEEP_MS = 7 * DAY_MS
_FIRST_MS = 10 * MINUTE_MS
"""What is older than this when the first channel is set up is the past, and not told."""


class Told(NamedTuple):
    """What a round delivered, and what kept the rest."""

    delivered: int
    waiting: int
    failures: tuple[str, ...]


def notify(store: Path, config: Config, now_ms: int, host: str) -> Told:
    """Tell what has happened since the last round, and what could not be told before."""
    plan = parse_plan(config)
    enqueue(store, config, plan, now_ms, host)
    return deliver(store, plan, now_ms, Budget(_BUDGET_S))


def enqueue(store: Path, config: Config, plan: Plan, now_ms: int, host: str) -> None:
    """Put one message a channel into the outbox for all that has happened since."""
    with reading(store) as con:
        causes = find_causes(con, _news(con, plan, now_ms).steps, config, now_ms)
    with writing(store) as con, transaction(con):
        put = partial(_put, con, plan, causes=causes, now_ms=now_ms, host=host, store=store)
        news = _news(con, plan, now_ms)
        if news.last is not None:
            outbox.note_told(con, news.last)
        put(plan.channels, news.steps)
        again = [s for s in repetitions(con, plan, now_ms) if outbox.mark(con, s.id, now_ms)]
        put(plan.channels, again)
        if plan.escalation:
            late = [s for s in escalations(con, plan, now_ms) if outbox.mark(con, s.id, now_ms)]
            put(plan.escalation.channels, late)
        outbox.prune(con, now_ms - _KEEP_MS)


class _News(NamedTuple):
    """What has happened since the last round: its last step, and those to tell."""

    last: int | None
    steps: list[Transition]


def _news(con: sqlite3.Connection, plan: Plan, now_ms: int) -> _News:
    told = outbox.told_until(con)
    found = alerting.transitions_after(con, told or 0)
    begin_ms = now_ms - _FIRST_MS if told is None else 0
    steps = [step for _, step in found if is_told(step, plan) and step.at_ms >= begin_ms]
    return _News(found[-1][0] if found else None, steps)


def is_told(step: Transition, plan: Plan) -> bool:
    """Whether a step is one to tell: not what a person did, not below the severity."""
    return step.event in TELLING and (plan.severity == "warning" or step.severity == "critical")


def repetitions(con: sqlite3.Connection, plan: Plan, now_ms: int) -> Iterable[Transition]:
    """What still fires, and nobody has acknowledged, each time its interval is over."""
    if plan.repeat_ms is None:
        return
    for step in _firing(con, plan, now_ms):
        times = (now_ms - step.at_ms) // plan.repeat_ms
        if times >= 1:
            yield step._replace(id=f"{step.alert_id}-r{times}", event="repeated", at_ms=now_ms)


def escalations(con: sqlite3.Connection, plan: Plan, now_ms: int) -> Iterable[Transition]:
    """What fires unacknowledged for longer than the escalation waits, once."""
    if plan.escalation is None:
        return
    for step in _firing(con, plan, now_ms):
        if now_ms - step.at_ms >= plan.escalation.after_ms:
            yield step._replace(id=f"{step.alert_id}-e", event="escalated", at_ms=now_ms)


def _firing(con: sqlite3.Connection, plan: Plan, now_ms: int) -> Iterable[Transition]:
    for alert in open_alerts.select(con):
        if alert.status != "firing" or alert.opened_ms is None:
            continue
        step = Transition(
            id=alert.id,
            alert_id=alert.id,
            rule=alert.rule,
            subject=alert.subject,
            host=None,
            severity=alert.severity,
            event="opened",
            value=alert.value,
            threshold=None,
            unit="",
            at_ms=alert.opened_ms,
            note=None,
            detail=None,
        )
        if is_told(step, plan):
            yield step


def _put(
    con: sqlite3.Connection,
    plan: Plan,
    channels: tuple[tuple[str, Channel], ...],
    steps: list[Transition],
    *,
    causes: Mapping[str, str],
    now_ms: int,
    host: str,
    store: Path,
) -> None:
    if not steps or not channels:
        return
    message = compose(steps, causes, host, str(store))
    first_ms = _first_try_ms(plan, message, now_ms)
    outbox.add(
        con,
        [
            Waiting(f"{message.id}/{name}", now_ms, name, message.to_json(), 0, first_ms)
            for name, _ in channels
        ],
    )


def _first_try_ms(plan: Plan, message: Message, now_ms: int) -> int:
    """Now; in quiet hours, unless something is critical, when they end."""
    if plan.quiet is None or message.critical:
        return now_ms
    local = time.localtime(now_ms / 1000)
    minute = local.tm_hour * 60 + local.tm_min
    if not plan.quiet.holds(minute):
        return now_ms
    return now_ms + (plan.quiet.end - minute) % (24 * 60) * MINUTE_MS - local.tm_sec * 1000


def deliver(store: Path, plan: Plan, now_ms: int, budget: Budget) -> Told:
    """Try what is due; what fails is tried again after a growing while.

    A channel that fails is left for this round, and what the budget does not reach for the next: so
    that `collect` comes to its end however many messages wait.
    """
    channels = plan.all_channels
    with reading(store) as con:
        due = [one for one in outbox.due(con, now_ms) if one.channel in channels]
    delivered, problems = 0, dict[str, str]()
    for one in due:
        if one.channel in problems:
            continue
        if not budget.has_more():
            break
        if not _claim(store, one, now_ms):
            continue
        problem = _try(store, channels[one.channel], one, now_ms)
        if problem is None:
            delivered += 1
        else:
            problems[one.channel] = problem
    rest = (_REST,) if budget.is_spent else ()
    with reading(store) as con:
        return Told(delivered, outbox.waiting(con), (*problems.values(), *rest))


def _try(store: Path, channel: Channel, one: Waiting, now_ms: int) -> str | None:
    """Send a message; what kept it from arriving, if anything."""
    try:
        send(channel, _sendable(one))
    except NotDelivered as exc:
        with writing(store) as con, transaction(con):
            outbox.note_trouble(con, one.channel, exc.message)
        return exc.message
    with writing(store) as con, transaction(con):
        outbox.note_delivered(con, one, now_ms)
    return None


def _sendable(one: Waiting) -> Sendable:
    body = json.loads(one.body)
    return Sendable(
        one.id.partition("/")[0], body["title"], body["text"], one.body, host=body["host"]
    )


def _claim(store: Path, one: Waiting, now_ms: int) -> bool:
    """Before it is sent, so that no other `collect` sends it too; who dies has it tried again."""
    backoff_ms = min(_LONGEST_BACKOFF_MS, _FIRST_BACKOFF_MS << min(one.attempts, 10))
    with writing(store) as con, transaction(con):
        return outbox.claim(con, one, now_ms + backoff_ms)


def ping_after(config: Config) -> str | None:
    """Tell the dead man's switch that the round is over; what kept it from knowing, if anything."""
    plan = parse_plan(config)
    if plan.ping is None:
        return None
    try:
        ping(plan.ping)
    except NotDelivered as exc:
        return exc.message
    return None
