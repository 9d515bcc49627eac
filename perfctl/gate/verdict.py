"""Checks, and the verdict that they make together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """How a check came out."""

    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"
    PASS = "pass"  # noqa: S105  # no password


class Lack(StrEnum):
    """What an inconclusive check lacks: more of the same, or records that should be there."""

    SAMPLE = "sample"
    RECORDS = "records"


class Verdict(StrEnum):
    """Whether the branch may be merged, as far as can be told."""

    PASS = "pass"  # noqa: S105  # no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; what does not apply is None."""

    name: str
    subject: str
    status: Status
    value: float | None = None
    baseline: float | None = None
    limit: float | None = None
    unit: str = ""
    evidence: str = ""
    call_site: str | None = None
    lacks: Lack | None = None
    """Only of an inconclusive check."""


class Place(NamedTuple):
    """A line of a file, and the function around it."""

    file: str
    line: int
    function: str


_PLACE = re.compile(r"(?P<file>[^:\n]+):(?P<line>\d+)(?: in (?P<function>.+))?")


def place_of(call_site: str | None) -> Place | None:
    """The parts of `items/views.py:33 in listing`; None for what names no line."""
    found = _PLACE.fullmatch(call_site or "")
    if found is None:
        return None
    return Place(found["file"], int(found["line"]), found["function"] or "")


_ORDER = list(Status)


def sort_checks(checks: Iterable[Check]) -> list[Check]:
    """What fails first, then what could not be told, what was not judged, and what is well."""
    return sorted(checks, key=lambda check: (_ORDER.index(check.status), check.name, check.subject))


def decide(checks: Iterable[Check], small_sample: Verdict = Verdict.INCONCLUSIVE) -> Verdict:
    """One failed check fails all; what could not be told outweighs any number that passed.

    `small_sample` is what a check counts as that lacks only a larger sample. Nothing judged is
    nothing known.
    """
    verdicts = {_weigh(check, small_sample) for check in checks}
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS):
        if verdict in verdicts:
            return verdict
    return Verdict.INCONCLUSIVE


def _weigh(check: Check, small_sample: Verdict) -> Verdict | None:
    match check.status:
        case Status.FAIL:
            return Verdict.FAIL
        case Status.PASS:
            return Verdict.PASS
        case Status.SKIPPED:
            return None
    return small_sample if check.lacks is Lack.SAMPLE else Verdict.INCONCLUSIVE
