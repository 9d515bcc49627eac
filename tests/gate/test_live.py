"""Live traffic against a baseline."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from perfctl.answers.gate import ErrorSeen, Live, LiveRoute, QueryUse
from perfctl.gate.durations import is_shifted
from perfctl.gate.live import compare_live, sample_live
from perfctl.gate.verdict import Check, Lack, Status
from perfctl.model import Window
from tests.gate.test_latency import Durations, traffic

REPEAT = QueryUse("p", "SELECT a FROM t", 40, True, "f.py:3 in g", "select_related('b')", True)


def live(
    durations: Durations,
    *,
    queries: float = 4.0,
    errors: tuple[ErrorSeen, ...] = (),
    known: dict[str, str] | None = None,
    repeats: dict[str, tuple[QueryUse, ...]] | None = None,
) -> Live:
    """Traffic with these durations, and as many queries a request."""
    routes = {}
    for subject, periods in durations.items():
        sizes = {period: sum(counts.values()) for period, counts in periods.items()}
        n = sum(sizes.values())
        asked = {period: (size, round(size * queries)) for period, size in sizes.items()}
        found = (repeats or {}).get(subject, ())
        routes[subject] = LiveRoute(n, 0.0, 50.0, queries, n, {2: periods}, asked, found)
    return Live(Window(0, 1), routes, errors, known or {})


def checks(base: Live, now: Live) -> list[Check]:
    """All checks of a comparison."""
    return list(compare_live(sample_live(base), sample_live(now), now.errors, 0.10))


def failed(found: list[Check]) -> set[tuple[str, str]]:
    """Name and subject of what failed."""
    return {(check.name, check.subject) for check in found if check.status is Status.FAIL}


def test_equals_pass() -> None:
    """Enough of both: every check is told."""
    found = checks(live(traffic(1, each=150)), live(traffic(2, each=150)))
    assert {check.name for check in found} == {
        "latency", "global_shift", "queries", "n_plus_one", "new_errors",
    }  # fmt: skip
    assert {check.status for check in found} == {Status.PASS}


def test_a_slower_route_fails_with_its_medians() -> None:
    """Before, now, and the limit of the margin."""
    found = checks(live(traffic(1)), live(traffic(2, slower={3: 1.5})))
    assert failed(found) == {("latency", "GET /3/")}
    check = next(check for check in found if check.status is Status.FAIL)
    assert check.unit == "ms"
    assert check.baseline == pytest.approx(8.0, rel=0.2)
    assert check.value == pytest.approx(12.0, rel=0.2)
    assert check.limit == pytest.approx(1.1 * (check.baseline or 0))


def test_a_route_says_which_slowdown_it_would_have_shown() -> None:
    """Of one that passes and of one that cannot be told, whatever the margin is."""
    for margin, most in ((0.1, 30), (0.5, 77)):
        for each, status in ((150, Status.PASS), (12, Status.INCONCLUSIVE)):
            base, now = live(traffic(1, each=each)), live(traffic(2, each=each))
            found = compare_live(sample_live(base), sample_live(now), (), margin)
            for check in found:
                if check.name == "latency" and check.status is status:
                    said = re.search(r"; from \+(\d+)% on it would show", check.evidence)
                    assert said, check.evidence
                    assert (int(said[1]) <= most) is (status is Status.PASS)


def shift_of(base: Live, now: Live, **changes: Any) -> Check:
    """The check of what happened to all routes."""
    found = compare_live(sample_live(base), sample_live(now), (), 0.10, **changes)
    (check,) = (check for check in found if check.name == "global_shift")
    return check


ALL_SLOWER = dict.fromkeys(range(10), 1.6)


def test_all_routes_slower_is_a_finding_of_its_own() -> None:
    """None of them fails beside the others; together they do, with the interval."""
    base, now = live(traffic(1)), live(traffic(2, slower=ALL_SLOWER))
    assert failed(checks(base, now)) == {("global_shift", "all routes")}
    check = shift_of(base, now)
    assert check.value == pytest.approx(1.6, abs=0.1)
    assert check.limit == pytest.approx(1.1)
    assert re.match(r"the median route is \+\d+% \(\+\d+% to \+\d+%\): ", check.evidence)
    equal = live(traffic(1, each=150)), live(traffic(2, each=150))
    assert shift_of(*equal).status is Status.PASS


def test_a_shift_that_cannot_be_told_is_no_pass() -> None:
    """Above the limit within the error, or below it with a sample that shows nothing."""
    noisy = {"runs": 6, "machine": 0.3}
    for slower in ({}, dict.fromkeys(range(10), 1.4)):
        check = shift_of(live(traffic(1, **noisy)), live(traffic(2, slower=slower, **noisy)))
        assert (check.status, check.lacks) == (Status.INCONCLUSIVE, Lack.SAMPLE)
        assert "; a longer time or more runs tell: needs " in check.evidence
        assert re.search(r"needs [\d,]+ requests a route on both sides, has 600: ", check.evidence)


def test_a_shift_can_be_left_out() -> None:
    """Where the machines are others; it stays a warning."""
    now = live(traffic(2, slower=ALL_SLOWER))
    check = shift_of(live(traffic(1)), now, with_shift=False)
    assert check.status is Status.SKIPPED
    assert check.evidence.endswith("left out by --ignore-shift")
    assert is_shifted(check)
    assert not is_shifted(shift_of(live(traffic(1)), live(traffic(2)), with_shift=False))


def test_few_requests_are_inconclusive_and_say_what_is_missing() -> None:
    """Never a pass."""
    found = checks(live(traffic(1, each=3)), live(traffic(2, each=3)))
    small = [check for check in found if check.name in ("latency", "queries")]
    assert {(check.status, check.lacks) for check in small} == {(Status.INCONCLUSIVE, Lack.SAMPLE)}
    assert {check.evidence for check in small} == {
        "needs 100 requests on both sides, has 30: 70 missing"
    }


def test_more_queries_a_request_fail() -> None:
    """By more than one query, beyond what the traffic's own changes make."""
    found = checks(live(traffic(1)), live(traffic(2), queries=6.0))
    assert failed(found) == {("queries", f"GET /{i}/") for i in range(10)}
    assert failed(checks(live(traffic(1)), live(traffic(2), queries=4.8))) == set()


