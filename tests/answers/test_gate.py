"""What the merge gate gets to judge."""

from __future__ import annotations

from collections.abc import Callable

from perfctl.answers.gate import has_tests, read_live, read_runtime, read_tests
from perfctl.config import Config
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS, Filters
from tests.answers.conftest import Ask
from tests.segments import NOW_MS, request

READ = ["p", 0, "default", "SELECT * FROM item WHERE owner_id = ?"]
SITE = ["n", 0, 8, 400, "app/views.py:9 in page", "select_related('owner')"]
Record = Callable[..., None]


def test_requests_of_tests_come_with_their_statements(ask: Ask, record: Record) -> None:
    """By name, with the place of an N+1; live ones are others."""
    asked = request(NOW_MS - 5, test="t.py::a", queries=10, patterns=[[0, 10, 90, 9]],
                    findings=[SITE], caches=[["default", "item", 1, 2, 0, 9]])  # fmt: skip
    record([READ, asked], source="test")
    record([request(test="t.py::b")])
    question = ask(filters=Filters("test"))
    assert has_tests(question)
    (found,) = read_tests(question)
    assert (found.test, found.subject, found.queries) == ("t.py::a", "GET /items/", 10)
    assert (found.cache_hits, found.cache_misses, found.duration_us) == (1, 2, 12_000)
    repeated, other = found.uses
    assert (repeated.calls, repeated.call_site, repeated.detail) == (8, SITE[4], SITE[5])
    assert (other.calls, other.is_repeated, other.call_site) == (2, False, None)
    assert repeated.sql == other.sql == READ[3]
    assert repeated.pattern == other.pattern


def test_requests_come_in_the_order_of_their_runs(ask: Ask, record: Record) -> None:
    """Whatever a frozen clock says."""
    record([request(NOW_MS - 5, test="t", queries=1)], source="test", instance="a" * 12)
    record([request(NOW_MS - 500_000, test="t", queries=2)], source="test", instance="b" * 12)
    found = read_tests(ask(filters=Filters("test")))
    assert [item.queries for item in found] == [1, 2]
    assert len({item.process for item in found}) == 2


def test_probes_of_tests_are_left_out(ask: Ask, record: Record) -> None:
    """As from every comparison."""
    record([request(test="t", route="/healthz", flags=4)], source="test")
    assert read_tests(ask(filters=Filters("test"))) == []


def test_live_routes_have_their_numbers_and_stretches_of_time(ask: Ask, record: Record) -> None:
    """Answers that were errors have no part in the durations; routes without a pattern none at all."""
    record(
        [
            *(request(NOW_MS - i * MINUTE_MS, duration_us=10_000 + i) for i in range(1, 21)),
            request(NOW_MS - MINUTE_MS, status=500, flags=1, duration_us=900_000),
            request(NOW_MS - MINUTE_MS, route="(unmatched)", status=404),
            request(NOW_MS - MINUTE_MS, route="/healthz", flags=4),
            request(NOW_MS - MINUTE_MS, route="/poll/", flags=16),
        ]
    )
    found = read_live(ask(since_ms=HOUR_MS), Config())
    assert set(found.routes) == {"GET /items/", "GET /poll/"}
    route = found.routes["GET /items/"]
    assert (route.requests, route.watched_requests, route.queries_avg) == (21, 21, 2)
    assert route.error_rate == 1 / 21
    assert sum(sum(counts.values()) for counts in route.durations[2].values()) == 20
    assert (set(route.durations), len(route.durations[2])) == ({2}, 20)
    assert sum(n for n, _ in route.queries.values()) == 21
    poll = found.routes["GET /poll/"]
    assert (poll.p95_ms, poll.durations) == (None, {})


def test_stretches_are_cut_over_the_traffic_and_not_over_the_window(
    ask: Ask, record: Record
) -> None:
    """A day's window with half an hour in it has minutes; at most 48 stretches ever."""
    record([request(NOW_MS - i * MINUTE_MS) for i in range(1, 31)])
    route = read_live(ask(since_ms=DAY_MS), Config()).routes["GET /items/"]
    assert len(route.durations[2]) == 30
    record([request(NOW_MS - DAY_MS + HOUR_MS)])
    route = read_live(ask(since_ms=DAY_MS), Config()).routes["GET /items/"]
    assert len(route.durations[2]) <= 48


def test_older_windows_are_cut_by_hours(ask: Ask, record: Record) -> None:
    """Minutes are kept for two days."""
    record([request(NOW_MS - i * HOUR_MS) for i in range(1, 97)])
    route = read_live(ask(since_ms=4 * DAY_MS), Config()).routes["GET /items/"]
    assert sum(sum(counts.values()) for counts in route.durations[2].values()) == 96
    assert 40 <= len(route.durations[2]) <= 48


def test_live_n_plus_one_and_errors_come_along(ask: Ask, record: Record) -> None:
    """Of the window; known errors are all that were ever seen by its end."""
    error = ["e", NOW_MS - 900, "x", "GET", "/items/", 500, "KeyError", [["app/v.py", 3, "page"]],
             None, None]  # fmt: skip
    old = [*error]
    old[1], old[6] = NOW_MS - 2 * DAY_MS, "ValueError"
    asked = request(NOW_MS - 5, queries=8, patterns=[[0, 8, 90, 9]], findings=[SITE])
    record([READ, asked, error, old])
    found = read_live(ask(), Config())
    (repeat,) = found.routes["GET /items/"].repeats
    assert (repeat.calls, repeat.call_site) == (8, SITE[4])
    (seen,) = found.errors
    assert (seen.type, seen.location, seen.status) == ("KeyError", "app/v.py:3 in page", "open")
    assert len(found.known_errors) == 2


def test_a_live_n_plus_one_is_one_whatever_fixes_are_told_of_it(ask: Ask, record: Record) -> None:
    """A new fix for a known line is no new N+1; the costliest is shown."""
    other = [*SITE[:2], 5, 90_000, SITE[4], "select_related('c')"]
    record([READ, request(findings=[SITE]), request(findings=[other])])
    (repeat,) = read_live(ask(), Config()).routes["GET /items/"].repeats
    assert (repeat.calls, repeat.detail) == (round((SITE[2] + 5) / 2), "select_related('c')")


def test_the_runtime_is_what_the_feeders_said_last(ask: Ask, record: Record) -> None:
    """Two at once stand beside each other; other counters are none."""
    record([["c", "runtime:django=5.1.2", 1], ["c", "dropped:spool_full", 2]], source="test")
    record(
        [["c", "runtime:django=5.2.8", 1], ["c", "runtime:python=3.11.9", 1],
         ["c", "runtime:python=3.12.1", 1]],
        NOW_MS + 5, source="test",
    )  # fmt: skip
    assert read_runtime(ask()) == {"django": "5.2.8", "python": "3.11.9+3.12.1"}
