"""Budgets: what the configuration says, and what it makes of a measurement."""

from __future__ import annotations

from typing import Any

import pytest

from perfctl import config
from perfctl.answers.gate import Live, LiveRoute, QueryUse
from perfctl.errors import ConfigError
from perfctl.gate.budgets import Budget, Budgets, judge_live, judge_run, parse
from perfctl.gate.counts import Asked, RouteRun, Sighting
from perfctl.gate.verdict import Check, Lack, Status
from perfctl.model import Window


def budgets(data: dict[str, Any] | None = None, **more: Any) -> Budgets:
    """The budgets of a configuration."""
    return parse(config.parse({"budgets": data or {}, **more}), "perfctl.toml")


def by_name(checks: Any) -> dict[str, Check]:
    """Each check once."""
    return {check.name: check for check in checks}


def test_the_thresholds_are_the_budgets_unless_others_are_set() -> None:
    """Of all routes, and of those that have their own."""
    found = budgets(routes={"/export/": {"queries": {"threshold": 200}}})
    assert found.of("GET /items/") == Budget(50, 1000, 0.05, None)
    assert found.of("GET /export/").queries == 200


def test_a_budget_goes_before_a_threshold_and_a_routes_before_all() -> None:
    """Of several globs that match, the later decides."""
    found = budgets(
        {
            "queries": 30,
            "n_plus_one": 0,
            "/api/*": {"queries": 10},
            "POST /api/items/": {"queries": 12, "request_ms": 300},
        },
        routes={"/api/*": {"queries": {"target": 5, "threshold": 90}}},
    )
    assert found.of("GET /items/") == Budget(30, 1000, 0.05, 0)
    assert found.of("GET /api/items/").queries == 10
    assert found.of("POST /api/items/") == Budget(12, 300, 0.05, 0)


