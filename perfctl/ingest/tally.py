"""Turns the records of a chunk into rows and rollup cells, and counts what it had to refuse."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from perfctl.ingest import caches, minutes, queries
from perfctl.ingest.batch import Batch, endpoints_of, read_batch
from perfctl.ingest.caches import hits_and_misses
from perfctl.ingest.testruns import ExactRuns
from perfctl.model import Source
from perfctl.recording import check
from perfctl.recording.columns import Column, Columns
from perfctl.spool.reader import Chunk
from perfctl.store import cells, counters, details, errors, names, requests
from perfctl.store.details import QueryCell, QueryKey, SpanCell, SpanKey
from perfctl.store.errors import ErrorRow
from perfctl.store.gate import ExactRow

FUTURE_MS = 60_000
_REASONS = ("torn", "invalid", "kind", "old")
_DETAIL_MS = 600_000
_UNKNOWN = ("(other)", "(other)")


class Kept(NamedTuple):
    """How old a record may be that is still brought in."""

    requests_ms: int
    errors_ms: int


class Tally:
    """What one chunk of a segment adds to the store."""

    def __init__(
        self,
        con: sqlite3.Connection,
        known: names.Names,
        source: str,
        origin_id: int,
        patterns: dict[int, int],
        now_ms: int,
        kept: Kept,
        tests: ExactRuns | None = None,
    ) -> None:
        self._con = con
        self._names = known
        self._source = source
        self._origin_id = origin_id
        self._patterns = patterns
        self._now_ms = now_ms
        self._kept = kept
        self._tests = tests
        self.new_patterns: list[tuple[int, int]] = []
        self.counts: dict[str, int] = {}
        self.newest_ms = 0
        self.requests = 0
        self.records = 0
        self._minutes = minutes.MinuteCells()
        self._uses = queries.UseGroups()
        self._queries: dict[QueryKey, list[QueryCell]] = {}
        self._caches = caches.PrefixCells()
        self._spans: dict[SpanKey, list[SpanCell]] = {}
        self._errors: list[ErrorRow] = []

    def count(self, name: str, n: int = 1) -> None:
        """Count something by name."""
        self.counts[name] = self.counts.get(name, 0) + n

    def take(self, chunk: Chunk) -> None:
        """Sort records into rows and cells; what does not pass the checks is counted."""
        records = chunk.records
        self.records += len(records)
        for name, n in (("refused:torn", chunk.torn), ("refused:invalid", chunk.invalid)):
            if n:
                self.count(name, n)
        taken = [record for record in records if record[0] == "r"]
        if len(taken) < len(records):
            for record in records:
                if record[0] != "r":
                    self._take_other(record)
        if taken:
            self._take_requests(taken)

    def _take_other(self, record: Any) -> None:
        kind = record[0]
        if kind == "p" and check.is_pattern(record):
            self._take_pattern(record)
        elif kind == "e" and check.is_error(record):
            self._take_error(record)
        elif kind == "c" and check.is_counter(record):
            self.count(record[1], record[2])
        elif kind != "perfctl":
            self.count("refused:invalid" if kind in ("p", "e", "c") else "refused:kind")

    def _true_time(self, at_ms: int, keep_ms: int) -> int | None:
        """The time to store: clamped where it lies ahead, None where retention has passed it."""
        if at_ms > self._now_ms + FUTURE_MS:
            self.count("clamped:future")
            return self._now_ms
        if at_ms < self._now_ms - keep_ms:
            if self._source == Source.TEST:  # tests freeze the clock
                return self._now_ms
            self.count("refused:old")
            return None
        self.newest_ms = max(self.newest_ms, at_ms)
        return at_ms

    def _take_requests(self, records: list[Any]) -> None:
        """All requests at once; one by one only where something about one of them is wrong."""
        batch = read_batch(records)
        if batch is not None and self._are_timely(batch.columns.started_ms):
            self.newest_ms = max(self.newest_ms, max(batch.columns.started_ms))
        else:
            records = [record for record in records if self._accept(record)]
            if not records:
                return
            batch = read_batch(records)
            assert batch is not None  # noqa: S101  # what passes one by one passes together
        self._put(batch)

    def _are_timely(self, started_ms: Column) -> bool:
        oldest_ms: int = min(started_ms)
        newest_ms: int = max(started_ms)
        return (
            self._now_ms - self._kept.requests_ms
            <= oldest_ms
            <= newest_ms
            <= self._now_ms + FUTURE_MS
        )

    def _accept(self, record: Any) -> bool:
        """Whether a request is to be stored: sets its time right, or counts why not."""
        if not check.is_request(record):
            self.count("refused:invalid")
            return False
        at_ms = self._true_time(record[1], self._kept.requests_ms)
        if at_ms is None:
            return False
        if not check.is_text(record[3], 1000):
            self.count("refused:invalid")
            return False
        record[1] = at_ms
        return True

    def _put(self, batch: Batch) -> None:
        found = batch.columns
        endpoints = self._names.endpoints(endpoints_of(found))
        n = len(endpoints)
        hits, misses = hits_and_misses(batch.caches, n)
        if batch.caches.names:
            prefixes = self._names.prefixes(batch.caches.names)
            self._caches.add(found.started_ms, prefixes, batch.caches)
        self._put_findings(found.started_ms, endpoints, batch.found.findings)
        self._uses.add(found.started_ms, endpoints, batch.patterns)
        if any(found.spans):
            self._put_spans(found, endpoints)
        tests: Column = (None,) * n
        if any(found.test):
            tests = [self._names.test(test) if test else None for test in found.test]
            self._take_tests(found, endpoints, tests, hits, misses)
        watched = batch.watches_caches
        users = [user or None for user in found.user] if "" in found.user else found.user
        part = requests.RequestColumns(
            found.started_ms, [self._origin_id] * n, endpoints, *found[4:15],
            _where(found.queries, batch.found.n_plus_one),
            _where(found.queries, batch.found.duplicates),
            _where(watched, hits), _where(watched, misses),
            users, found.lifetime_us, tests,
        )  # fmt: skip
        self._minutes.add(part)
        requests.insert(self._con, part)
        self.requests += n

    def _take_tests(
        self, found: Columns, endpoints: Column, tests: Column, hits: Column, misses: Column
    ) -> None:
        if self._tests is None:
            return
        rows = zip(
            found.started_ms, tests, endpoints, found.duration_us, found.queries, hits, misses,
            strict=True,
        )  # fmt: skip
        for row, patterns, findings in zip(rows, found.patterns, found.findings, strict=True):
            if row[1] is not None:
                self._tests.take(ExactRow(*row), patterns or [], findings or [])

    def _put_findings(
        self, started_ms: Column, endpoints: Sequence[int], findings: Sequence[queries.Finding]
    ) -> None:
        for finding in findings:
            site_id = self._names.site(finding.site, finding.detail) if finding.site else 0
            place = (started_ms[finding.place] // _DETAIL_MS, endpoints[finding.place])
            self._put_query(place, finding.ordinal, site_id, finding.cell)

    def _put_query(self, place: queries.Place, ordinal: int, site_id: int, cell: QueryCell) -> None:
        pattern_id = self._patterns.get(ordinal)
        if pattern_id is None:
            pattern_id = self._patterns[ordinal] = self._names.pattern(*_UNKNOWN)
        period, endpoint_id = place
        key = (period, self._origin_id, endpoint_id, pattern_id, site_id)
        group = self._queries.get(key)
        if group is None:
            self._queries[key] = [cell]
        else:
            group.append(cell)

    def _put_spans(self, found: Columns, endpoints: Sequence[int]) -> None:
        for at, endpoint_id, spans in zip(found.started_ms, endpoints, found.spans, strict=True):
            for name, calls, total_us in spans or ():
                key = (at // _DETAIL_MS, self._origin_id, endpoint_id, self._names.span(name))
                self._spans.setdefault(key, []).append(SpanCell(1, calls, total_us))

    def _take_pattern(self, record: Any) -> None:
        _, ordinal, alias, fingerprint = record
        number = self._names.pattern(alias, fingerprint)
        self._patterns[ordinal] = number
        self.new_patterns.append((ordinal, number))

    def _take_error(self, record: Any) -> None:
        _, at, rid, method, route, status, kind, frames, message, agent, *rest = record
        user, handled = (rest + [None, False][len(rest) :])[:2]
        kept = self._true_time(at, self._kept.errors_ms)
        if kept is None:
            return
        endpoint_id = self._names.endpoint(method, route, 0) if method and route else None
        self._errors.append(
            ErrorRow(
                kept,
                self._source,
                self._origin_id,
                endpoint_id,
                rid,
                status,
                kind,
                tuple((file, line, function) for file, line, function in frames),
                message,
                agent,
                user or None,
                handled,
            )
        )

    @property
    def rejected(self) -> int:
        """Lines that were refused."""
        return sum(self.counts.get(f"refused:{reason}", 0) for reason in _REASONS)

    def write(self, host: str) -> set[tuple[int, int]]:
        """Add all of it to the store; returns the (level, period) pairs of hours and days touched."""
        con = self._con
        touched: set[tuple[int, int]] = set()
        if self.requests:
            touched = cells.add(con, self._source, self._minutes.cells(self._origin_id))
        for place, ordinal, cell in self._uses.cells():
            self._put_query(place, ordinal, 0, cell)
        details.add_queries(
            con, {key: details.merge_queries(group) for key, group in self._queries.items()}
        )
        details.add_caches(con, self._caches.cells(self._origin_id))
        details.add_spans(con, {key: _sum(SpanCell, group) for key, group in self._spans.items()})
        errors.insert(con, self._errors)
        if self._tests is not None:
            self._tests.write(con, self._patterns)
        if self.newest_ms:
            requests.note_newest(con, self.newest_ms)
        for table, n in self._names.crowded.items():
            self.count(f"crowded:{table}", n)
        self._names.crowded.clear()
        counters.add(con, host, self.counts, self._now_ms)
        return touched


def _where(watched: Column, numbers: Column) -> Column:
    """The numbers of the requests that were watched; None where what tells so is None."""
    if None not in watched:
        return numbers
    pairs = zip(watched, numbers, strict=True)
    return [None if seen is None else number for seen, number in pairs]


def _sum(kind: Any, group: list[Any]) -> Any:
    return kind._make(map(sum, zip(*group, strict=True)))
