"""Query counts of a test run: exact, request by request, for each test and route.

What depends on the order of tests is left out: look-ups that Django keeps for the life of a process,
and statements that steer a transaction or a connection. So the same suite gives the same counts
shuffled, and spread over processes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from perfctl.answers.gate import ExactRequest, QueryUse
from perfctl.recording.fingerprint import Kind, kind_of

_QUOTE = r'["`\[\]]?'
_UP_TO_TABLE = (
    r"(?P<verb>SELECT|INSERT|UPDATE|DELETE)\b(?:(?!\b(?:FROM|INTO)\b).)*?\b"
    rf"(?:FROM|INTO|(?<=UPDATE)) {_QUOTE}(?:\w+{_QUOTE}\.{_QUOTE})?(?P<table>\w+)"
)
_MAIN_TABLE = re.compile(_UP_TO_TABLE, re.DOTALL | re.IGNORECASE)
_KEPT_BY_DJANGO = {"django_content_type", "django_site"}
_OF_THE_CONNECTION = re.compile(
    r"SELECT (?:(?:pg_catalog\.)?(?:set_config|version)\(|@@|\?$)", re.IGNORECASE
)


def depends_on_order(sql: str) -> bool:
    """Whether a statement comes or not as the tests before it have it."""
    if kind_of(sql) is Kind.CONTROL or _OF_THE_CONNECTION.match(sql):
        return True
    found = _MAIN_TABLE.match(sql)
    return found is not None and found["table"].lower() in _KEPT_BY_DJANGO


def shape_of(sql: str) -> str:
    """`SELECT items_tag`: what stays when a model gets a field, and with it each of its statements."""
    found = _MAIN_TABLE.match(sql)
    return f"{found['verb'].upper()} {found['table']}" if found else sql[:80]


_COLUMNS = re.compile(r"^(SELECT (?:DISTINCT )?)(?!COUNT\()(.+?)( FROM )", re.IGNORECASE)
_CONDITION = re.compile(r"\b(?:INNER |LEFT OUTER )?(JOIN \S+) ON \([^()]*\)")
_LONGEST = 120


def shorten(sql: str) -> str:
    """A statement in a sentence: without columns, quotes and the conditions of joins."""
    short = _CONDITION.sub(r"\1", _COLUMNS.sub(r"\1…\3", sql)).translate(_NO_QUOTES)
    return short if len(short) <= _LONGEST else f"{short[: _LONGEST - 1]}…"


_NO_QUOTES = str.maketrans("", "", '"`')


class Asked(NamedTuple):
    """How often one request asked the database, and how the cache answered it."""

    queries: int
    cache_hits: int = 0
    cache_misses: int = 0
    is_exact: bool = True
    """False where the record could not hold all statements."""


class Sighting(NamedTuple):
    """What an N+1 did at its worst in a test."""

    sql: str
    calls: int
    call_site: str | None
    detail: str | None


@dataclass(slots=True)
class RouteRun:
    """What the tests of one run asked of one route."""

    tests: dict[str, list[Asked]] = field(default_factory=dict)
    """The requests of each test, the ones with most queries first."""
    patterns: dict[str, int] = field(default_factory=dict)
    """The most calls of a request, by pattern."""
    repeats: dict[str, dict[str, Sighting]] = field(default_factory=dict)
    """The N+1 by shape and function, and in which tests; a baseline does not know the tests."""
    unwatched: int = 0
    """Requests whose queries were not recorded."""

    @property
    def most(self) -> int | None:
        """The most queries of a request."""
        counts = [asked.queries for requests in self.tests.values() for asked in requests]
        return max(counts, default=None)


Run = Mapping[str, RouteRun]
"""A test run by route: `GET /items/`."""


def tests_of(run: Run) -> set[str]:
    """The tests whose requests a run holds."""
    return {test for route in run.values() for test in route.tests}


def other_runner(base: Run, now: Run) -> str | None:
    """That another program ran the tests of the baseline, which names the same tests otherwise."""
    before, after = tests_of(base), tests_of(now)
    if before & after or not before:
        return None
    known = {_runner(test) for test in before}
    strange = sorted(test for test in after if _runner(test) not in known)
    if not strange:
        return None
    old = min(before)
    return (
        f"the baseline is of {_runner(old)} ({old}), this run of {_runner(strange[0])}"
        f" ({strange[0]}): none of its tests was met; keep a baseline of this runner"
    )


def _runner(test: str) -> str:
    """Who names a test so: `app/tests.py::A::test_x` or `app.tests.A.test_x`."""
    return "pytest" if "::" in test else "manage.py test"


def count_run(
    requests: Iterable[ExactRequest], left_out: Sequence[str] = ()
) -> tuple[Run, dict[str, str]]:
    """The counts of each test's latest run, and the statements of all patterns.

    `left_out` are globs of statements that the project knows to depend on the order of its tests.
    """
    run: dict[str, RouteRun] = {}
    statements: dict[str, str] = {}
    for request in latest(requests):
        route = run.setdefault(request.subject, RouteRun())
        if request.queries is None:
            route.unwatched += 1
            continue
        counted = [use for use in request.uses if not _is_left_out(use.sql, left_out)]
        statements.update((use.pattern, use.sql) for use in counted)
        route.tests.setdefault(request.test, []).append(_ask(request, counted))
        _note_patterns(route, request.test, counted)
    for route in run.values():
        for asked in route.tests.values():
            asked.sort(reverse=True)
    return run, statements


def latest(requests: Iterable[ExactRequest]) -> list[ExactRequest]:
    """Of each test the requests of the process that ran it last; they come in the order of runs."""
    found = list(requests)
    process_of = {request.test: request.process for request in found}
    return [request for request in found if process_of[request.test] == request.process]


def _is_left_out(sql: str, left_out: Sequence[str]) -> bool:
    return depends_on_order(sql) or any(fnmatchcase(sql, glob) for glob in left_out)


def _ask(request: ExactRequest, counted: Sequence[QueryUse]) -> Asked:
    """All queries less those left out: a feeder may give the number alone."""
    left_out = sum(use.calls for use in request.uses) - sum(use.calls for use in counted)
    return Asked(
        max(0, (request.queries or 0) - left_out),
        request.cache_hits,
        request.cache_misses,
        all(use.is_known for use in counted),
    )


def _note_patterns(route: RouteRun, test: str, counted: Sequence[QueryUse]) -> None:
    calls: dict[str, int] = {}
    for use in counted:
        calls[use.pattern] = calls.get(use.pattern, 0) + use.calls
        if use.is_repeated:
            _note_repeat(route, test, use)
    for pattern, n in calls.items():
        route.patterns[pattern] = max(n, route.patterns.get(pattern, 0))


def _note_repeat(route: RouteRun, test: str, use: QueryUse) -> None:
    seen = route.repeats.setdefault(name_repeat(use), {})
    before = seen.get(test)
    if before is None or use.calls > before.calls:
        seen[test] = Sighting(use.sql, use.calls, use.call_site, use.detail)


def name_repeat(use: QueryUse) -> str:
    """The shape and the function of an N+1, which stay while its columns and its line change."""
    return f"{shape_of(use.sql)} {function_of(use.call_site)}".rstrip()


def largest_repeats(uses: Iterable[QueryUse]) -> dict[str, QueryUse]:
    """Of the N+1 of each name the one with most calls."""
    return {name_repeat(use): use for use in sorted(uses, key=lambda use: use.calls)}


def function_of(call_site: str | None) -> str:
    """`items/views.py listing` of `items/views.py:33 in listing`: a line moves with edits above it."""
    place, _, function = (call_site or "").partition(" in ")
    file = re.sub(r":\d+$", "", place)
    return f"{file} {function}".strip()
