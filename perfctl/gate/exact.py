"""A test run against the run of the baseline: query counts and N+1, exact, no tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from perfctl.gate.counts import Asked, RouteRun, Run, Sighting, shorten
from perfctl.gate.verdict import Check, Lack, Status
from perfctl.units import say_count

QUERIES = "queries"
N_PLUS_ONE = "n_plus_one"
EXERCISED = "exercised"
_MOST_NAMED = 3


class Growth(NamedTuple):
    """A test whose request asks more than before."""

    test: str
    before: int
    now: int


def compare_runs(base: Run, now: Run, statements: Mapping[str, str]) -> Iterator[Check]:
    """The checks of every route that either run exercised."""
    for subject in sorted(base.keys() | now.keys()):
        before, after = base.get(subject), now.get(subject)
        if after is None:
            yield not_exercised(subject, "requested by tests of the baseline, by none of this run")
        elif before is None:
            yield Check(
                QUERIES, subject, Status.SKIPPED, after.most, unit="queries",
                evidence="a new route: the baseline has nothing to compare with",
            )  # fmt: skip
        else:
            yield _compare_counts(subject, before, after, statements)
            yield from _compare_repeats(subject, before, after)


def not_exercised(subject: str, evidence: str) -> Check:
    """A route of the baseline that nobody requested now; those without a pattern may stay away."""
    if " (" in subject:
        return Check(EXERCISED, subject, Status.SKIPPED, 0, unit="requests", evidence=evidence)
    return Check(
        EXERCISED,
        subject,
        Status.INCONCLUSIVE,
        0,
        unit="requests",
        evidence=evidence,
        lacks=Lack.RECORDS,
    )


def _compare_counts(
    subject: str, before: RouteRun, after: RouteRun, statements: Mapping[str, str]
) -> Check:
    shared = sorted(before.tests.keys() & after.tests.keys())
    grown: list[Growth] = []
    unsure: list[str] = []
    for test in shared:
        growth = compare_requests(test, before.tests[test], after.tests[test], before.most or 0)
        if isinstance(growth, Growth):
            grown.append(growth)
        elif growth is not None:
            unsure.append(f"{test}: {growth}")
    if grown:
        return _grown(subject, grown, before, after, statements)
    if len(shared) > len(unsure):
        compared = len(shared) - len(unsure)
        aside = "".join(f"; not compared: {said}" for said in unsure[:1])
        return Check(
            QUERIES, subject, Status.PASS, after.most, before.most, before.most, "queries",
            f"{_tests(compared)} {'asks' if compared == 1 else 'ask'} no more than before{aside}",
        )  # fmt: skip
    return Check(
        QUERIES, subject, Status.INCONCLUSIVE, after.most, before.most, before.most, "queries",
        _why_not(before, after, unsure), lacks=Lack.RECORDS,
    )  # fmt: skip


def compare_requests(
    test: str, before: list[Asked], now: list[Asked], most: int
) -> Growth | str | None:
    """The largest growth of a test's requests; a text where the counts cannot be compared.

    With as many requests as before each is held against its counterpart by rank. With more or
    fewer, which ones are new is not known: a fixture's request falls to the test that happens to
    come first. Then no request may ask more than the test's highest count, or than `most`, the
    highest that any test of the baseline has for the route. The same holds where the cache was cold.
    """
    if len(before) == len(now):
        pairs = list(zip(before, now, strict=True))
    else:
        pairs = [(before[0], asked) for asked in now if asked.queries > most]
    grown = [
        (old, new)
        for old, new in pairs
        if new.queries > old.queries and not (_is_colder(old, new) and new.queries <= most)
    ]
    certain = [(old, new) for old, new in grown if not _doubt(old, new)]
    if certain:
        return max(
            (Growth(test, old.queries, new.queries) for old, new in certain),
            key=lambda growth: growth.now - growth.before,
        )
    return next((_doubt(old, new) for old, new in grown), None)


def _doubt(old: Asked, new: Asked) -> str:
    """Why the counts of two requests cannot be compared; empty where they can."""
    if not (old.is_exact and new.is_exact):
        return "one of its requests has more query patterns than a record holds"
    if _is_colder(old, new):
        return (
            f"{new.queries} queries instead of {old.queries}, but the cache was cold"
            f" ({new.cache_misses} misses instead of {old.cache_misses}); clear caches before each test"
        )
    return ""


def _is_colder(old: Asked, new: Asked) -> bool:
    """Whether what the cache missed it had found before: another test may have warmed it then.

    More misses than that are look-ups of the code's own, and so are their queries.
    """
    return 0 < new.cache_misses - old.cache_misses <= old.cache_hits


def _grown(
    subject: str,
    grown: list[Growth],
    before: RouteRun,
    after: RouteRun,
    statements: Mapping[str, str],
) -> Check:
    grown.sort(key=lambda growth: (growth.before - growth.now, growth.test))
    worst = grown[0]
    more = f" and {_tests(len(grown) - 1)} more" if len(grown) > 1 else ""
    asked = "".join(f"; +{n} {sql}" for n, sql in _new_calls(before, after, statements))
    return Check(
        QUERIES,
        subject,
        Status.FAIL,
        worst.now,
        worst.before,
        worst.before,
        "queries",
        f"in {worst.test}{more}{asked}",
        _place_of_worst(before, after),
    )


def _new_calls(
    before: RouteRun, after: RouteRun, statements: Mapping[str, str]
) -> list[tuple[int, str]]:
    """The statements that grew most: (how many calls more, statement)."""
    grown = [
        (calls - before.patterns.get(pattern, 0), shorten(statements.get(pattern, pattern)))
        for pattern, calls in after.patterns.items()
        if calls > before.patterns.get(pattern, 0)
    ]
    return sorted(grown, key=lambda item: (-item[0], item[1]))[:_MOST_NAMED]


def _place_of_worst(before: RouteRun, after: RouteRun) -> str | None:
    """Where the N+1 stands that came, or else the largest that is there."""
    keys = after.repeats.keys() - before.repeats.keys() or after.repeats.keys()
    seen = [sighting for key in keys for sighting in after.repeats[key].values()]
    return max(seen, key=_calls).call_site if seen else None


def _calls(sighting: Sighting) -> int:
    return sighting.calls


def _why_not(before: RouteRun, after: RouteRun, unsure: list[str]) -> str:
    if unsure:
        return unsure[0]
    if not after.tests:
        return "its queries were not recorded: DatabaseQueryMonitoringMiddleware is missing"
    if not before.tests:
        return "the baseline has no query counts for it"
    if len(before.tests) == 1:
        return "the only test of the baseline that requests it did not do so now"
    return f"none of the {_tests(len(before.tests))} of the baseline that request it did so now"


def _compare_repeats(subject: str, before: RouteRun, after: RouteRun) -> Iterator[Check]:
    """A check each new N+1, or one that there is none."""
    new = sorted(after.repeats.keys() - before.repeats.keys())
    for key in new:
        yield _repeat(subject, after.repeats[key], before)
    if not new and after.tests:
        n = len(after.repeats)
        yield Check(
            N_PLUS_ONE, subject, Status.PASS, n, len(before.repeats), unit="places",
            evidence="all known" if n else "none",
        )  # fmt: skip


def _repeat(subject: str, seen: Mapping[str, Sighting], before: RouteRun) -> Check:
    """A finding in a test of both runs counts; in a new test it may be an old one."""
    shared = {test: seen[test] for test in seen if test in before.tests}
    test, worst = max((shared or seen).items(), key=lambda item: (item[1].calls, item[0]))
    remedy = f" → {worst.detail}" if worst.detail else ""
    doubt = "" if shared else "only in new tests, so it may be older: "
    return Check(
        N_PLUS_ONE,
        subject,
        Status.FAIL if shared else Status.SKIPPED,
        worst.calls,
        0,
        0,
        "calls",
        f"{doubt}{shorten(worst.sql)} ×{worst.calls} in {test}{remedy}",
        worst.call_site,
    )


def _tests(n: int) -> str:
    return say_count(n, "test")
