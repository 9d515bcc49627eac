"""Live traffic against a baseline: latency, queries, N+1 and errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from perfctl.answers.gate import ErrorSeen, Live, LiveRoute, QueryUse
from perfctl.gate import latency, sample
from perfctl.gate.counts import largest_repeats, shorten
from perfctl.gate.durations import compare_durations, not_alike, say_needs, say_too_few, small
from perfctl.gate.exact import N_PLUS_ONE, QUERIES, not_exercised
from perfctl.gate.latency import Block
from perfctl.gate.sample import FEWEST, FEWEST_BLOCKS, FEWEST_IN_BLOCK
from perfctl.gate.verdict import Check, Status

ERRORS = "new_errors"
_LEAST_QUERIES = 1.0
_QUERIES_VARIANCE = 0.01


class QueryBlock(NamedTuple):
    """A stretch of a route's requests whose queries were recorded."""

    requests: int
    mean: float


@dataclass(slots=True)
class RouteSample:
    """What a comparison needs of a route."""

    requests: int
    durations: Mapping[str, Sequence[Block]] = field(default_factory=dict)
    """By status class, `2xx`: a page and the redirect to sign in are not one distribution."""
    queries: tuple[QueryBlock, ...] = ()
    repeats: dict[str, QueryUse | None] = field(default_factory=dict)
    """The N+1 by shape and function; a baseline knows the keys alone."""
    is_timed: bool = True
    """False of long polls: what they wait for is no latency."""


@dataclass(slots=True)
class LiveSample:
    """Live traffic as a comparison needs it."""

    routes: dict[str, RouteSample] = field(default_factory=dict)
    known_errors: dict[str, str] = field(default_factory=dict)
    """The status of every known error group by id."""


def sample_live(live: Live) -> LiveSample:
    """The blocks of every route."""
    blocks = latency.cut_blocks(
        {
            (subject, status_class): periods
            for subject, route in live.routes.items()
            for status_class, periods in route.durations.items()
        }
    )
    routes = {
        subject: RouteSample(
            route.requests,
            {f"{each}xx": blocks[subject, each] for each in sorted(route.durations)},
            _query_blocks(route),
            _repeats(route),
            route.p95_ms is not None,
        )
        for subject, route in live.routes.items()
    }
    return LiveSample(routes, _known_errors(live))


def _known_errors(live: Live) -> dict[str, str]:
    """A group that came back but not within this window is, as far as it knows, still resolved."""
    seen = {error.id for error in live.errors}
    return {
        number: "resolved" if status == "regressed" and number not in seen else status
        for number, status in live.known_errors.items()
    }


def _query_blocks(route: LiveRoute) -> tuple[QueryBlock, ...]:
    total = route.watched_requests
    size = max(FEWEST_IN_BLOCK, total / latency.MOST_BLOCKS)
    sums = [(0, 0)]
    for _, (requests, queries) in sorted(route.queries.items()):
        if sums[-1][0] >= size:
            sums.append((0, 0))
        sums[-1] = sums[-1][0] + requests, sums[-1][1] + queries
    if len(sums) > 1 and sums[-1][0] < FEWEST_IN_BLOCK:
        requests, queries = sums.pop()
        sums[-1] = sums[-1][0] + requests, sums[-1][1] + queries
    return tuple(QueryBlock(n, queries / n) for n, queries in sums if n)


def _repeats(route: LiveRoute) -> dict[str, QueryUse | None]:
    return dict(largest_repeats(route.repeats))


def compare_live(
    base: LiveSample,
    now: LiveSample,
    errors: Sequence[ErrorSeen],
    margin: float,
    *,
    with_shift: bool = True,
) -> Iterator[Check]:
    """All checks of live traffic."""
    for subject in sorted(base.routes.keys() - now.routes.keys()):
        yield not_exercised(subject, "requested in the baseline's traffic, not in this")
    shared = sorted(base.routes.keys() & now.routes.keys())
    yield from _compare_durations(base, now, shared, margin, with_shift=with_shift)
    yield from _compare_queries(base, now, shared)
    for subject in shared:
        yield from _compare_repeats(subject, base.routes[subject], now.routes[subject])
    yield from _compare_errors(base.known_errors, errors)


def _compare_durations(
    base: LiveSample, now: LiveSample, shared: list[str], margin: float, *, with_shift: bool
) -> Iterator[Check]:
    """Of each route the answers of one status class; a check that cannot tell where there is none."""
    before: dict[str, Sequence[Block]] = {}
    after: dict[str, Sequence[Block]] = {}
    for name in shared:
        both = base.routes[name], now.routes[name]
        if not all(route.is_timed for route in both) or not any(route.durations for route in both):
            continue
        each = _same_class(*both)
        if each is None:
            yield not_alike(name, *(_say_classes(route) for route in both))
        else:
            before[name], after[name] = (route.durations[each] for route in both)
    yield from compare_durations(before, after, margin, with_shift=with_shift)


