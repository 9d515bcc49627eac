"""Puts what happened into the outbox, and delivers what is due.

A step of an alert enters the outbox in the transaction that moves the mark behind it; a message
leaves it when its channel has taken it. So each is told at least once, with the same id each time,
whatever process dies; nothing is sent while a lock is held.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from perfctl.alerts.transition import Transition
from perfctl.chunks import Budget
from perfctl.config import Config
from perfctl.model import HOUR_MS, MINUTE_MS
from perfctl.notify.causes import find_causes
from perfctl.notify.channels import NotDelivered, Sendable, ping, send
from perfctl.notify.message import Message, compose
from perfctl.notify.news import find_news
from perfctl.notify.plan import Channel, Plan, parse_plan
from perfctl.store import outbox
from perfctl.store.connection import reading, transaction, writing
from perfctl.store.outbox import Waiting

_FIRST_BACKOFF_MS = MINUTE_MS
_LONGEST_BACKOFF_MS = HOUR_MS
_BUDGET_S = 20.0
_REST = "the time of this round was over, the next collect goes on"


class Told(NamedTuple):
    """What a round delivered, what waits, and what went wrong."""

    delivered: int
    waiting: int
    failures: tuple[str, ...]


def notify(store: Path, config: Config, now_ms: int, host: str) -> Told:
    """Tell what has happened since the last round, and what could not be told before."""
    plan = parse_plan(config)
    unexplained = enqueue(store, config, plan, now_ms, host)
    told = deliver(store, plan, now_ms, Budget(_BUDGET_S))
    return told._replace(failures=(*unexplained, *told.failures))


def enqueue(store: Path, config: Config, plan: Plan, now_ms: int, host: str) -> tuple[str, ...]:
    """Put into the outbox what has happened since, and what to repeat: one message a channel.

    Returns what kept causes from being found.
    """
    if not plan.all_channels:
        return ()
    with reading(store) as con:
        news = find_news(con, plan, now_ms)
        causes = find_causes(con, [*news.steps, *news.escalated], config, now_ms)
    with writing(store) as con, transaction(con):
        news = find_news(con, plan, now_ms)  # another collect may have told it meanwhile
        outbox.note_told(con, news.told_until)
        outbox.keep_marks(con, news.marks, now_ms)
        put = partial(_put, con, plan, causes=causes.lines, now_ms=now_ms, host=host, store=store)
        put(plan.channels, news.steps)
        if plan.escalation:
            put(plan.escalation.channels, news.escalated)
    return causes.failures


def _put(
    con: sqlite3.Connection,
    plan: Plan,
    channels: tuple[tuple[str, Channel], ...],
    steps: tuple[Transition, ...],
    *,
    causes: Mapping[str, str],
    now_ms: int,
    host: str,
    store: Path,
) -> None:
    if not steps:
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
    kept = [*problems.values(), *([_REST] if budget.is_spent else [])]
    with reading(store) as con:
        waiting = outbox.waiting(con)
    return Told(delivered, waiting, tuple(f"not delivered yet: {problem}" for problem in kept))


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