@pytest.mark.parametrize(
    ("data", "said", "hint"),
    [
        ({"querys": 3}, "budgets.querys: unknown name", "did you mean queries?"),
        ({"/items/": {"querys": 3}}, 'budgets."/items/".querys', "did you mean queries?"),
        ({"/items/": 3}, 'budgets."/items/": unknown name', "[tool.perfctl.budgets."),
        ({"queries": {"threshold": 3}}, "budgets.queries: is no route", "did you mean queries?"),
        ({"queries": -1}, "must not be negative", None),
        ({"queries": True}, "must be a number", None),
        ({"error_rate": 5}, "is a share from 0 to 1", "80 % is written 0.8"),
        ({"ignore_queries": "x"}, "must be a list of texts", None),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest_right(
    data: dict[str, Any], said: str, hint: str | None
) -> None:
    """File, place and remedy."""
    with pytest.raises(ConfigError) as caught:
        budgets(data)
    assert caught.value.message.startswith("perfctl.toml: ")
    assert said in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


def test_statements_to_leave_out_are_read() -> None:
    """As they are."""
    assert budgets({"ignore_queries": ["*waffle*"]}).ignore_queries == ("*waffle*",)


def test_a_test_run_is_held_to_the_queries_of_its_largest_request() -> None:
    """The test that made it is named, and the place of an N+1."""
    seen = {"SELECT t f.py g": {"b": Sighting("SELECT a FROM t", 9, "f.py:3 in g", None)}}
    run = {"GET /a/": RouteRun(tests={"a": [Asked(3)], "b": [Asked(11), Asked(2)]}, repeats=seen)}
    check = by_name(judge_run(run, budgets({"queries": 10})))["budget_queries"]
    assert (check.status, check.value, check.limit) == (Status.FAIL, 11, 10)
    assert (check.evidence, check.call_site) == ("in b", "f.py:3 in g")
    assert by_name(judge_run(run, budgets({"queries": 11})))["budget_queries"].status == "pass"


def test_n_plus_one_has_a_limit_only_where_one_is_set() -> None:
    """Places, not calls."""
    seen = {"SELECT t f.py g": {"a": Sighting("SELECT a FROM t", 9, "f.py:3 in g", None)}}
    run = {"GET /a/": RouteRun(tests={"a": [Asked(9)]}, repeats=seen)}
    assert "budget_n_plus_one" not in by_name(judge_run(run, budgets()))
    check = by_name(judge_run(run, budgets({"n_plus_one": 0})))["budget_n_plus_one"]
    assert (check.status, check.value, check.call_site) == (Status.FAIL, 1, "f.py:3 in g")
    said = "SELECT … FROM t once a row, ×9 at f.py:3 in g (in a)"
    assert check.evidence == f"GET /a/ asks {said}"
    check = by_name(judge_run(run, budgets({"n_plus_one": 1})))["budget_n_plus_one"]
    assert (check.status, check.evidence) == ("pass", f"GET /a/ asks {said}")


def test_of_many_n_plus_one_the_largest_are_named() -> None:
    """Each with its statement and place; a place that is not known is not made up."""
    seen = {
        f"SELECT t{n} f.py g": {
            "a": Sighting(f"SELECT a FROM t{n}", n, f"f.py:{n} in g" if n != 8 else None, None),
            "b": Sighting(f"SELECT a FROM t{n}", n - 1, f"f.py:{n} in g", None),
        }
        for n in range(5, 10)
    }
    run = {"GET /a/": RouteRun(tests={"a": [Asked(35)]}, repeats=seen)}
    check = by_name(judge_run(run, budgets({"n_plus_one": 2})))["budget_n_plus_one"]
    assert check.call_site == "f.py:9 in g"
    assert check.evidence == (
        "GET /a/ asks SELECT … FROM t9 once a row, ×9 at f.py:9 in g (in a)"
        "; SELECT … FROM t8 once a row, ×8 (in a)"
        "; SELECT … FROM t7 once a row, ×7 at f.py:7 in g (in a); and 2 more"
    )


def test_unwatched_queries_cannot_be_told() -> None:
    """Not even by a larger sample."""
    check = by_name(judge_run({"GET /a/": RouteRun(unwatched=2)}, budgets()))["budget_queries"]
    assert (check.status, check.lacks) == (Status.INCONCLUSIVE, Lack.RECORDS)


def live(requests: int, **changes: Any) -> Live:
    """One route in live traffic."""
    route = LiveRoute(requests, 0.0, 100.0, 3.0, requests, {}, {}, ())._replace(**changes)
    return Live(Window(0, 1), {"GET /a/": route}, (), {})


def test_live_traffic_is_held_to_mean_rate_and_p95() -> None:
    """Each against its own limit."""
    found = by_name(
        judge_live(live(100, error_rate=0.06, p95_ms=1200.0, queries_avg=51.0), budgets())
    )
    assert {name: check.status.value for name, check in found.items()} == {
        "budget_error_rate": "fail",
        "budget_queries": "fail",
        "budget_request_ms": "fail",
    }
    assert all(check.status == "pass" for check in judge_live(live(100), budgets()))


def test_numbers_of_requests_are_written_as_everywhere() -> None:
    """With a comma, as the headline has them."""
    found = list(judge_live(live(2892), budgets()))
    assert {check.evidence for check in found} == {"2,892 requests"}


def test_few_live_requests_are_too_few_and_say_so() -> None:
    """20 for a rate or a mean, 50 for a p95; a larger sample is all that is lacking."""
    found = by_name(judge_live(live(30, error_rate=0.9), budgets()))
    assert found["budget_error_rate"].status is Status.FAIL
    check = found["budget_request_ms"]
    assert (check.status, check.lacks) == (Status.INCONCLUSIVE, Lack.SAMPLE)
    assert check.evidence == "needs 50 requests, has 30: 20 missing"
    assert {c.lacks for c in judge_live(live(19), budgets())} == {Lack.SAMPLE}


def test_what_live_traffic_does_not_have_is_not_judged() -> None:
    """Long polls have no p95, unwatched connections no queries."""
    found = by_name(judge_live(live(100, p95_ms=None, queries_avg=None), budgets()))
    assert set(found) == {"budget_error_rate"}


def test_n_plus_one_of_live_traffic_has_a_limit_where_one_is_set() -> None:
    """The largest is named."""
    repeat = QueryUse("p", "SELECT a FROM t", 40, True, "f.py:3 in g", None, True)
    found = by_name(judge_live(live(100, repeats=(repeat,)), budgets({"n_plus_one": 0})))
    check = found["budget_n_plus_one"]
    assert (check.status, check.call_site) == (Status.FAIL, "f.py:3 in g")
    assert check.evidence == "GET /a/ asks SELECT … FROM t once a row, ×40 at f.py:3 in g"
    moved = repeat._replace(call_site="f.py:9 in g", pattern="q")
    assert (
        by_name(judge_live(live(100, repeats=(repeat, moved)), budgets({"n_plus_one": 0})))[
            "budget_n_plus_one"
        ].value
        == 1
    )  # one function that asks for one table: as a test run and a baseline count it
