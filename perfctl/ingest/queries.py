"""The queries of a chunk's requests: cells by pattern, and what findings take out of them."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from perfctl import sketch
from perfctl.ingest.buckets import buckets_of, sketch_of
from perfctl.recording import check
from perfctl.recording.columns import Column, Columns, PatternUses
from perfctl.recording.patterns import OTHER_ORDINAL
from perfctl.store.details import QueryCell

_TEN_MINUTES_MS = 600_000
_ONES = array("Q", [1]) * 4096  # compared as memory: a tenth of what adding up costs

Place = tuple[int, int]
"""(period of ten minutes, endpoint)"""


class Finding(NamedTuple):
    """A finding of the request at a place of the chunk, as a cell."""

    place: int
    ordinal: int
    site: str | None
    detail: str | None
    cell: QueryCell


class Found(NamedTuple):
    """The pattern uses without what stands at an N+1's call site, and all findings."""

    patterns: Sequence[Any]
    findings: Sequence[Finding]
    n_plus_one: Sequence[int]
    duplicates: Sequence[int]


def split_findings(columns: Columns) -> Found | None:
    """Take the findings out of the patterns; None where a request's patterns do not pass."""
    nothing = (0,) * len(columns.kind)
    if not any(columns.findings):
        return Found(columns.patterns, (), nothing, nothing)
    patterns, n_plus_one, duplicates = list(columns.patterns), list(nothing), list(nothing)
    found: list[Finding] = []
    for place, findings in enumerate(columns.findings):
        if not findings:
            continue
        uses = patterns[place] or []
        if uses and not check.are_pattern_uses(uses):
            return None
        left = {use[0]: use for use in uses}
        ordinals = frozenset(left)
        for kind, ordinal, calls, total_us, site, detail in findings:
            if kind == "n":
                n_plus_one[place] += 1
                cell = _cell_at_site(calls, total_us)
                # A pattern that was one too many is summed under the others, its finding is not.
                place_in = ordinal if ordinal in ordinals else OTHER_ORDINAL
                _take_out(left, place_in, calls, total_us)
            else:
                repeats = max(0, calls - 1)
                duplicates[place] += repeats
                site = None
                cell = QueryCell(0, 0, 0, 0, 0, repeats, b"")
            found.append(Finding(place, ordinal, site, detail, cell))
        patterns[place] = list(left.values())
    return Found(patterns, found, n_plus_one, duplicates)


def _cell_at_site(calls: int, total_us: int) -> QueryCell:
    mean_us = total_us // max(1, calls)
    blob = sketch.encode([(sketch.bucket(mean_us), calls)]) if calls else b""
    return QueryCell(1, calls, total_us, mean_us, 1, 0, blob)


def _take_out(left: dict[int, list[int]], ordinal: int, calls: int, total_us: int) -> None:
    use = left.pop(ordinal, None)
    if use is not None and use[1] > calls:
        rest_us = max(0, use[2] - total_us)
        left[ordinal] = [ordinal, use[1] - calls, rest_us, min(use[3], rest_us)]


class UseGroups:
    """Pattern uses of requests, grouped by ten minutes, endpoint and row of patterns."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, int, tuple[int, ...]], array[int]] = {}

    def add(self, started_ms: Column, endpoints: Column, uses: PatternUses) -> None:
        """Add the uses of requests."""
        if not uses.counts:
            return
        groups, ordinals, numbers = self._groups, uses.ordinals, uses.numbers
        stop = 0
        for at_ms, endpoint_id, count in zip(started_ms, endpoints, uses.counts, strict=True):
            if not count:
                continue
            start, stop = stop, stop + count
            key = (at_ms // _TEN_MINUTES_MS, endpoint_id, ordinals[start:stop])
            group = groups.get(key)
            if group is None:
                groups[key] = numbers[4 * start : 4 * stop]
            else:
                group.extend(numbers[4 * start : 4 * stop])

    def cells(self) -> Iterator[tuple[Place, int, QueryCell]]:
        """The cells by place and ordinal; the same may come more than once."""
        for (period, endpoint_id, ordinals), numbers in self._groups.items():
            place = (period, endpoint_id)
            width = 4 * len(ordinals)
            for first, ordinal in zip(range(0, width, 4), ordinals, strict=True):
                calls = numbers[first + 1 :: width]
                totals_us = numbers[first + 2 :: width].tolist()
                maxima_us = numbers[first + 3 :: width].tolist()
                yield place, ordinal, cell_of(calls, totals_us, maxima_us)


def cell_of(calls: Column, totals_us: Column, maxima_us: Column) -> QueryCell:
    """The cell of uses of one pattern, an item a request.

    Of a request's calls only sum and maximum are known. The sketch is exact for one and two calls;
    of more, the slowest is exact and the others stand at their mean.
    """
    n = len(calls)
    n_calls = n if calls == _ONES[:n] else sum(calls)
    buckets = buckets_of(maxima_us)
    blob = sketch_of(buckets) if n_calls == n else _of_calls(calls, totals_us, maxima_us, buckets)
    return QueryCell(n, n_calls, sum(totals_us), max(maxima_us), 0, 0, blob)


def _of_calls(calls: Column, totals_us: Column, maxima_us: Column, buckets: Column) -> bytes:
    counts = Counter(buckets)
    for count, total_us, max_us in zip(calls, totals_us, maxima_us, strict=True):
        if count > 1:
            counts[sketch.bucket(max(0, total_us - max_us) // (count - 1))] += count - 1
    return sketch.of_counts(counts)
