"""A test run against that of the baseline."""

from __future__ import annotations

from perfctl.gate.counts import Asked, RouteRun, Sighting
from perfctl.gate.exact import Growth, compare_requests, compare_runs
from perfctl.gate.verdict import Check, Lack, Status

ROUTE = "GET /items/"


def run(tests: dict[str, list[int]], **changes: object) -> dict[str, RouteRun]:
    """One route with the counts of each test."""
    counts = {test: [Asked(n) for n in sorted(ns, reverse=True)] for test, ns in tests.items()}
    return {ROUTE: RouteRun(tests=counts, **changes)}


def checks(base: dict[str, RouteRun], now: dict[str, RouteRun]) -> dict[str, Check]:
    """By name, where each comes once."""
    found = list(compare_runs(base, now, {"p1": "SELECT a FROM b"}))
    assert len({check.name for check in found}) == len(found)
    return {check.name: check for check in found}


def test_one_query_more_in_one_test_fails() -> None:
    """The worst test is named, the others are counted, the statements that grew are there."""
    base = run({"a": [5, 2], "b": [5], "c": [1]}, patterns={"p1": 1, "p2": 3})
    now = run({"a": [6, 2], "b": [9], "c": [1]}, patterns={"p1": 5, "p2": 3})
    check = checks(base, now)["queries"]
    assert (check.status, check.value, check.baseline) == (Status.FAIL, 9, 5)
    assert check.evidence == "in b and 1 test more; +4 SELECT … FROM b"


def test_one_test_asks_and_two_ask() -> None:
    """Numbers agree with their verbs."""
    check = checks(run({"a": [5]}), run({"a": [5]}))["queries"]
    assert check.evidence == "1 test asks no more than before"


def test_growth_below_the_largest_request_is_seen() -> None:
    """Each request is held against its counterpart."""
    assert compare_requests("a", [Asked(9), Asked(2)], [Asked(9), Asked(3)], 9) == Growth("a", 2, 3)


def test_fewer_queries_pass() -> None:
    """Less is not more."""
    check = checks(run({"a": [5], "b": [3]}), run({"a": [4], "b": [3]}))["queries"]
    assert (check.status, check.evidence) == (Status.PASS, "2 tests ask no more than before")


def test_a_request_more_is_none_of_the_others() -> None:
    """A shared fixture's request falls to another test in another order; an N+1 is seen all the same."""
    before, most = [Asked(5)], 8
    assert compare_requests("a", before, [Asked(8), Asked(5)], most) is None
    assert compare_requests("a", before, [Asked(9), Asked(5)], most) == Growth("a", 5, 9)
    assert compare_requests("a", [Asked(8), Asked(5)], [Asked(5)], most) is None


def test_a_cold_cache_explains_more_queries() -> None:
    """Not compared, and said why; another test decides."""
    warm, cold = [Asked(2, 1, 0)], [Asked(3, 0, 1)]
    said = compare_requests("a", warm, cold, 2)
    assert isinstance(said, str)
    assert "the cache was cold" in said
    base = {ROUTE: RouteRun(tests={"a": warm, "b": [Asked(2)]})}
    now = {ROUTE: RouteRun(tests={"a": cold, "b": [Asked(2)]})}
    assert checks(base, now)["queries"].status is Status.PASS
    alone = checks({ROUTE: RouteRun(tests={"a": warm})}, {ROUTE: RouteRun(tests={"a": cold})})
    assert alone["queries"].lacks is Lack.RECORDS


def test_a_cold_cache_that_costs_no_more_than_elsewhere_is_fine() -> None:
    """The baseline has a test that paid for it too."""
    assert compare_requests("a", [Asked(2, 1, 0)], [Asked(3, 0, 1)], 3) is None
    grown = compare_requests("a", [Asked(2, 1, 0)], [Asked(3, 1, 0)], 3)
    assert grown == Growth("a", 2, 3)


