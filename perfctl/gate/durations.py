"""Checks of durations: a route beside the others, and what happened to all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from perfctl.gate import latency
from perfctl.gate.latency import Block, Change
from perfctl.gate.sample import FEWEST, FEWEST_BLOCKS, FEWEST_IN_BLOCK
from perfctl.gate.shift import FEWEST_ROUTES, Shift
from perfctl.gate.verdict import Check, Lack, Status
from perfctl.units import say_count

LATENCY = "latency"
SHIFT = "global_shift"
ALL_ROUTES = "all routes"


def compare_durations(
    base: Mapping[str, Sequence[Block]],
    now: Mapping[str, Sequence[Block]],
    margin: float,
    *,
    with_shift: bool = True,
) -> Iterator[Check]:
    """A check a route, and one of what happened to all of them."""
    found = latency.compare_latency(base, now, margin)
    for change in found.changes:
        yield _duration_check(change, margin)
    for subject, requests in found.too_few.items():
        yield Check(
            LATENCY, subject, Status.INCONCLUSIVE, unit="ms", lacks=Lack.SAMPLE,
            evidence=say_too_few(requests),
        )  # fmt: skip
    if base:
        yield _shift_check(found.shift, margin, with_shift=with_shift)


def not_alike(subject: str, before: str, now: str) -> Check:
    """A route whose answers are of another kind than before: it may be as fast, or broken."""
    said = f"answered {before} before, {now} now: their durations say nothing of each other"
    return Check(
        LATENCY, subject, Status.INCONCLUSIVE, unit="ms", evidence=said, lacks=Lack.RECORDS
    )


def small(check: Check, evidence: str) -> Check:
    """The check as one that a larger sample could tell."""
    return replace(check, status=Status.INCONCLUSIVE, evidence=evidence, lacks=Lack.SAMPLE)


def say_too_few(requests: int) -> str:
    """Why a route with too few blocks cannot be judged."""
    if requests >= FEWEST:
        return (
            f"{say_count(requests, 'request')}, but in fewer than {FEWEST_BLOCKS} runs or stretches of time"
            f" of {FEWEST_IN_BLOCK}"
        )
    return say_needs(FEWEST, requests)


def say_needs(needed: int, requests: int, of_what: str = "requests") -> str:
    """How many requests are missing."""
    missing = needed - requests
    return f"needs {needed:,} {of_what} on both sides, has {requests:,}: {missing:,} missing"


def _duration_check(change: Change, margin: float) -> Check:
    itself = change.now_ms / change.before_ms - 1
    percent = f"{change.ratio - 1:+.0%} beside the other routes, {itself:+.0%} by itself"
    check = Check(
        LATENCY,
        change.subject,
        Status.PASS,
        change.now_ms,
        change.before_ms,
        change.before_ms * (1 + margin),
        "ms",
        f"median {percent}; from {change.detectable:+.0%} on it would show",
    )
    if change.is_slower:
        evidence = f"median {percent}, above {margin:.0%} (p = {change.p_value:.2g})"
        return replace(check, status=Status.FAIL, evidence=evidence)
    if change.requests < change.needed:
        return small(check, f"{check.evidence}; {say_needs(change.needed, change.requests)}")
    return check


def _shift_check(shift: Shift | None, margin: float, *, with_shift: bool) -> Check:
    if shift is None:
        return Check(
            SHIFT, ALL_ROUTES, Status.SKIPPED, unit="ratio",
            evidence=f"takes {FEWEST_ROUTES} routes with enough requests",
        )  # fmt: skip
    low, middle, high = (f"{ratio - 1:+.0%}" for ratio in (shift.low, shift.ratio, shift.high))
    said = f"the median route is {middle} ({low} to {high})"
    check = Check(SHIFT, ALL_ROUTES, Status.PASS, shift.ratio, 1.0, 1 + margin, "ratio", said)
    if not with_shift:
        evidence = f"{said}: left out by --ignore-shift"
        return replace(check, status=Status.SKIPPED, evidence=evidence)
    if shift.is_slower:
        evidence = f"{said}: the machine, its load, or a change under every route"
        return replace(check, status=Status.FAIL, evidence=evidence)
    if shift.ratio > 1 + margin or shift.requests < shift.needed:
        needs = say_needs(shift.needed, shift.requests, "requests a route")
        return small(check, f"{said}; a longer time or more runs tell: {needs}")
    return check


def is_shifted(check: Check) -> bool:
    """Whether all routes became slower and nobody judges it, which is worth a warning."""
    if check.name != SHIFT or check.value is None or check.limit is None:
        return False
    return check.status is Status.SKIPPED and check.value > check.limit
