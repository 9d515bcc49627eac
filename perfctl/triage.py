"""Says what becomes of groups of errors: of all that are named, or of none."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from perfctl.answers.answer import Answer, Question, coverage
from perfctl.answers.errors import find_ids
from perfctl.errors import UsageError
from perfctl.model import MINUTE_MS
from perfctl.store import error_groups, error_status
from perfctl.store.connection import transaction, writing
from perfctl.store.error_groups import Group
from perfctl.store.error_status import Event, Terms
from perfctl.store.errors import GroupStatus
from perfctl.units import iso_utc, parse_duration, parse_moment, write_duration


class Acted(NamedTuple):
    """What became of a group, and who said so: the first one, where nothing has changed."""

    id: str
    type: str
    status: str
    changed: bool
    actor: str | None
    at: str | None
    note: str | None
    ignored_until: str | None
    ignored_until_count: int | None


Act = Callable[[sqlite3.Connection, Group], bool]
"""Changes a group, and says whether there was anything to change."""
_OPEN = (GroupStatus.OPEN, GroupStatus.REGRESSED)
_FOR_GOOD = Terms()


def resolve(
    question: Question,
    store: Path,
    said: Sequence[str],
    actor: str,
    note: str | None = None,
    *,
    next_release: bool = False,
) -> Answer:
    """Say that groups are mended; one that occurs again is `regressed`.

    For the next release: only one that was not seen yet makes them return.
    """
    by = Event(question.now_ms, "resolved", actor, note)

    def act(con: sqlite3.Connection, group: Group) -> bool:
        if group.status == GroupStatus.RESOLVED:
            return False
        error_status.resolve(con, group.id, by, next_release=next_release)
        return True

    return _act_on_all(question, store, said, act, "errors.resolve")


def ignore(
    question: Question,
    store: Path,
    said: Sequence[str],
    actor: str,
    note: str | None = None,
    terms: Terms = _FOR_GOOD,
) -> Answer:
    """Let groups want nobody: for good, until a time, or for so many occurrences more."""
    how = _say_terms(terms, question.now_ms)
    by = Event(question.now_ms, "ignored", actor, ": ".join(filter(None, (how, note))) or None)

    def act(con: sqlite3.Connection, group: Group) -> bool:
        if group.status == GroupStatus.IGNORED and (terms == _FOR_GOOD or _hold(group, terms)):
            return False
        error_status.ignore(con, group.id, by, terms)
        return True

    return _act_on_all(question, store, said, act, "errors.ignore")


def _hold(group: Group, terms: Terms) -> bool:
    """Whether these terms are in force: `2h` said twice in a minute is said once."""
    if (group.ignore_until_ms is None) != (terms.until_ms is None):
        return False
    apart_ms = abs((group.ignore_until_ms or 0) - (terms.until_ms or 0))
    until_count = None if terms.occurrences is None else group.total + terms.occurrences
    return apart_ms < MINUTE_MS and group.ignore_until_count == until_count


def _say_terms(terms: Terms, now_ms: int) -> str:
    """`for 2h`, `for 3 more`; nothing for good."""
    said = []
    if terms.until_ms is not None:
        said.append(f"for {write_duration(max(0, terms.until_ms - now_ms))}")
    if terms.occurrences is not None:
        said.append(f"for {terms.occurrences:,} more")
    return ", ".join(said)


def reopen(
    question: Question, store: Path, said: Sequence[str], actor: str, note: str | None = None
) -> Answer:
    """Take back that groups are resolved or ignored."""
    by = Event(question.now_ms, "reopened", actor, note)

    def act(con: sqlite3.Connection, group: Group) -> bool:
        if group.status in _OPEN:
            return False
        error_status.reopen(con, group.id, by)
        return True

    return _act_on_all(question, store, said, act, "errors.reopen")


def read_terms(until: str | None, count: int | None, now_ms: int) -> Terms:
    """Until when to ignore: `7d` from now on, or a moment that is still to come."""
    if until is None:
        return Terms(None, count)
    try:
        until_ms = now_ms + parse_duration(until)
    except UsageError:
        until_ms = parse_moment(until, now_ms)
    if until_ms <= now_ms:
        raise UsageError(f"{until!r} is over", "--until 7d, or a date to come")
    return Terms(until_ms, count)


def _act_on_all(
    question: Question, store: Path, said: Sequence[str], act: Act, command: str
) -> Answer:
    with writing(store) as con, transaction(con):
        rows = [_act_on(con, found, act, question.now_ms) for found in find_ids(con, said)]
    covered = coverage(question, len(rows))
    return Answer(command, None, covered, {"groups": rows}, question.warnings)


def _act_on(con: sqlite3.Connection, group_id: str, act: Act, now_ms: int) -> Acted:
    changed = act(con, _group(con, group_id, now_ms))
    group = _group(con, group_id, now_ms)
    history = error_status.history(con, group_id)
    last = history[-1] if history else Event(group.first_seen_ms, "opened", None, None)
    return Acted(
        id=group_id,
        type=group.type,
        status=group.status,
        changed=changed,
        actor=last.actor,
        at=iso_utc(last.at_ms),
        note=last.note,
        ignored_until=None if group.ignore_until_ms is None else iso_utc(group.ignore_until_ms),
        ignored_until_count=group.ignore_until_count,
    )


def _group(con: sqlite3.Connection, group_id: str, now_ms: int) -> Group:
    found = error_groups.find(con, group_id, now_ms)
    assert found is not None  # noqa: S101  # found in the same transaction
    return found
