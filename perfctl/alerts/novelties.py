"""New things: N+1 call sites and error groups, told apart from what was seen before.

What was seen is kept in sightings. A line number is no part of a call site here: an edit above a
function does not make its N+1 new, as it does not make a new group of its errors.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from perfctl.alerts.minute import Occurrence
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS, Level
from perfctl.store import alerts, minutes
from perfctl.store.alerts import Sighting
from perfctl.store.minutes import ErrorMinute, Finding

N_PLUS_ONE = "n_plus_one"
ERROR_GROUP = "error_group"
_LINE = re.compile(r":\d+(?= in |$)")
_SEEN = ("open", "regressed")


class Seen(NamedTuple):
    """What was seen in some minutes, and the sightings to keep."""

    occurrences: list[Occurrence]
    sightings: dict[str, dict[str, Sighting]]
    """By rule and subject."""
    ended: list[str]
    """Subjects whose return is news again."""


def find(con: sqlite3.Connection, first: int, until: int, open_errors: Iterable[str] = ()) -> Seen:
    """What the minutes `[first, until)` hold, judged by the sightings so far."""
    findings = _find_n_plus_one(con, first, until)
    errors = _find_errors(con, first, until)
    ended = list(_find_ended(con, until, set(open_errors)))
    sightings: dict[str, dict[str, Sighting]] = {N_PLUS_ONE: {}, ERROR_GROUP: {}}
    for seen in (*findings, *errors):
        known = sightings[seen.rule].get(seen.subject)
        first_ms = seen.at_ms if known is None else known.first_ms
        sightings[seen.rule][seen.subject] = Sighting(first_ms, seen.at_ms)
    occurrences = sorted([*findings, *errors, *ended], key=lambda seen: seen.at_ms)
    return Seen(occurrences, sightings, [seen.subject for seen in ended])


def seed(con: sqlite3.Connection, first: int) -> dict[str, dict[str, Sighting]]:
    """What the record holds from before the first evaluation: that is not new."""
    before_ms = first * MINUTE_MS
    known: dict[str, dict[str, Sighting]] = {N_PLUS_ONE: {}, ERROR_GROUP: {}}
    for level in (Level.DAY, Level.HOUR):
        width = level.width_ms
        for found in minutes.select_findings(con, level, 0, before_ms - width):
            at_ms = found.period * width
            known[N_PLUS_ONE].setdefault(site_subject(found), Sighting(at_ms, at_ms))
    for group in minutes.select_error_groups(con):
        at_ms = group.first_period * MINUTE_MS
        if at_ms < before_ms:
            known[ERROR_GROUP][error_subject(group)] = Sighting(at_ms, at_ms)
    return known


def replayed(
    con: sqlite3.Connection, rule: str, first: int, until: int, minutes_from: int
) -> Iterator[Occurrence]:
    """What the record says of the minutes `[first, until)`: new by sightings, seen by the cells."""
    since_ms, until_ms = first * MINUTE_MS, until * MINUTE_MS
    for subject, seen in alerts.sightings(con, rule).items():
        if since_ms < seen.first_ms <= until_ms:
            yield Occurrence(rule, subject, seen.first_ms, seen.first_ms, 1, True)
    if rule == ERROR_GROUP:
        yield from (
            _error(row, is_news=False) for row in minutes.select_errors(con, since_ms, until_ms)
        )
        return
    edge_ms = min(max(since_ms, minutes_from * MINUTE_MS), until_ms)
    edge_ms -= edge_ms % HOUR_MS
    for level, from_ms, to_ms in (
        (Level.HOUR, since_ms, edge_ms),
        (Level.TEN_MINUTES, max(edge_ms, since_ms), until_ms),
    ):
        for row in minutes.select_findings(con, level, from_ms, to_ms):
            yield _finding(row, level, first, until, is_news=False)


def site_subject(found: Finding) -> str:
    """`GET /items/ app/views.py in page`."""
    return f"{found.method} {found.route} {_LINE.sub('', found.location) or '(unknown)'}"


def error_subject(group: ErrorMinute) -> str:
    """`KeyError 3f2a9c01d4e5`."""
    return f"{group.type} {group.group_id}"


def _find_n_plus_one(con: sqlite3.Connection, first: int, until: int) -> list[Occurrence]:
    known = alerts.sightings(con, N_PLUS_ONE)
    level, found = Level.TEN_MINUTES, []
    for row in minutes.select_findings(con, level, first * MINUTE_MS, until * MINUTE_MS):
        seen = _finding(row, level, first, until, is_news=site_subject(row) not in known)
        known.setdefault(seen.subject, Sighting(seen.at_ms, seen.at_ms))
        found.append(seen)
    return found


def _finding(row: Finding, level: Level, first: int, until: int, *, is_news: bool) -> Occurrence:
    """At the end of its cell, or of the judged minutes where the cell goes on."""
    per_cell = level.width_ms // MINUTE_MS
    minute = max(first, min(until, (row.period + 1) * per_cell) - 1)
    since_ms = row.period * level.width_ms
    hint = f": {row.hint}" if row.hint else ""
    return Occurrence(
        N_PLUS_ONE,
        site_subject(row),
        (minute + 1) * MINUTE_MS,
        since_ms,
        row.findings,
        is_news,
        f"{row.location or 'no call site of your own'}{hint}",
    )


def _find_errors(con: sqlite3.Connection, first: int, until: int) -> list[Occurrence]:
    known = alerts.sightings(con, ERROR_GROUP)
    rows = minutes.select_errors(con, first * MINUTE_MS, until * MINUTE_MS)
    found = []
    for row in (*_late(con, first, known), *rows):
        if row.status in _SEEN:
            seen = _error(row, is_news=_is_news(row, known))
            known[seen.subject] = Sighting(seen.at_ms, seen.at_ms)
            found.append(seen)
    return found


def _late(con: sqlite3.Connection, first: int, known: dict[str, Sighting]) -> Iterator[ErrorMinute]:
    """Groups that came in after their minute was judged: told with the first minute now."""
    for group in minutes.select_error_groups(con):
        is_recent = first - DAY_MS // MINUTE_MS < group.period < first
        if is_recent and error_subject(group) not in known:
            yield group._replace(period=first)


def _is_news(row: ErrorMinute, known: dict[str, Sighting]) -> bool:
    seen = known.get(error_subject(row))
    if seen is None or seen.last_ms == alerts.FORGOTTEN:
        return True
    return row.status == "regressed" and seen.last_ms <= (row.resolved_ms or 0)


def _error(row: ErrorMinute, *, is_news: bool) -> Occurrence:
    at_ms = (row.period + 1) * MINUTE_MS
    where = row.location or "no frame of your own"
    returned = f", back after {row.resolved_by or 'somebody'} resolved it"
    return Occurrence(
        ERROR_GROUP,
        error_subject(row),
        at_ms,
        row.period * MINUTE_MS,
        row.occurrences,
        is_news,
        f"{where}{returned if row.status == 'regressed' else ''}",
    )


def _find_ended(con: sqlite3.Connection, until: int, open_errors: set[str]) -> Iterator[Occurrence]:
    """Alerts whose group somebody has resolved or ignored since."""
    if not open_errors:
        return
    for group in minutes.select_error_groups(con):
        if group.status not in _SEEN and error_subject(group) in open_errors:
            at_ms = until * MINUTE_MS
            by = f" by {group.resolved_by}" if group.resolved_by else ""
            yield Occurrence(
                ERROR_GROUP, error_subject(group), at_ms, at_ms, 0, False, f"{group.status}{by}"
            )
