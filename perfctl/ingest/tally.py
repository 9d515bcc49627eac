"""Turns the records of a chunk into rows and rollup cells, and counts what it had to refuse."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from perfctl import sketch
from perfctl.ingest.testruns import ExactRuns
from perfctl.model import DAY_MS, Source
from perfctl.recording import check
from perfctl.store import cells, counters, details, errors, names, requests
from perfctl.store.cells import Cell, CellKey
from perfctl.store.details import CacheCell, CacheKey, QueryCell, QueryKey, SpanCell, SpanKey
from perfctl.store.errors import ErrorRow
from perfctl.store.gate import ExactRow
from perfctl.store.requests import RequestRow

FUTURE_MS = 60_000
KEEP_REQUESTS_MS = 30 * DAY_MS
KEEP_ERRORS_MS = 90 * DAY_MS
_DETAIL_MS = 600_000
_UNKNOWN = ("(other)", "(other)")


class Tally:
    """What one chunk of a segment adds to the store."""

    def __init__(
        self,
        known: names.Names,
        source: str,
        origin_id: int,
        patterns: dict[int, int],
        now_ms: int,
        tests: ExactRuns | None = None,
    ) -> None:
        self._names = known
        self._source = source
        self._origin_id = origin_id
        self._patterns = patterns
        self._now_ms = now_ms
        self._tests = tests
        self.new_patterns: list[tuple[int, int]] = []
        self.counts: dict[str, int] = {}
        self.newest_ms = 0
        self.requests = 0
        self._groups: dict[CellKey, list[RequestRow]] = {}
        self._queries: dict[QueryKey, list[QueryCell]] = {}
        self._uses: dict[tuple[int, int], dict[int, list[Any]]] = {}
        self._caches: dict[CacheKey, list[tuple[int, ...]]] = {}
        self._spans: dict[SpanKey, list[SpanCell]] = {}
        self._errors: list[ErrorRow] = []

    def count(self, name: str, n: int = 1) -> None:
        """Count something by name."""
        self.counts[name] = self.counts.get(name, 0) + n

    def take(self, records: Iterable[Any]) -> None:
        """Sort records into rows and cells; what does not pass the checks is counted."""
        is_request, take_request = check.is_request, self._take_request
        for record in records:
            kind = record[0]
            if kind == "r" and is_request(record):
                take_request(record)
            elif kind == "p" and check.is_pattern(record):
                self._take_pattern(record)
            elif kind == "e" and check.is_error(record):
                self._take_error(record)
            elif kind == "c" and check.is_counter(record):
                self.count(record[1], record[2])
            elif kind != "perfctl":
                self.count("refused:invalid" if kind in ("r", "p", "e", "c") else "refused:kind")

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

    def _take_request(self, record: Any) -> None:
        _, at, method, route, status, duration, size, rid, flags, *rest = record
        cpu, queue, rss, delta, queries, db = rest[:6]
        if self._now_ms - KEEP_REQUESTS_MS <= at <= self._now_ms + FUTURE_MS:
            if at > self.newest_ms:
                self.newest_ms = at
        else:
            kept = self._true_time(at, KEEP_REQUESTS_MS)
            if kept is None:
                return
            at = kept
        kind = names.kind_of(flags) if flags & 20 else 0
        endpoint_id = self._names.endpoint(method, route, kind)
        if endpoint_id is None:
            self.count("refused:invalid")
            return
        user = lifetime = test_id = None
        n_plus_one = duplicates = hits = misses = 0
        if len(rest) > 6:
            tail = rest[6:]
            user, lifetime, patterns, findings, caches, test, spans = (
                tail + _TAIL_DEFAULTS[len(tail) :]
            )
            user = user or None
            if patterns or findings:
                n_plus_one, duplicates = self._take_queries(at, endpoint_id, patterns, findings)
            if caches:
                hits, misses = self._take_caches(at, caches)
            if spans:
                self._take_spans(at, endpoint_id, spans)
            if test:
                test_id = self._names.test(test)
                if self._tests is not None:
                    exact = ExactRow(at, test_id, endpoint_id, duration, queries, hits, misses)
                    self._tests.take(exact, patterns, findings)
        key = (at // 60_000, self._origin_id, endpoint_id, status // 100)
        row = (at, self._origin_id, endpoint_id, status, duration, size, rid, flags, cpu, queue,
               rss, delta, queries, db, n_plus_one, duplicates, hits, misses, user, lifetime,
               test_id)  # fmt: skip
        group = self._groups.get(key)
        if group is None:
            self._groups[key] = [row]
        else:
            group.append(row)
        self.requests += 1

    def _take_queries(
        self, at: int, endpoint_id: int, patterns: list[Any], findings: list[Any]
    ) -> tuple[int, int]:
        place = (at // _DETAIL_MS, endpoint_id)
        uses = self._uses.get(place)
        if uses is None:
            uses = self._uses[place] = {}
        if findings:
            patterns, n_plus_one, duplicates = self._take_findings(place, patterns, findings)
        else:
            n_plus_one = duplicates = 0
        for use in patterns:
            group = uses.get(use[0])
            if group is None:
                uses[use[0]] = [use]
            else:
                group.append(use)
        return n_plus_one, duplicates

    def _take_findings(
        self, place: tuple[int, int], patterns: list[Any], findings: list[Any]
    ) -> tuple[list[Any], int, int]:
        """The uses without what stands at an N+1's call site, and how many findings there were."""
        left = {use[0]: use for use in patterns}
        n_plus_one = duplicates = 0
        for kind, ordinal, calls, total_us, site, detail in findings:
            mean_us = total_us // max(1, calls)
            if kind == "n":
                n_plus_one += 1
                site_id = self._names.site(site, detail) if site else 0
                cell = QueryCell(1, calls, total_us, mean_us, 1, 0, _sketch_of(mean_us, calls))
                self._put_query(place, ordinal, site_id, cell)
                use = left.pop(ordinal, None)
                if use is not None and use[1] > calls:
                    rest_us = max(0, use[2] - total_us)
                    left[ordinal] = [ordinal, use[1] - calls, rest_us, min(use[3], rest_us)]
            else:
                repeats = max(0, calls - 1)
                duplicates += repeats
                self._put_query(place, ordinal, 0, QueryCell(0, 0, 0, 0, 0, repeats, b""))
        return list(left.values()), n_plus_one, duplicates

    def _put_query(
        self, place: tuple[int, int], ordinal: int, site_id: int, cell: QueryCell
    ) -> None:
        pattern_id = self._patterns.get(ordinal)
        if pattern_id is None:
            pattern_id = self._patterns[ordinal] = self._names.pattern(*_UNKNOWN)
        period, endpoint_id = place
        key = (period, self._origin_id, endpoint_id, pattern_id, site_id)
        self._queries.setdefault(key, []).append(cell)

    def _query_cells(self) -> dict[QueryKey, QueryCell]:
        for place, uses in self._uses.items():
            for ordinal, group in uses.items():
                self._put_query(place, ordinal, 0, query_cell_of(group))
        return {key: details.merge_queries(group) for key, group in self._queries.items()}

    def _take_caches(self, at: int, caches: list[Any]) -> tuple[int, int]:
        period = at // _DETAIL_MS
        all_hits = all_misses = 0
        for alias, prefix, hits, misses, writes, total_us in caches:
            key = (period, self._origin_id, self._names.prefix(alias, prefix))
            cell = (1, hits, misses, writes, total_us)
            group = self._caches.get(key)
            if group is None:
                self._caches[key] = [cell]
            else:
                group.append(cell)
            all_hits += hits
            all_misses += misses
        return all_hits, all_misses

    def _take_spans(self, at: int, endpoint_id: int, spans: list[Any]) -> None:
        period = at // _DETAIL_MS
        for name, calls, total_us in spans:
            key = (period, self._origin_id, endpoint_id, self._names.span(name))
            self._spans.setdefault(key, []).append(SpanCell(1, calls, total_us))

    def _take_pattern(self, record: Any) -> None:
        _, ordinal, alias, fingerprint = record
        number = self._names.pattern(alias, fingerprint)
        self._patterns[ordinal] = number
        self.new_patterns.append((ordinal, number))

    def _take_error(self, record: Any) -> None:
        _, at, rid, method, route, status, kind, frames, message, agent, *rest = record
        user, handled = (rest + [None, False][len(rest) :])[:2]
        kept = self._true_time(at, KEEP_ERRORS_MS)
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

    def write(self, con: sqlite3.Connection, host: str) -> set[tuple[int, int]]:
        """Add all of it to the store; returns the (level, period) pairs of hours and days touched."""
        rows = [row for group in self._groups.values() for row in group]
        if rows:
            requests.insert(con, rows)
        touched = cells.add(
            con, self._source, {key: cell_of(group) for key, group in self._groups.items()}
        )
        details.add_queries(con, self._query_cells())
        details.add_caches(
            con, {key: _sum(CacheCell, group) for key, group in self._caches.items()}
        )
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


