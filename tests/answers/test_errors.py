"""Groups of errors: counted, ordered, filtered, and one of them from all sides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfctl import triage
from perfctl.answers.errors import (
    Wanted,
    find_ids,
    has_open,
    list_errors,
    show_error,
    was_never_fed,
)
from perfctl.errors import NoDataError, UsageError
from perfctl.model import DAY_MS, HOUR_MS, Filters
from tests.answers.conftest import Ask
from tests.segments import NOW_MS, request

Record = Callable[..., None]
PAGE = [["manage.py", 1, "main"], ["app/views.py", 3, "page"]]


def error(at_ms: int = NOW_MS, kind: str = "KeyError", **changes: Any) -> list[Any]:
    """An error record; `changes` by the names of docs/spool-format.md."""
    fields: dict[str, Any] = {
        "tag": "e",
        "at_ms": at_ms,
        "request_id": None,
        "method": "GET",
        "route": "/items/",
        "status": 500,
        "type": kind,
        "frames": PAGE,
        "message": None,
        "agent": "Firefox 130",
        "user": None,
        "handled": False,
    }
    assert changes.keys() <= fields.keys()
    return list((fields | changes).values())


def test_a_group_says_how_often_and_where_it_occurred_last(ask: Ask, record: Record) -> None:
    """Count and users of the window, total of all time, route, agent and release of the last one."""
    record([error(NOW_MS - 2 * DAY_MS, user="1")], release="r1")
    record([error(NOW_MS - HOUR_MS, user=user) for user in ("1", "2", "2", None)], release="r1")
    record([error(route="/vault/", method="POST", agent="Chrome 131", status=502)], release="r2")

    found = list_errors(ask())

    (group,) = found.data["groups"]
    assert (group.count, group.total, group.users) == (5, 6, 2)
    assert group.context == ("/vault/", "POST", 502)
    assert (group.user_agent, group.release, group.first_release) == ("Chrome 131", "r2", "r1")
    assert (group.source, group.status) == ("live", "open")
    assert group.location == "app/views.py:3 in page"
    assert group.first_seen == "2025-11-22T16:00:00.000Z"
    assert group.last_seen == "2025-11-24T16:00:00.000Z"
    assert sum(group.trend) == 5
    assert found.coverage.samples == 5


def test_what_wants_somebody_comes_first(ask: Ask, record: Record, store: Path) -> None:
    """Then the most frequent one, though a resolved one may be more so."""
    for kind, count in (("AError", 1), ("BError", 3), ("CError", 9)):
        record([error(NOW_MS - i, kind) for i in range(count)])
    ids = {row.type: row.id for row in list_errors(ask()).data["groups"]}
    triage.resolve(ask(), store, [ids["CError"]], "ana")

    found = list_errors(ask())

    assert [row.type for row in found.data["groups"]] == ["BError", "AError", "CError"]
    assert has_open(found)
    only = list_errors(ask(), Wanted(statuses=["resolved"]))
    assert [row.type for row in only.data["groups"]] == ["CError"]
    assert not has_open(only)


def test_browser_errors_are_listed_and_those_of_tests_are_not(ask: Ask, record: Record) -> None:
    """Unless they are asked for; the same code in another source is another group."""
    record([error()])
    record([error(method=None, route=None, status=None)], source="frontend")
    record([error()], source="test")

    assert {row.source for row in list_errors(ask()).data["groups"]} == {"frontend", "live"}
    for source in ("live", "frontend", "test"):
        (row,) = list_errors(ask(), Wanted(source=source)).data["groups"]
        assert row.source == source


def test_filters(ask: Ask, record: Record) -> None:
    """By route, host, release, and by whether it is new; counts follow."""
    record([error(), error(route="/vault/"), error(route="/vault/")], host="web1", release="r1")
    record([error()], host="web2", release="r2")
    record([error(NOW_MS - DAY_MS - 1, "OldError"), error(kind="OldError")], host="web3")

    def counts(wanted: Wanted, filters: Filters | None = None) -> dict[str, int]:
        rows = list_errors(ask(filters=filters), wanted).data["groups"]
        return {row.type: row.count for row in rows}

    assert counts(Wanted()) == {"KeyError": 4, "OldError": 1}
    assert counts(Wanted(route="/vault/")) == {"KeyError": 2}
    assert counts(Wanted(is_new=True)) == {"KeyError": 4}
    assert counts(Wanted(), Filters(host="web2")) == {"KeyError": 1}
    assert counts(Wanted(), Filters(release="r2")) == {"KeyError": 1}


def test_no_errors_is_an_answer_where_requests_are_recorded(ask: Ask, record: Record) -> None:
    """They were looked for; a store that was never fed cannot tell."""
    assert was_never_fed(ask())
    record([request()])
    assert not was_never_fed(ask())
    assert list_errors(ask()).data == {"groups": []}


def test_one_group_from_all_sides(ask: Ask, record: Record, store: Path) -> None:
    """Frames, shares, the requests that failed, and what was said."""
    record(
        [
            request(NOW_MS - 5, request_id="abc", status=500, duration_us=7_000, queries=3),
            error(NOW_MS - 1, request_id="abc", user="7"),
            error(NOW_MS - 2, request_id="gone", agent="Chrome 131", route="/vault/"),
        ]
    )
    triage.resolve(ask(), store, [list_errors(ask()).data["groups"][0].id], "ana", "in 1.4.3")

    detail = show_error(ask(), list_errors(ask()).data["groups"][0].id[:3]).data

    assert [(f.file, f.line, f.function) for f in detail.frames] == [tuple(f) for f in PAGE]
    assert [(row.name, row.count) for row in detail.user_agents] == [
        ("Chrome 131", 1),
        ("Firefox 130", 1),
    ]
    assert [row.name for row in detail.routes] == ["GET /items/", "GET /vault/"]
    assert [(row.name, row.count, row.users) for row in detail.releases] == [("r1", 2, 1)]
    newest, older = detail.occurrences
    assert (newest.request_id, newest.duration_ms, newest.queries) == ("abc", 7.0, 3)
    assert (older.request_id, older.duration_ms, older.queries) == ("gone", None, None)
    assert sum(piece.count for piece in detail.timeline) == 2
    assert [(e.event, e.actor, e.note) for e in detail.history] == [("resolved", "ana", "in 1.4.3")]


def test_shown_groups_keep_to_their_own_occurrences(ask: Ask, record: Record) -> None:
    """Another group's, and those before the window, are not counted."""
    record([error(NOW_MS - 2 * DAY_MS), error(), error(kind="OtherError")])
    ids = {row.type: row.id for row in list_errors(ask()).data["groups"]}

    detail = show_error(ask(), ids["KeyError"]).data

    assert (detail.group.count, detail.group.total, len(detail.occurrences)) == (1, 2, 1)


