"""Keeps the requests of tests one by one, with their query counts, for the merge gate."""

from __future__ import annotations

import sqlite3
from typing import Any

from perfctl.recording import check
from perfctl.store import gate, names
from perfctl.store.gate import ExactRow, Use


class ExactRuns:
    """The requests of tests in one chunk of a segment."""

    def __init__(
        self, known: names.Names, segment: str, header: check.Header | None, origin_id: int
    ) -> None:
        self._names = known
        self._segment = segment
        # A container's processes have low numbers that come again; its id does not.
        instance = header.instance if header else None
        self._process = f"{instance or ''}/{segment.partition('-')[0]}"
        self._origin_id = origin_id
        self._rows: list[tuple[ExactRow, list[Any], list[Any]]] = []

    def take(self, row: ExactRow, patterns: list[Any], findings: list[Any]) -> None:
        """Keep a request with its uses `[ordinal, calls, …]` and its findings."""
        self._rows.append((row, patterns, findings))

    def write(self, con: sqlite3.Connection, pattern_ids: dict[int, int]) -> None:
        """Add all of them to the store."""
        if not self._rows:
            return
        segment = gate.segment_id(con, self._segment, self._process)
        rows = [
            row._replace(uses=self._uses(patterns, findings, pattern_ids))
            for row, patterns, findings in self._rows
        ]
        gate.insert_tests(con, segment, self._origin_id, rows)

    def _uses(
        self, patterns: list[Any], findings: list[Any], pattern_ids: dict[int, int]
    ) -> list[Use]:
        """What stands at an N+1's call site apart from the other calls of its pattern."""
        left = {use[0]: use[1] for use in patterns}
        uses: list[Use] = []
        for kind, ordinal, calls, _, site, detail in findings:
            if kind == "n":
                site_id = self._names.site(site, detail) if site else 0
                uses.append((self._pattern(ordinal, pattern_ids), calls, site_id))
                left[ordinal] = left.get(ordinal, 0) - calls
        uses += [
            (self._pattern(ordinal, pattern_ids), calls, None)
            for ordinal, calls in left.items()
            if calls > 0
        ]
        return uses

    def _pattern(self, ordinal: int, pattern_ids: dict[int, int]) -> int:
        number = pattern_ids.get(ordinal)
        return self._names.pattern(names.OTHER, names.OTHER) if number is None else number