def test_a_certain_growth_counts_beside_an_uncertain_one() -> None:
    """Also where the uncertain one is larger."""
    before = [Asked(9, 1, 0), Asked(2)]
    now = [Asked(12, 0, 1), Asked(3)]
    assert compare_requests("a", before, now, 9) == Growth("a", 2, 3)


def test_look_ups_that_the_cache_never_answered_explain_nothing() -> None:
    """A look-up a row, each missed, is the code's own doing."""
    assert compare_requests("a", [Asked(2, 1, 0)], [Asked(27, 1, 25)], 2) == Growth("a", 2, 27)


def test_counts_that_are_not_exact_cannot_be_told() -> None:
    """Unless they are no larger."""
    whole, cut = [Asked(300)], [Asked(310, is_exact=False)]
    assert isinstance(compare_requests("a", whole, cut, 300), str)
    assert compare_requests("a", cut, [Asked(310)], 310) is None


def test_no_test_in_both_runs_cannot_be_told() -> None:
    """Renamed tests compare nothing, and that is no pass."""
    check = checks(run({"old": [5]}), run({"new": [5]}))["queries"]
    assert (check.status, check.lacks) == (Status.INCONCLUSIVE, Lack.RECORDS)
    assert check.evidence == "the only test of the baseline that requests it did not do so now"
    check = checks(run({"old": [5], "older": [5]}), run({"new": [5]}))["queries"]
    assert check.evidence == "none of the 2 tests of the baseline that request it did so now"


def test_a_new_route_is_skipped() -> None:
    """There is nothing to compare with."""
    check = checks({}, run({"a": [5]}))["queries"]
    assert (check.status, check.value) == (Status.SKIPPED, 5)


def test_a_route_that_was_not_requested_cannot_be_told() -> None:
    """Those without a pattern of their own may stay away."""
    check = checks(run({"a": [5]}), {})["exercised"]
    assert (check.status, check.lacks) == (Status.INCONCLUSIVE, Lack.RECORDS)
    unmatched = {"GET (unmatched)": RouteRun(tests={"a": [Asked(0)]})}
    assert checks(unmatched, {})["exercised"].status is Status.SKIPPED


def test_queries_that_were_not_recorded_cannot_be_told() -> None:
    """The middleware is missing now: that is no pass."""
    check = checks(run({"a": [5]}), {ROUTE: RouteRun(unwatched=3)})["queries"]
    assert check.lacks is Lack.RECORDS
    assert "DatabaseQueryMonitoringMiddleware" in check.evidence


def repeats(*tests: str, key: str = "SELECT t f.py g", calls: int = 9) -> dict[str, object]:
    """An N+1 seen in these tests."""
    seen = {test: Sighting("SELECT a FROM t", calls, "f.py:3 in g", "hint") for test in tests}
    return {"repeats": {key: seen}}


def test_a_new_n_plus_one_fails_with_its_place() -> None:
    """In a test of both runs."""
    check = checks(run({"a": [9]}), run({"a": [9]}, **repeats("a", "new")))["n_plus_one"]
    assert (check.status, check.value, check.call_site) == (Status.FAIL, 9, "f.py:3 in g")
    assert check.evidence == "SELECT … FROM t ×9 in a → hint"


def test_a_known_n_plus_one_passes() -> None:
    """Whichever test shows it."""
    base = run({"a": [9]}, repeats={"SELECT t f.py g": {}})
    check = checks(base, run({"a": [9], "b": [3]}, **repeats("b")))["n_plus_one"]
    assert (check.status, check.evidence) == (Status.PASS, "all known")


def test_an_n_plus_one_in_new_tests_alone_may_be_old() -> None:
    """It is shown and does not fail."""
    check = checks(run({"a": [9]}), run({"a": [9], "b": [9]}, **repeats("b")))["n_plus_one"]
    assert check.status is Status.SKIPPED
    assert check.evidence.startswith("only in new tests")
