"""Findings that somebody has taken into the baseline, with a reason: they are the measure from then on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from perfctl.gate.baseline import Accepted, Baseline
from perfctl.gate.budgets import BUDGET
from perfctl.gate.counts import RouteRun, tests_of
from perfctl.gate.durations import SHIFT
from perfctl.gate.exact import EXERCISED
from perfctl.gate.latency import Block
from perfctl.gate.live import ERRORS, LiveSample
from perfctl.gate.measured import BASELINE, RECORDS, Measured
from perfctl.gate.verdict import Check, Lack, Status

_OF_THE_RUN = (RECORDS, BASELINE)
"""What is wrong with the run itself cannot be accepted."""


def acceptable(checks: Iterable[Check], base: Baseline, now: Measured) -> list[Check]:
    """What may be accepted: what failed, and what records of a route are missing.

    A small sample is no finding; and where most tests did not run, routes are missing for that.
    """
    is_whole = ran_enough(base, now)
    return [
        check
        for check in checks
        if check.name not in _OF_THE_RUN
        and (check.status is Status.FAIL or (check.lacks is Lack.RECORDS and is_whole))
    ]


def ran_enough(base: Baseline, now: Measured) -> bool:
    """Whether at least half of the baseline's tests ran, so that a route without any is gone."""
    before, after = tests_of(base.run), tests_of(now.run)
    return len(before & after) * 2 >= len(before)


def forgive(checks: Iterable[Check], accepted: Sequence[Accepted]) -> Iterator[Check]:
    """The checks; a budget passes that is no further exceeded than was accepted last."""
    last = {(item.check, item.subject): item for item in accepted}
    for check in checks:
        item = last.get((check.name, check.subject))
        is_budget = check.name.startswith(BUDGET) and check.status is Status.FAIL
        if is_budget and item and (check.value or 0) <= (item.value or 0):
            said = f"accepted by {item.by} on {item.at[:10]}: {item.reason}"
            check = replace(check, status=Status.PASS, evidence=said)
        yield check


def accept(
    base: Baseline,
    checks: Iterable[Check],
    now: Measured,
    *,
    by: str,
    at: str,
    reason: str,
) -> Baseline:
    """The baseline with what was measured now in place of what the findings are about."""
    findings = acceptable(checks, base, now)
    gone = {check.subject for check in findings if check.name == EXERCISED}
    changed = {
        check.subject
        for check in findings
        if check.name not in (EXERCISED, ERRORS, SHIFT) and not check.name.startswith(BUDGET)
    }
    log = [Accepted(c.name, c.subject, c.value, at, by, reason) for c in findings]
    for check in findings:
        if check.name == SHIFT and check.value:
            base = _slowed(base, math.log(check.value))
    accepted = base._replace(accepted=(*base.accepted, *log))
    if base.live is not None and now.sample is not None:
        errors = {check.subject for check in findings if check.name == ERRORS}
        return accepted._replace(live=_live(base.live, now.sample, changed, gone, errors))
    routes = {name: route for name, route in base.run.items() if name not in gone}
    routes |= {
        name: _merged(base.run.get(name), now.run[name]) for name in changed if name in now.run
    }
    medians = dict(base.durations) | {
        name: now.durations[name] for name in changed if name in now.durations
    }
    return accepted._replace(run=routes, durations=medians)


def _slowed(base: Baseline, by: float) -> Baseline:
    """The baseline with all its durations moved by what all routes became slower, a logarithm."""
    durations = {name: _moved(blocks, by) for name, blocks in base.durations.items()}
    if base.live is None:
        return base._replace(durations=durations)
    routes = {
        name: replace(
            route, durations={each: _moved(blocks, by) for each, blocks in route.durations.items()}
        )
        for name, route in base.live.routes.items()
    }
    return base._replace(live=replace(base.live, routes=routes))


def _moved(blocks: Sequence[Block], by: float) -> tuple[Block, ...]:
    return tuple(block._replace(log_us=block.log_us + by) for block in blocks)


def _merged(before: RouteRun | None, now: RouteRun) -> RouteRun:
    """Tests that did not run now keep their counts."""
    if before is None:
        return now
    patterns = {
        name: max(before.patterns.get(name, 0), now.patterns.get(name, 0))
        for name in before.patterns.keys() | now.patterns.keys()
    }
    return RouteRun(before.tests | now.tests, patterns, before.repeats | now.repeats)


def _live(
    base: LiveSample, now: LiveSample, changed: set[str], gone: set[str], errors: set[str]
) -> LiveSample:
    routes = {name: route for name, route in base.routes.items() if name not in gone}
    routes |= {name: now.routes[name] for name in changed if name in now.routes}
    known = base.known_errors | {number: now.known_errors.get(number, "open") for number in errors}
    return LiveSample(routes, known)
