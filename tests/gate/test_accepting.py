"""Findings taken into a baseline."""

from __future__ import annotations

from typing import Any

from perfctl.config import Config
from perfctl.gate import accepting
from perfctl.gate.baseline import Baseline, Environment
from perfctl.gate.budgets import Budgets
from perfctl.gate.counts import Asked, RouteRun
from perfctl.gate.judge import judge
from perfctl.gate.live import sample_live
from perfctl.gate.measured import Measured
from perfctl.gate.verdict import Check, Status
from tests.gate.test_latency import traffic
from tests.gate.test_live import REPEAT, error, live

SAID = {"by": "ann", "at": "2026-11-24T12:00:00.000Z", "reason": "because"}


def base_of(now: Measured) -> Baseline:
    """A baseline of that measurement."""
    return Baseline(now.source, "", "", None, Environment(), now.requests, now.run, {}, now.sample)


def run(routes: dict[str, dict[str, int]]) -> Measured:
    """A test run with one request of each test."""
    made = {
        subject: RouteRun(tests={test: [Asked(n)] for test, n in tests.items()})
        for subject, tests in routes.items()
    }
    return Measured("test", None, len(routes), made)


def judged(now: Measured, base: Baseline) -> list[Check]:
    """All checks."""
    return judge(now, Budgets(Config()), base, margin=0.1, with_latency=False)


def open_findings(checks: list[Check]) -> list[tuple[str, str]]:
    """What does not pass."""
    return [(c.name, c.subject) for c in checks if c.status not in (Status.PASS, Status.SKIPPED)]


def accepted(base: Baseline, now: Measured) -> Baseline:
    """The baseline with all that was found."""
    return accepting.accept(base, judged(now, base), now, **SAID)


def test_accepted_counts_are_the_measure_and_others_stay() -> None:
    """A second look finds nothing, growth beyond it fails again."""
    base = base_of(run({"GET /a/": {"t": 3, "u": 9}, "GET /b/": {"t": 1}}))
    now = run({"GET /a/": {"t": 5}, "GET /b/": {"t": 1}})
    after = accepted(base, now)
    assert open_findings(judged(now, after)) == []
    assert after.run["GET /a/"].tests == {"t": [Asked(5)], "u": [Asked(9)]}
    assert after.run["GET /b/"] == base.run["GET /b/"]
    worse = run({"GET /a/": {"t": 6}, "GET /b/": {"t": 1}})
    assert open_findings(judged(worse, after)) == [("queries", "GET /a/")]
    (entry,) = after.accepted
    assert (entry.check, entry.subject, entry.value, entry.by, entry.reason) == (
        "queries", "GET /a/", 5, "ann", "because",
    )  # fmt: skip


def test_a_route_that_is_gone_leaves_the_baseline() -> None:
    """Where the other tests ran."""
    base = base_of(run({"GET /a/": {"t": 3, "u": 3}, "GET /gone/": {"v": 3}}))
    now = run({"GET /a/": {"t": 3, "u": 3}})
    assert open_findings(judged(now, base)) == [("exercised", "GET /gone/")]
    assert "GET /gone/" not in accepted(base, now).run


def test_a_part_of_the_suite_does_not_empty_the_baseline() -> None:
    """One test with --bless must not drop what the others cover."""
    base = base_of(run({"GET /a/": {"t": 3}, "GET /b/": {"u": 3}, "GET /c/": {"v": 3}}))
    now = run({"GET /a/": {"t": 4}})
    after = accepted(base, now)
    assert set(after.run) == set(base.run)
    assert [entry.check for entry in after.accepted] == ["queries"]


def test_renamed_tests_are_taken_in_beside_the_old_ones() -> None:
    """The route can be compared from then on."""
    base = base_of(run({"GET /a/": {"old": 3}, "GET /b/": {"t": 1, "u": 1}}))
    now = run({"GET /a/": {"new": 3}, "GET /b/": {"t": 1, "u": 1}})
    assert open_findings(judged(now, base)) == [("queries", "GET /a/")]
    after = accepted(base, now)
    assert open_findings(judged(now, after)) == []


def test_a_budget_is_forgiven_as_far_as_it_was_accepted() -> None:
    """With who and why as the evidence."""
    now = run({"GET /a/": {"t": 60}})
    base = base_of(now)
    assert open_findings(judged(now, base)) == [("budget_queries", "GET /a/")]
    after = accepted(base, now)
    checks = judged(now, after)
    assert open_findings(checks) == []
    assert "accepted by ann on 2026-11-24: because" in {check.evidence for check in checks}
    worse = run({"GET /a/": {"t": 61}})
    assert ("budget_queries", "GET /a/") in open_findings(judged(worse, after))


def measured(**changes: Any) -> Measured:
    """Live traffic."""
    found = live(**{"durations": traffic(2, each=150), **changes})
    return Measured("live", None, 1, live=found, sample=sample_live(found))


def test_live_findings_are_taken_in_one_by_one() -> None:
    """A slower route, an N+1, an error, a route that is gone."""
    base = base_of(measured(durations=traffic(1, each=150)))
    durations = traffic(2, each=150, slower={3: 1.6})
    del durations["GET /5/"]
    now = measured(durations=durations, repeats={"GET /1/": (REPEAT,)}, errors=(error("new"),))
    assert set(open_findings(judged(now, base))) == {
        ("latency", "GET /3/"), ("n_plus_one", "GET /1/"), ("new_errors", "new"),
        ("exercised", "GET /5/"),
    }  # fmt: skip
    after = accepted(base, now)
    assert open_findings(judged(now, after)) == []
    assert after.live is not None
    assert base.live is not None
    assert after.live.routes["GET /7/"] == base.live.routes["GET /7/"]


def test_an_accepted_shift_moves_the_whole_baseline() -> None:
    """Slower than that fails again, and so does a route that is slower than the others."""
    base = base_of(measured(durations=traffic(1, each=150)))
    all_slower = dict.fromkeys(range(10), 1.6)
    now = measured(durations=traffic(2, each=150, slower=all_slower))
    assert open_findings(judged(now, base)) == [("global_shift", "all routes")]
    after = accepted(base, now)
    assert open_findings(judged(now, after)) == []
    worse = measured(durations=traffic(3, each=150, slower=dict.fromkeys(range(10), 2.4)))
    assert open_findings(judged(worse, after)) == [("global_shift", "all routes")]
    one = measured(durations=traffic(3, each=150, slower={**all_slower, 3: 2.4}))
    assert open_findings(judged(one, after)) == [("latency", "GET /3/")]


def test_a_small_sample_is_nothing_to_accept() -> None:
    """It stays what it is."""
    base = base_of(measured(durations=traffic(1, each=3)))
    now = measured(durations=traffic(2, each=3))
    assert accepted(base, now).accepted == ()
    assert open_findings(judged(now, accepted(base, now)))