_TAIL_DEFAULTS: list[Any] = [None, None, [], [], [], None, []]


def _sum(kind: Any, group: list[Any]) -> Any:
    return kind._make(map(sum, zip(*group, strict=True)))


def _sketch_of(value_us: int, count: int) -> bytes:
    return sketch.encode([(sketch.bucket(value_us), count)]) if count else b""


def query_cell_of(uses: list[Any]) -> QueryCell:
    """The cell of uses `[ordinal, calls, total_us, max_us]` of one pattern.

    Of a request's calls only sum and maximum are known. The sketch is exact for one and two calls;
    of more, the slowest is exact and the others stand at their mean.
    """
    _, calls, totals, maxima = zip(*uses, strict=True)
    n = len(uses)
    n_calls = sum(calls)
    blob = sketch.of_values(maxima)
    if n_calls != n:
        counts: dict[int, int] = {}
        for _, count, total_us, max_us in uses:
            if count > 1:
                index = sketch.bucket(max(0, total_us - max_us) // (count - 1))
                counts[index] = counts.get(index, 0) + count - 1
        blob = sketch.merge([blob, sketch.encode(counts.items())])
    return QueryCell(n, n_calls, sum(totals), max(maxima), 0, 0, blob)


def cell_of(rows: list[RequestRow]) -> Cell:
    """The minute cell of rows that share minute, origin, endpoint and status class."""
    (_, _, _, statuses, durations, sizes, _, flags, cpus, queues, _, _, queries, dbs, n_plus_ones,
     duplicates, hits, misses, _, _, _) = zip(*rows, strict=True)  # fmt: skip
    n = len(rows)
    is_failure = statuses[0] >= 500
    return Cell(
        n,
        n if is_failure else sum(flag & 1 for flag in flags),
        sum(durations),
        max(durations),
        sum(filter(None, cpus)),
        sum(filter(None, queues)),
        n - queues.count(None),
        sum(filter(None, queries)),
        max(filter(None, queries), default=0),
        n - queries.count(None),
        sum(filter(None, dbs)),
        n - n_plus_ones.count(0),
        sum(duplicates),
        sum(hits),
        sum(misses),
        sum(filter(None, sizes)),
        sketch.of_values(durations),
    )
