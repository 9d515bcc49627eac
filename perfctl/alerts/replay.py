"""`alerts test`: what a rule would have done with the recorded history, under other settings too."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perfctl.alerts import novelties
from perfctl.alerts.book import Book
from perfctl.alerts.history import History
from perfctl.alerts.intervals import intervals_ms
from perfctl.alerts.judge import AFTER_MS, Judge
from perfctl.alerts.machine import Event
from perfctl.alerts.metrics import Scope
from perfctl.alerts.minute import Minute, with_occurrences
from perfctl.alerts.past import Past
from perfctl.alerts.rules import Rule
from perfctl.answers.answer import Answer, Question, answer
from perfctl.config import Config, Retention
from perfctl.model import HOUR_MS, MINUTE_MS, Window
from perfctl.store import alerts, minutes
from perfctl.units import format_local, iso_utc, write_duration

_OF_REQUESTS = (Scope.ROUTE, Scope.TOTAL, Scope.TRAFFIC)


class Episode(NamedTuple):
    """One alert that a setting would have opened."""

    subject: str
    host: str | None
    opened_at: str
    resolved_at: str | None
    firing_s: float
    returned: int
    """How often it came back within an hour of its end."""
    peak: float | None


class Firings(NamedTuple):
    """How often and how long a rule fires under a setting."""

    limit: float | None
    """None: the thresholds of each route."""
    target: float | None
    for_s: float
    over_s: float
    samples: int
    openings: int
    firing_s: float
    longest_s: float
    subjects: int


class Replay(NamedTuple):
    """Both settings on the same history; `openings` are those of the proposed one, if there is one."""

    rule: str
    metric: str
    unit: str
    present: Firings
    proposed: Firings | None
    openings: list[Episode]
    late_arrivals: int
    """Requests that came in after their minute was judged: the replay has them, the alerts had not."""
    is_whole: bool
    """Whether the record reaches back as far as was asked."""


def replay_rule(question: Question, config: Config, present: Rule, proposed: Rule | None) -> Answer:
    """A rule's openings in the window, beside those with what is proposed.

    The window really used begins with the first record, if that is later.
    """
    asked, now_ms = question.window, question.now_ms
    kept_from_ms = now_ms - kept_ms(present, config.retention)
    begun_ms = max(kept_from_ms, minutes.first_record_ms(question.con) or 0)
    first = max(asked.since_ms, begun_ms) // MINUTE_MS
    until = min(asked.until_ms, now_ms - AFTER_MS) // MINUTE_MS
    cells_from = _cells_from(config.retention, now_ms)
    rules = [present._replace(is_on=True)]
    if proposed is not None:
        rules.append(proposed._replace(name=_proposed(present.name), is_on=True))
    events, recorded = replay(question, config, rules, first, until, cells_from)
    settings = [_firings(rule, config, events, until) for rule in rules]
    missing = 0
    if present.metric.scope in _OF_REQUESTS:
        missing = minutes.count_missing_rows(question.con, first, min(until, cells_from))
    warnings = _warnings(question, asked, kept_from_ms, recorded, missing)
    data = Replay(
        present.name,
        present.metric.name,
        present.metric.unit,
        settings[0],
        settings[1] if proposed else None,
        _episodes(rules[-1].name, events, until),
        _late_arrivals(question, present, first, until, cells_from),
        not warnings,
    )
    window = Window(first * MINUTE_MS, max(first, until) * MINUTE_MS)
    if asked.since_ms < begun_ms and not warnings:
        warnings = (f"nothing is recorded from before {format_local(begun_ms)}",)
    return answer(question, "alerts.test", data, recorded, window, warnings)


def replay(
    question: Question,
    config: Config,
    rules: Sequence[Rule],
    first: int,
    until: int,
    cells_from: int,
) -> tuple[list[Event], int]:
    """What the rules do with the minutes `[first, until)`, and how many of those hold anything."""
    numbers = itertools.count(1)
    book = Book([], rules, lambda: f"replay-{next(numbers)}")
    history = History(question.con, rules, cells_from)
    past = Past(rules, config, intervals_ms(question.con))
    judge = Judge(book, past)
    judge.prime(history.before(first))
    if past.last_request is None:
        past.last_request = history.last_request(first)
    occurrences = [
        seen._replace(rule=rule.name)
        for rule in rules
        if rule.metric.scope in (Scope.N_PLUS_ONE, Scope.ERROR_GROUP)
        for seen in novelties.replayed(question.con, rule.metric.name, first, until, cells_from)
    ]
    recorded = 0
    for minute in with_occurrences(history.minutes(first, until), occurrences):
        judge.judge(minute)
        recorded += _holds_something(minute) or bool(past.scans)
    return book.events, recorded


def kept_ms(rule: Rule, retention: Retention) -> int:
    """How far back what a rule looks at is kept."""
    match rule.metric.scope:
        case Scope.MACHINE | Scope.COLLECTOR:
            return retention.system_ms
        case Scope.PAGE:
            return retention.frontend_ms
        case Scope.ERROR_GROUP:
            return retention.errors_ms
        case Scope.N_PLUS_ONE:
            return retention.hours_ms
        case _:
            return retention.requests_ms


def _holds_something(minute: Minute) -> bool:
    return bool(
        minute.routes or minute.samples or minute.vitals or minute.sizes or minute.occurrences
    )


def _proposed(name: str) -> str:
    return f"{name} as proposed"


def _cells_from(retention: Retention, now_ms: int) -> int:
    """From which minute on the minute cells are whole: to the hour, as retention cuts them."""
    kept_from_ms = now_ms - retention.minutes_ms
    return (kept_from_ms + HOUR_MS - kept_from_ms % HOUR_MS) // MINUTE_MS


def _episodes(name: str, events: Iterable[Event], until: int) -> list[Episode]:
    of_alerts: dict[str, list[Event]] = {}
    for event in events:
        if event.alert.rule == name:
            of_alerts.setdefault(event.alert.id, []).append(event)
    return [_episode(steps, until * MINUTE_MS) for steps in of_alerts.values()]


def _episode(steps: list[Event], until_ms: int) -> Episode:
    firing_ms, since_ms = 0, None
    for step in steps:
        if step.event in ("opened", "reopened"):
            since_ms = step.at_ms
        elif step.event in ("resolved", "no_data") and since_ms is not None:
            firing_ms += step.at_ms - since_ms
            since_ms = None
    last = steps[-1].alert
    if since_ms is not None:
        firing_ms += until_ms - since_ms
    return Episode(
        subject=last.subject,
        host=last.host,
        opened_at=iso_utc(last.opened_ms or steps[0].at_ms),
        resolved_at=None if last.resolved_ms is None else iso_utc(last.resolved_ms),
        firing_s=firing_ms / 1000,
        returned=sum(step.event == "reopened" and step.note is None for step in steps),
        peak=last.peak,
    )


def _firings(rule: Rule, config: Config, events: Iterable[Event], until: int) -> Firings:
    found = _episodes(rule.name, events, until)
    # Of routes each has its own.
    limits = None if rule.metric.scope is Scope.ROUTE else rule.limits(config.thresholds)
    return Firings(
        limit=rule.limit if limits is None else limits.threshold,
        target=rule.target if limits is None else limits.target,
        for_s=rule.for_ms / 1000,
        over_s=rule.over_ms / 1000,
        samples=rule.samples,
        openings=sum(1 + episode.returned for episode in found),
        firing_s=sum(episode.firing_s for episode in found),
        longest_s=max((episode.firing_s for episode in found), default=0.0),
        subjects=len({(episode.subject, episode.host) for episode in found}),
    )


def _late_arrivals(question: Question, rule: Rule, first: int, until: int, cells_from: int) -> int:
    """Requests of judged minutes that were not there when these were judged."""
    con = question.con
    begin, end = alerts.first_judged(con), alerts.judged_until(con)
    if begin is None or end is None or rule.metric.scope not in _OF_REQUESTS:
        return 0
    first, until = max(first, begin), min(until, end)
    edge = min(max(first, cells_from), until)
    present = {
        **minutes.count_requests(con, first, edge, raw=True),
        **minutes.count_requests(con, edge, until, raw=False),
    }
    judged = alerts.judged_requests(con, first, until)
    return sum(max(0, count - judged.get(period, 0)) for period, count in present.items())


def _warnings(
    question: Question, asked: Window, kept_from_ms: int, recorded: int, missing: int
) -> tuple[str, ...]:
    """Why the answer is not about all that was asked; empty where it is."""
    found = []
    if missing:
        found.append(
            f"{missing:,} requests were thinned away: what is left is not all that was judged"
        )
    if asked.since_ms < kept_from_ms:
        kept = write_duration(question.now_ms - kept_from_ms)
        found.append(
            f"what this rule looks at is kept for {kept}: "
            f"nothing is known before {format_local(kept_from_ms)}"
        )
    if not recorded:
        found.append("nothing that this rule looks at is recorded in the window")
    return tuple(found)