def test_a_whole_life_begins_with_the_group(ask: Ask, record: Record) -> None:
    """And is at least an hour, so that a slice is more than a moment."""
    record([error(NOW_MS - 2 * DAY_MS), error(kind="NewError")])
    ids = {row.type: row.id for row in list_errors(ask(3 * DAY_MS)).data["groups"]}

    old = show_error(ask(90 * DAY_MS), ids["KeyError"], whole_life=True)
    new = show_error(ask(90 * DAY_MS), ids["NewError"], whole_life=True)

    assert old.window is not None
    assert old.window.since_ms == NOW_MS - 2 * DAY_MS
    assert new.window is not None
    assert new.window.length_ms == HOUR_MS


def test_ids_are_found_by_their_begin(ask: Ask, record: Record) -> None:
    """Twice the same is one; in the order in which they were said."""
    record([error(kind=f"Error{i}") for i in range(40)])
    ids = [row.id for row in list_errors(ask()).data["groups"]]

    assert find_ids(ask().con, [ids[1].upper(), ids[0][:9], ids[1]]) == [ids[1], ids[0]]
    with pytest.raises(UsageError, match="begins") as caught:
        find_ids(ask().con, [_shared_begin(ids)])
    assert "Error" in (caught.value.hint or "")


@pytest.mark.parametrize("said", ["", "zz", "000000000000", "keyerr", "%", "\x1b[2J"])
def test_an_unknown_id_names_the_nearest(ask: Ask, record: Record, said: str) -> None:
    """Whatever was said; a type's name finds its groups."""
    record([error()])
    (group,) = list_errors(ask()).data["groups"]

    with pytest.raises(UsageError) as caught:
        find_ids(ask().con, [said])

    assert caught.value.hint == f"did you mean {group.id} (KeyError)?"


def test_ids_of_a_store_that_was_never_fed_cannot_be_told(ask: Ask) -> None:
    """Exit 3, not 2."""
    with pytest.raises(NoDataError):
        find_ids(ask().con, ["3f2a"])


def _shared_begin(ids: list[str]) -> str:
    """A digit with which several ids begin: there are 40 of them and 16 digits."""
    first = [group_id[0] for group_id in ids]
    return max(first, key=first.count)
