"""`PERFCTL["N_PLUS_ONE_IGNORE"]`: findings that the project knows and does not want to hear of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from perfctl.recording.nplus1 import Finding
from perfctl.recording.patterns import PatternBook

_PLACE = re.compile(r"[^\s:]+\.\w+(?::\d+)?")
_COUNTER = "n_plus_one_ignore:"

Count = Callable[[str, int], None]


class _Entry(NamedTuple):
    """A route or a glob of routes, `file:line`, a file, or the beginning of a fingerprint."""

    text: str
    counter: str

    def matches(self, finding: Finding, route: str, patterns: PatternBook) -> bool:
        if self.text.startswith(("/", "(")):
            return fnmatchcase(route, self.text)
        if _PLACE.fullmatch(self.text):
            place = (finding.place or "").partition(" in ")[0]
            return self.text in (place, place.rpartition(":")[0])
        if finding.ordinal < 0:
            return False
        return patterns[finding.ordinal].fingerprint.startswith(self.text)


class Suppressions:
    """Takes known findings out, and counts how often each entry did, so that idle ones show."""

    def __init__(self, entries: Iterable[str], patterns: PatternBook) -> None:
        self._patterns = patterns
        self._entries = [
            _Entry(text, f"{_COUNTER}{text}"[:200])
            for text in (" ".join(e.split()) for e in entries)
        ]

    def declare(self, count: Count) -> None:
        """Name all entries in the counters, with nothing counted yet."""
        for entry in self._entries:
            count(entry.counter, 0)

    def sift(self, found: list[Finding], route: str, count: Count) -> list[Finding]:
        """The findings that are left."""
        if not self._entries:
            return found
        kept = []
        for finding in found:
            entry = self._entry_for(finding, route)
            if entry is None:
                kept.append(finding)
            else:
                count(entry.counter, 1)
        return kept

    def _entry_for(self, finding: Finding, route: str) -> _Entry | None:
        if finding.kind != "n":
            return None
        for entry in self._entries:
            if entry.matches(finding, route, self._patterns):
                return entry
        return None