def test_queries_that_vary_with_the_traffic_are_no_finding() -> None:
    """The blocks differ by themselves: it takes more of them to tell."""
    draw = random.Random(3)

    def varying() -> Live:
        made = live(traffic(draw.randrange(1000), runs=6))
        routes: dict[str, Any] = {
            subject: route._replace(
                queries={
                    period: (n, int(n * draw.lognormvariate(2, 0.7)))
                    for period, (n, _) in route.queries.items()
                }
            )
            for subject, route in made.routes.items()
        }
        return made._replace(routes=routes)

    found = [check for check in checks(varying(), varying()) if check.name == "queries"]
    assert not failed(found)
    assert Status.INCONCLUSIVE in {check.status for check in found}


def test_a_new_n_plus_one_fails_with_its_place() -> None:
    """A known one does not."""
    new = {"GET /1/": (REPEAT,)}
    found = checks(live(traffic(1)), live(traffic(2), repeats=new))
    assert failed(found) == {("n_plus_one", "GET /1/")}
    (check,) = (check for check in found if check.status is Status.FAIL)
    assert check.call_site == "f.py:3 in g"
    assert check.evidence == "SELECT … FROM t ×40 → select_related('b')"
    moved = {"GET /1/": (REPEAT._replace(call_site="f.py:99 in g"),)}
    assert failed(checks(live(traffic(1), repeats=new), live(traffic(2), repeats=moved))) == set()


def error(number: str, status: str = "open") -> ErrorSeen:
    """A group that occurred."""
    return ErrorSeen(number, "KeyError", "app/views.py:3 in page", status, 2)


def test_new_errors_fail() -> None:
    """With type and place; known and ignored ones do not."""
    base = live(traffic(1), errors=(error("old"),), known={"old": "open"})
    seen = (error("old"), error("new"), error("quiet", "ignored"))
    found = checks(base, live(traffic(2), errors=seen))
    assert failed(found) == {("new_errors", "new")}
    (check,) = (check for check in found if check.status is Status.FAIL)
    assert (check.evidence, check.call_site) == ("KeyError is new", "app/views.py:3 in page")


@pytest.mark.parametrize(
    ("seen_before", "is_back"), [((), True), ((error("a", "regressed"),), False)]
)
def test_an_error_that_was_resolved_and_is_back_fails(
    seen_before: tuple[ErrorSeen, ...], is_back: bool
) -> None:
    """Unless it was back already in the baseline's time; one store knows its latest status alone."""
    known = {"a": "regressed"}
    base = live(traffic(1), errors=seen_before, known=known)
    found = checks(base, live(traffic(2), errors=(error("a", "regressed"),), known=known))
    assert failed(found) == ({("new_errors", "a")} if is_back else set())


