"""Budgets: what a route may cost, whatever it cost before.

They begin with the thresholds of the configuration; `[tool.perfctl.budgets]` sets others for all
routes, a table in it named by a glob of routes sets those of these routes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from perfctl.answers.gate import Live, LiveRoute
from perfctl.config import Config
from perfctl.config_values import Place, as_number, as_ratio, as_table, as_texts, nearest
from perfctl.gate.counts import RouteRun, Sighting, largest_repeats, shorten
from perfctl.gate.verdict import Check, Lack, Status
from perfctl.stats import FEWEST_FOR_P95, FEWEST_FOR_RATE
from perfctl.thresholds import Route
from perfctl.units import say_count

BUDGET = "budget_"


class Budget(NamedTuple):
    """The most that is allowed; None is no limit."""

    queries: float | None = None
    """Of one request in a test run, on average in live traffic."""
    request_ms: float | None = None
    """The p95."""
    error_rate: float | None = None
    n_plus_one: float | None = None
    """Places that ask once a row."""


class Budgets(NamedTuple):
    """What the configuration allows."""

    config: Config
    everywhere: Budget = Budget()
    routes: tuple[tuple[str, Budget], ...] = ()
    ignore_queries: tuple[str, ...] = ()
    """Globs of statements that depend on the order of tests."""

    def of(self, subject: str) -> Budget:
        """The budget of a route: of several globs that match, the later decides."""
        method, _, route = subject.partition(" ")
        limits = self.config.for_route(method, route)
        found = Budget(
            limits.queries.threshold, limits.request_ms.threshold, limits.error_rate.threshold
        )
        found = _over(found, self.everywhere)
        for glob, budget in self.routes:
            if Route(glob, ()).matches(method, route):
                found = _over(found, budget)
        return found


def _over(first: Budget, second: Budget) -> Budget:
    return Budget._make(old if new is None else new for old, new in zip(first, second, strict=True))


_IGNORE = "ignore_queries"
_READERS: dict[str, Callable[[object, Place], float]] = {
    name: as_ratio if name == "error_rate" else as_number for name in Budget._fields
}


def parse(config: Config, where: str = "configuration") -> Budgets:
    """The budgets of a configuration; ConfigError names what is wrong and the nearest name."""
    place = Place(where, "budgets")
    everywhere: dict[str, float] = {}
    routes = []
    ignored: tuple[str, ...] = ()
    for name, value in config.budgets.items():
        if isinstance(value, Mapping):
            routes.append((name, _budget(name, value, place.at(name))))
        elif name == _IGNORE:
            ignored = as_texts(value, place.at(name))
        else:
            _check_name(name, place)
            everywhere[name] = _READERS[name](value, place.at(name))
    return Budgets(config, Budget(**everywhere), tuple(routes), ignored)


def _check_name(name: str, place: Place) -> None:
    if name in _READERS:
        return
    hint = nearest(name, (*_READERS, _IGNORE))
    if _is_route(name):
        hint = f'[tool.perfctl.budgets."{name}"] with queries = …'
    raise place.at(name).error("unknown name", hint)


def _budget(name: str, value: object, place: Place) -> Budget:
    if not _is_route(name):
        raise place.error("is no route, and no budget is a table", nearest(name, _READERS))
    table = as_table(value, place, Budget._fields)
    return Budget(**{key: _READERS[key](limit, place.at(key)) for key, limit in table.items()})


def _is_route(name: str) -> bool:
    return any(sign in name for sign in "/*(")


def judge_run(run: Mapping[str, RouteRun], budgets: Budgets) -> Iterator[Check]:
    """The budgets of a test run: queries of each request, and N+1 where they have a limit."""
    for subject, route in sorted(run.items()):
        budget = budgets.of(subject)
        yield _queries(subject, route, budget.queries)
        if budget.n_plus_one is not None:
            yield _n_plus_one(subject, route, budget.n_plus_one)


def _queries(subject: str, route: RouteRun, limit: float | None) -> Check:
    most = route.most
    if most is None:
        return Check(
            f"{BUDGET}queries", subject, Status.INCONCLUSIVE, limit=limit, unit="queries",
            evidence="its queries were not recorded: is DatabaseQueryMonitoringMiddleware there?",
            lacks=Lack.RECORDS,
        )  # fmt: skip
    worst = max(route.tests, key=lambda test: route.tests[test][0].queries)
    is_over = limit is not None and most > limit
    return Check(
        f"{BUDGET}queries",
        subject,
        Status.FAIL if is_over else Status.PASS,
        most,
        limit=limit,
        unit="queries",
        evidence=f"in {worst}",
        call_site=_place(route) if is_over else None,
    )


def _n_plus_one(subject: str, route: RouteRun, limit: float) -> Check:
    n = len(route.repeats)
    is_over = n > limit
    return Check(
        f"{BUDGET}n_plus_one",
        subject,
        Status.FAIL if is_over else Status.PASS,
        n,
        limit=limit,
        unit="places",
        evidence=_say_repeats(subject, map(_worst_of, route.repeats.values())),
        call_site=_place(route) if is_over else None,
    )


class _Repeat(NamedTuple):
    """An N+1 to be told of."""

    calls: int
    sql: str
    call_site: str | None
    test: str = ""


def _worst_of(seen: Mapping[str, Sighting]) -> _Repeat:
    test, worst = max(seen.items(), key=lambda item: (item[1].calls, item[0]))
    return _Repeat(worst.calls, worst.sql, worst.call_site, test)


_MOST_NAMED = 3


def _say_repeats(subject: str, found: Iterable[_Repeat]) -> str:
    """The largest N+1, each with its statement, the calls of a request, and its place."""
    repeats = sorted(found, key=lambda repeat: -repeat.calls)
    said = [
        f"{shorten(repeat.sql)} once a row, ×{repeat.calls}"
        + (f" at {repeat.call_site}" if repeat.call_site else "")
        + (f" (in {repeat.test})" if repeat.test else "")
        for repeat in repeats[:_MOST_NAMED]
    ]
    if len(repeats) > _MOST_NAMED:
        said.append(f"and {len(repeats) - _MOST_NAMED} more")
    return f"{subject} asks {'; '.join(said)}" if said else "none"


def judge_live(live: Live, budgets: Budgets) -> Iterator[Check]:
    """The budgets of live traffic: mean queries, error rate, p95, and N+1 where they have a limit."""
    for subject, route in sorted(live.routes.items()):
        budget = budgets.of(subject)
        yield _of_live("error_rate", subject, route.error_rate, budget.error_rate, "ratio",
                       route.requests, FEWEST_FOR_RATE)  # fmt: skip
        if route.queries_avg is not None:
            yield _of_live("queries", subject, route.queries_avg, budget.queries,
                           "queries a request", route.watched_requests, FEWEST_FOR_RATE)  # fmt: skip
        if route.p95_ms is not None:
            yield _of_live("request_ms", subject, route.p95_ms, budget.request_ms, "ms",
                           route.requests, FEWEST_FOR_P95)  # fmt: skip
        if budget.n_plus_one is not None:
            yield _repeats_of_live(subject, route, budget.n_plus_one)


def _of_live(
    name: str,
    subject: str,
    value: float,
    limit: float | None,
    unit: str,
    requests: int,
    fewest: int,
) -> Check:
    if requests < fewest:
        return Check(
            f"{BUDGET}{name}", subject, Status.INCONCLUSIVE, value, limit=limit, unit=unit,
            evidence=f"needs {fewest} requests, has {requests}: {fewest - requests} missing",
            lacks=Lack.SAMPLE,
        )  # fmt: skip
    is_over = limit is not None and value > limit
    status = Status.FAIL if is_over else Status.PASS
    said = say_count(requests, "request")
    return Check(f"{BUDGET}{name}", subject, status, value, None, limit, unit, said)


def _repeats_of_live(subject: str, route: LiveRoute, limit: float) -> Check:
    uses = largest_repeats(route.repeats).values()
    worst = max(uses, key=lambda use: use.calls, default=None)
    n = len(uses)
    is_over = n > limit
    return Check(
        f"{BUDGET}n_plus_one",
        subject,
        Status.FAIL if is_over else Status.PASS,
        n,
        limit=limit,
        unit="places",
        evidence=_say_repeats(subject, (_Repeat(u.calls, u.sql, u.call_site) for u in uses)),
        call_site=worst.call_site if worst and is_over else None,
    )


def _place(route: RouteRun) -> str | None:
    """Where the largest N+1 stands."""
    seen = [sighting for tests in route.repeats.values() for sighting in tests.values()]
    return max(seen, key=lambda sighting: sighting.calls).call_site if seen else None
