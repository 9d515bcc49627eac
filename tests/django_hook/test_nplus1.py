"""Which views have an N+1, where it is, and what to do about it."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from django.db import transaction

from tests.django_hook.nplus1app import clean, repeating
from tests.django_hook.recorded import DATABASE, HOOK, Recorded, Request

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
OWN_FUNCTIONS = [
    f for f in vars(repeating).values() if inspect.isfunction(f) and f not in repeating.VIEWS
]


def visit(recorded: Recorded, path: str, *, is_async: bool) -> Request:
    """Ask for a view, and take back what it changes."""
    if is_async:
        assert recorded.get_async(path).status_code == 200
    else:
        with transaction.atomic():
            assert recorded.get(path).status_code == 200
            transaction.set_rollback(True)
    return recorded.only


def marked_place(view: Any) -> str:
    """`file:line in function` of the marked line in the view, or in the helper that it calls."""
    named = getattr(view, "asks_in", None)
    if named is not None:
        return str(named)
    called = [view, *(f for f in OWN_FUNCTIONS if f.__name__ in view.__code__.co_names)]
    nested = [c for c in view.__code__.co_consts if inspect.iscode(c)]
    called += [f for f in OWN_FUNCTIONS for c in nested if f.__name__ in c.co_names]
    for function in called:
        lines, start = inspect.getsourcelines(function)
        for number, line in enumerate(lines, start):
            if "# N+1" in line:
                name = function.__name__
                inner = re.search(r"\n    (?:async )?def (\w+)", "".join(lines))
                if inner is not None:
                    name += f".{inner[1]}"
                return f"{repeating.HERE}:{number} in {name}"
    raise AssertionError(f"{view.__name__} has no marked line")


@pytest.mark.parametrize("view", repeating.VIEWS, ids=lambda view: view.__name__)
def test_n_plus_one_is_found_with_its_place(recorded: Recorded, view: Any) -> None:
    """An N+1 of each kind is found at the line that asks, with what its docstring advises."""
    is_async = inspect.iscoroutinefunction(view)
    request = visit(recorded, f"/repeating/{view.__name__}/", is_async=is_async)
    places = {finding.place for finding in request.n_plus_one}
    assert marked_place(view) in places
    kind, colon, advice = view.__doc__.rpartition(": ")
    if colon and kind != "async":
        assert any(advice in (finding.detail or "") for finding in request.n_plus_one)


@pytest.mark.parametrize("view", clean.VIEWS, ids=lambda view: view.__name__)
def test_what_only_looks_like_one_is_left_quiet(recorded: Recorded, view: Any) -> None:
    """No N+1 is told of a view that has none."""
    recorded.use(MIDDLEWARE=[*HOOK, SESSIONS])
    is_async = inspect.iscoroutinefunction(view)
    request = visit(recorded, f"/clean/{view.__name__}/", is_async=is_async)
    assert request.n_plus_one == []
    assert request.queries


def test_calls_and_cost_of_a_finding(recorded: Recorded) -> None:
    """A finding tells how often and how long its line asked."""
    request = visit(recorded, "/repeating/foreign_key/", is_async=False)
    (finding,) = request.n_plus_one
    assert finding.calls == 12
    assert 0 < finding.total_us <= (request.db_us or 0)
    assert request.queries == 13
    assert 'FROM "library_author"' in finding.sql


def test_one_line_is_one_finding(recorded: Recorded) -> None:
    """CPython changes how it calls after a few rounds; the calls of a line stay together."""
    visit(recorded, "/repeating/reverse_foreign_key/", is_async=False)
    assert [finding.calls for finding in recorded.only.n_plus_one] == [12]


def test_a_finding_tells_what_to_fetch_along(recorded: Recorded) -> None:
    """The relation is named so that it can be pasted."""
    visit(recorded, "/repeating/foreign_key/", is_async=False)
    assert recorded.only.n_plus_one[0].detail == "select_related('author') on Book"


def test_each_relation_of_a_chain_is_named_from_the_rows(recorded: Recorded) -> None:
    """Of `loan.book.author` what to fetch along with the loans: both can be pasted."""
    visit(recorded, "/repeating/two_foreign_keys/", is_async=False)
    details = {
        finding.sql.split(" FROM ")[1]: finding.detail for finding in recorded.only.n_plus_one
    }
    assert details == {
        '"library_book" WHERE "library_book"."id" = ? LIMIT ?': "select_related('book') on Loan",
        '"library_author" WHERE "library_author"."id" = ? LIMIT ?': "select_related('book__author') on Loan",
    }


def test_each_request_is_judged_by_itself(recorded: Recorded) -> None:
    """What was found in one request is found in the next, and in its own numbers."""
    for _ in range(3):
        recorded.get("/repeating/get/")
    assert [len(request.n_plus_one) for request in recorded.requests] == [1, 1, 1]
    assert {request.n_plus_one[0].calls for request in recorded.requests} == {12}


def test_two_loops_are_two_findings(recorded: Recorded) -> None:
    """The same statement in two loops is found in both, each with its own calls."""
    visit(recorded, "/repeating/interleaved/", is_async=False)
    assert len(recorded.only.n_plus_one) == 2
    assert {finding.calls for finding in recorded.only.n_plus_one} == {12}


def test_repeated_statement_is_a_duplicate(recorded: Recorded) -> None:
    """The same parameters again are a duplicate: with the first, all its calls."""
    visit(recorded, "/clean/retry/", is_async=False)
    (duplicate,) = recorded.only.duplicates
    assert duplicate.calls == 3
    assert duplicate.place is not None
    assert duplicate.place.startswith("nplus1app/clean.py:")
    assert "DUPLICATES" in str(recorded.only.flags.name)


@pytest.mark.parametrize(
    "entry",
    [
        "/repeating/foreign_key/",
        "/repeating/*",
        "nplus1app/repeating.py",
        'SELECT "library_author"."id", "library_author"."name" FROM',
    ],
)
def test_known_findings_are_suppressed_and_counted(recorded: Recorded, entry: str) -> None:
    """A finding can be silenced by route, file or statement, and each time is counted."""
    recorded.use(PERFCTL={"N_PLUS_ONE_IGNORE": [entry, "/unused/"]})
    visit(recorded, "/repeating/foreign_key/", is_async=False)
    assert recorded.only.n_plus_one == []
    assert recorded.counters == {
        f"n_plus_one_ignore:{entry}": 1,
        "n_plus_one_ignore:/unused/": 0,
    }


def test_known_finding_is_suppressed_by_its_line(recorded: Recorded) -> None:
    """A finding can be silenced at its line, which leaves other lines alone."""
    view = repeating.foreign_key
    line = marked_place(view).partition(" in ")[0]
    recorded.use(PERFCTL={"N_PLUS_ONE_IGNORE": [line]})
    recorded.get("/repeating/foreign_key/")
    recorded.get("/repeating/get/")
    assert [len(request.n_plus_one) for request in recorded.requests] == [0, 1]


def test_database_middleware_alone_finds_them(recorded: Recorded) -> None:
    """The database middleware needs none of the others."""
    recorded.use(MIDDLEWARE=[DATABASE])
    request = visit(recorded, "/repeating/foreign_key/", is_async=False)
    assert len(request.n_plus_one) == 1
    assert request.rss_kib is None
