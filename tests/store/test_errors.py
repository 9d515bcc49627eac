"""The life of groups of errors as occurrences arrive: what returns, and what stays quiet."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfctl.model import DAY_MS, HOUR_MS
from perfctl.store import connection, error_groups, error_status, errors
from perfctl.store.error_status import Event, Terms
from perfctl.store.errors import ErrorRow, Standing, comes_back
from perfctl.store.names import Names
from tests.segments import NOW_MS


@pytest.fixture
def con(store: Path) -> Iterator[sqlite3.Connection]:
    """A connection that may write."""
    with connection.writing(store) as opened:
        yield opened


def occur(con: sqlite3.Connection, at_ms: int, release: str = "r1", seen_ms: int = NOW_MS) -> str:
    """One KeyError at that time, in a release first ingested at `seen_ms`; its group."""
    origin_id = Names(con, seen_ms).origin("web1", release, "production", "live")
    frames = (("app/views.py", 3, "page"),)
    row = ErrorRow(
        at_ms, "live", origin_id, None, None, 500, "KeyError", frames, None, None, None, False
    )
    errors.insert(con, [row])
    return errors.fingerprint("live", "KeyError", frames)


def status(con: sqlite3.Connection, group_id: str, now_ms: int = NOW_MS) -> str:
    """How the group stands."""
    found = error_groups.find(con, group_id, now_ms)
    assert found is not None
    return found.status


def history(con: sqlite3.Connection, group_id: str) -> list[tuple[str, str | None, str | None]]:
    """(event, actor, note) of every step."""
    return [(e.event, e.actor, e.note) for e in error_status.history(con, group_id)]


RESOLVED = Event(NOW_MS, "resolved", "ana", "in 1.4.3")
IGNORED = Event(NOW_MS, "ignored", "ana", None)


@pytest.mark.parametrize(
    ("standing", "at_ms", "returns"),
    [
        (Standing("open", 5, None, None, None), 100, False),
        (Standing("regressed", 5, 50, None, None), 100, False),
        (Standing("resolved", 5, 100, None, None), 99, False),
        (Standing("resolved", 5, 100, None, None), 100, False),
        (Standing("resolved", 5, 100, None, None), 101, True),
        (Standing("ignored", 5, None, None, None), 10**13, False),
        (Standing("ignored", 5, None, 100, None), 99, False),
        (Standing("ignored", 5, None, 100, None), 100, True),
        (Standing("ignored", 5, None, None, 7), 10**13, False),
        (Standing("ignored", 6, None, None, 7), 0, True),
        (Standing("ignored", 6, None, 100, 8), 99, False),
        (Standing("ignored", 6, None, 100, 7), 99, True),
    ],
)
def test_when_a_group_comes_back(standing: Standing, at_ms: int, returns: bool) -> None:
    """Resolved: after that moment. Ignored: from its time on, or with its last allowed occurrence."""
    assert comes_back(standing, at_ms) is returns


def test_a_resolved_group_that_returns_is_regressed(con: sqlite3.Connection) -> None:
    """Once, with the release that brought it back; who resolved it is not forgotten."""
    group = occur(con, NOW_MS - HOUR_MS)
    error_status.resolve(con, group, RESOLVED)

    occur(con, NOW_MS + 1, "r2", NOW_MS + 1)
    occur(con, NOW_MS + 2, "r2", NOW_MS + 1)

    found = error_groups.find(con, group, NOW_MS + 2)
    assert found is not None
    assert (found.status, found.total, found.resolved_by) == ("regressed", 3, "ana")
    assert history(con, group) == [("resolved", "ana", "in 1.4.3"), ("regressed", None, "r2")]


def test_what_waited_in_the_spool_does_not_regress(con: sqlite3.Connection) -> None:
    """It occurred before somebody resolved the group."""
    group = occur(con, NOW_MS - HOUR_MS)
    error_status.resolve(con, group, RESOLVED)

    occur(con, NOW_MS - 1)

    assert status(con, group) == "resolved"


def test_for_the_next_release_an_old_one_does_not_regress(con: sqlite3.Connection) -> None:
    """A host that still runs it goes on failing until it is updated."""
    group = occur(con, NOW_MS - HOUR_MS, "r1", NOW_MS - DAY_MS)
    error_status.resolve(con, group, RESOLVED, next_release=True)

    occur(con, NOW_MS + 1, "r1", NOW_MS + 1)
    assert status(con, group) == "resolved"

    occur(con, NOW_MS + 2, "r2", NOW_MS + 2)
    assert status(con, group) == "regressed"


def test_without_releases_the_next_one_cannot_be_told(con: sqlite3.Connection) -> None:
    """So any occurrence makes it return: a finding must not be lost."""
    group = occur(con, NOW_MS - HOUR_MS, "", NOW_MS - DAY_MS)
    error_status.resolve(con, group, RESOLVED, next_release=True)

    occur(con, NOW_MS + 1, "")

    assert status(con, group) == "regressed"


def test_an_ignored_group_is_open_when_its_time_is_over(con: sqlite3.Connection) -> None:
    """At the next occurrence for the store, at that moment already for who reads."""
    group = occur(con, NOW_MS - HOUR_MS)
    error_status.ignore(con, group, IGNORED, Terms(until_ms=NOW_MS + HOUR_MS))

    occur(con, NOW_MS + HOUR_MS - 1)
    assert status(con, group, NOW_MS + HOUR_MS - 1) == "ignored"
    assert status(con, group, NOW_MS + HOUR_MS) == "open"
    occur(con, NOW_MS + HOUR_MS)

    assert status(con, group, 0) == "open"
    assert history(con, group)[1:] == [("unignored", None, "r1")]


def test_an_ignored_group_is_open_after_so_many_more(con: sqlite3.Connection) -> None:
    """Of three more, the third opens it; an ignored one for good stays so."""
    group = occur(con, NOW_MS - HOUR_MS)
    error_status.ignore(con, group, IGNORED, Terms(occurrences=3))

    seen = [(occur(con, NOW_MS + i), status(con, group))[1] for i in range(1, 5)]

    assert seen == ["ignored", "ignored", "open", "open"]
    error_status.ignore(con, group, IGNORED, Terms())
    occur(con, NOW_MS + DAY_MS)
    assert status(con, group, NOW_MS + 900 * DAY_MS) == "ignored"


def test_the_first_release_is_that_of_the_earliest_occurrence(con: sqlite3.Connection) -> None:
    """Also where it arrives late, from another host."""
    group = occur(con, NOW_MS, "r2")
    occur(con, NOW_MS - DAY_MS, "r1")
    occur(con, NOW_MS + 1, "r3")

    found = error_groups.find(con, group, NOW_MS)

    assert found is not None
    assert found.first_release == "r1"


def test_reopen_forgets_what_was_said(con: sqlite3.Connection) -> None:
    """But for the history."""
    group = occur(con, NOW_MS)
    error_status.resolve(con, group, RESOLVED, next_release=True)
    error_status.reopen(con, group, Event(NOW_MS + 1, "reopened", "ben", None))

    found = error_groups.find(con, group, NOW_MS)

    assert found is not None
    assert (found.status, found.resolved_ms, found.next_release) == ("open", None, 0)
    assert [event for event, *_ in history(con, group)] == ["resolved", "reopened"]