def _same_class(before: RouteSample, after: RouteSample) -> str | None:
    """The status class of which both sides have most.

    None where they share none, or where what the route answered most before is gone: redirects are
    no sample of a page. Of few requests that may be chance, which a larger sample tells.
    """
    shared = sorted(before.durations.keys() & after.durations.keys())
    if not shared:
        return None
    usual = max(before.durations, key=lambda each: (_size(before.durations[each]), each in shared))
    if usual not in shared and after.requests >= FEWEST:
        return None
    return max(
        shared, key=lambda each: min(_size(before.durations[each]), _size(after.durations[each]))
    )


def _say_classes(route: RouteSample) -> str:
    return " and ".join(sorted(route.durations)) or "nothing but errors"


def _size(blocks: Sequence[Block]) -> int:
    return sum(block.requests for block in blocks)


def _compare_queries(base: LiveSample, now: LiveSample, shared: list[str]) -> Iterator[Check]:
    pairs = {name: (base.routes[name].queries, now.routes[name].queries) for name in shared}
    pairs = {name: both for name, both in pairs.items() if all(both)}
    enough = {name: both for name, both in pairs.items() if min(map(len, both)) >= FEWEST_BLOCKS}
    tested = {name: _test_queries(*both, n_tests=len(enough)) for name, both in enough.items()}
    limit = sample.discover([result.p_value for result in tested.values()])
    for subject, (before, after) in pairs.items():
        old, new = _mean(before), _mean(after)
        check = Check(
            QUERIES, subject, Status.PASS, new, old, old + _margin(old), "queries a request"
        )
        requests = min(sum(block.requests for block in blocks) for blocks in (before, after))
        result = tested.get(subject)
        if result is None:
            yield small(check, say_too_few(requests))
        elif result.p_value <= limit:
            said = f"{old:.1f} → {new:.1f} a request (p = {result.p_value:.2g})"
            yield replace(check, status=Status.FAIL, evidence=said)
        elif requests < result.needed:
            yield small(check, say_needs(result.needed, requests))
        else:
            yield check


def _margin(before: float) -> float:
    return max(_LEAST_QUERIES, latency.MARGIN * before)


def _test_queries(
    before: Sequence[QueryBlock], after: Sequence[QueryBlock], *, n_tests: int
) -> sample.Excess:
    sides = [
        sample.of_blocks(
            [block.mean for block in blocks],
            sum(block.requests for block in blocks),
            _QUERIES_VARIANCE,
        )
        for blocks in (before, after)
    ]
    margin = _margin(sides[0].mean)
    return sample.measure_excess(*sides, margin=margin, seen=margin, n_tests=n_tests)


def _mean(blocks: Sequence[QueryBlock]) -> float:
    return sum(block.mean * block.requests for block in blocks) / sum(
        block.requests for block in blocks
    )


def _compare_repeats(subject: str, before: RouteSample, after: RouteSample) -> Iterator[Check]:
    new = sorted(after.repeats.keys() - before.repeats.keys())
    for key in new:
        use = after.repeats[key]
        if use is not None:
            remedy = f" → {use.detail}" if use.detail else ""
            yield Check(
                N_PLUS_ONE, subject, Status.FAIL, use.calls, 0, 0, "calls a request",
                f"{shorten(use.sql)} ×{use.calls}{remedy}", use.call_site,
            )  # fmt: skip
    if not new:
        n = len(after.repeats)
        yield Check(
            N_PLUS_ONE, subject, Status.PASS, n, len(before.repeats), unit="places",
            evidence="all known" if n else "none",
        )  # fmt: skip


def _compare_errors(known: Mapping[str, str], errors: Sequence[ErrorSeen]) -> Iterator[Check]:
    """New groups, and resolved ones that came back; those that are ignored do not count."""
    found = False
    for error in errors:
        is_new = error.id not in known
        is_back = error.status == "regressed" and known.get(error.id) != "regressed"
        if error.status != "ignored" and (is_new or is_back):
            found = True
            yield Check(
                ERRORS, error.id, Status.FAIL, error.occurrences, 0, 0, "errors",
                f"{error.type} {'is new' if is_new else 'was resolved and is back'}",
                error.location,
            )  # fmt: skip
    if not found:
        yield Check(ERRORS, "all", Status.PASS, 0, 0, 0, "errors", "none that is new")