def test_a_route_without_requests_cannot_be_told() -> None:
    """Not by a larger sample either."""
    now = live(traffic(2))
    del now.routes["GET /4/"]
    (check,) = (check for check in checks(live(traffic(1)), now) if check.name == "exercised")
    assert (check.subject, check.lacks) == ("GET /4/", Lack.RECORDS)


def test_pages_and_redirects_are_not_mixed() -> None:
    """More visitors without a session do not make a page slow, nor fast; the larger class counts."""

    def mixed(seed: int, redirects: int, **more: Any) -> Live:
        made = live(traffic(seed, each=150, **more))
        quick = traffic(seed + 50, each=redirects)
        for subject, route in made.routes.items():
            periods = {p: {b - 200: n for b, n in counts.items()}
                       for p, counts in quick[subject].items()}  # fmt: skip
            made.routes[subject] = route._replace(durations={**route.durations, 3: periods})
        return made

    assert failed(checks(mixed(1, 140), mixed(2, 20))) == set()
    slow = checks(mixed(1, 140), mixed(2, 20, slower={3: 1.5}))
    assert failed(slow) == {("latency", "GET /3/")}


def answering(made: Live, subject: str, *classes: int, is_timed: bool = True) -> Live:
    """The same traffic, of one route with answers of these status classes alone."""
    route = made.routes[subject]
    durations = dict.fromkeys(classes, route.durations[2])
    made.routes[subject] = route._replace(
        durations=durations, p95_ms=route.p95_ms if is_timed else None
    )
    return made


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ((2,), (3,), "answered 2xx before, 3xx now"),
        ((2,), (), "answered 2xx before, nothing but errors now"),
        ((), (2,), "answered nothing but errors before, 2xx now"),
        ((2, 3), (), "answered 2xx and 3xx before, nothing but errors now"),
    ],
)
def test_a_route_that_answers_otherwise_cannot_be_told(
    before: tuple[int, ...], now: tuple[int, ...], said: str
) -> None:
    """A page that turned into a redirect or a 404 is no page that stayed fast."""
    found = checks(
        answering(live(traffic(1)), "GET /3/", *before),
        answering(live(traffic(2)), "GET /3/", *now),
    )
    (check,) = (c for c in found if c.name == "latency" and c.subject == "GET /3/")
    assert (check.status, check.lacks) == (Status.INCONCLUSIVE, Lack.RECORDS)
    assert check.evidence == f"{said}: their durations say nothing of each other"


def test_what_a_route_answered_most_must_still_be_there() -> None:
    """A few redirects on both sides do not stand for the pages that are gone."""

    def mixed(seed: int, *, pages: int, redirects: int) -> Live:
        made = live(traffic(seed))
        few = traffic(seed + 50, each=redirects)["GET /3/"]
        durations = {2: traffic(seed, each=pages)["GET /3/"]} if pages else {}
        route = made.routes["GET /3/"]
        made.routes["GET /3/"] = route._replace(durations={**durations, 3: few})
        return made

    def latency(base: Live, now: Live) -> Check:
        (check,) = (c for c in checks(base, now) if (c.name, c.subject) == ("latency", "GET /3/"))
        return check

    base = mixed(1, pages=100, redirects=30)
    gone = latency(base, mixed(2, pages=0, redirects=130))
    assert (gone.status, gone.lacks) == (Status.INCONCLUSIVE, Lack.RECORDS)
    assert latency(base, mixed(2, pages=100, redirects=30)).status is Status.PASS
    few = mixed(2, pages=0, redirects=3)
    few.routes["GET /3/"] = few.routes["GET /3/"]._replace(requests=30)
    assert latency(base, few).lacks is Lack.SAMPLE  # so few may all have been redirected by chance


def test_a_route_that_only_fails_on_both_sides_has_no_latency() -> None:
    """Nor has a long poll, whenever it was named one."""
    for before, now in (((), ()), ((2,), ())):
        found = checks(
            answering(live(traffic(1)), "GET /3/", *before),
            answering(live(traffic(2)), "GET /3/", *now, is_timed=bool(not before)),
        )
        assert ("latency", "GET /3/") not in {(c.name, c.subject) for c in found}
    found = checks(answering(live(traffic(1)), "GET /3/", is_timed=False), live(traffic(2)))
    assert ("latency", "GET /3/") not in {(c.name, c.subject) for c in found}


def test_new_routes_have_nothing_to_be_compared_with() -> None:
    """Only budgets judge them."""
    base = live(traffic(1))
    del base.routes["GET /4/"]
    assert "GET /4/" not in {check.subject for check in checks(base, live(traffic(2)))}
