"""Minute cells of requests."""

from __future__ import annotations

from typing import Any

from perfctl.ingest.buckets import buckets_of, sketch_of
from perfctl.store.cells import Cell, CellKey
from perfctl.store.requests import Column, RequestColumns

_MINUTE_MS = 60_000


class MinuteCells:
    """Gathers the requests of one origin by minute, endpoint and status class."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, int, int], list[tuple[Any, ...]]] = {}

    def add(self, rows: RequestColumns) -> None:
        """Add requests."""
        groups = self._groups
        items = zip(
            [
                1 if status >= 500 else flags & 1
                for status, flags in zip(rows.status, rows.flags, strict=True)
            ],
            rows.duration_us,
            _filled(rows.cpu_us),
            _filled(rows.queue_us),
            _known(rows.queue_us),
            _filled(rows.queries),
            _known(rows.queries),
            _filled(rows.db_us),
            map(bool, rows.n_plus_one),
            _filled(rows.duplicates),
            _filled(rows.cache_hits),
            _filled(rows.cache_misses),
            _filled(rows.response_bytes),
            buckets_of(rows.duration_us),
            strict=True,
        )
        for at_ms, endpoint_id, status, item in zip(
            rows.started_ms, rows.endpoint_id, rows.status, items, strict=True
        ):
            key = (at_ms // _MINUTE_MS, endpoint_id, status // 100)
            group = groups.get(key)
            if group is None:
                groups[key] = [item]
            else:
                group.append(item)

    def cells(self, origin_id: int) -> dict[CellKey, Cell]:
        """The cells of what was added."""
        return {
            (minute, origin_id, endpoint_id, status_class): _cell_of(group)
            for (minute, endpoint_id, status_class), group in self._groups.items()
        }


def _filled(column: Column) -> Column:
    return [number or 0 for number in column] if None in column else column


def _known(column: Column) -> list[bool]:
    return [number is not None for number in column]


def _cell_of(group: list[tuple[Any, ...]]) -> Cell:
    (errors, durations_us, cpu_us, queues_us, queued, queries, watched, db_us, n_plus_one,
     duplicates, hits, misses, sizes, buckets) = zip(*group, strict=True)  # fmt: skip
    return Cell(
        len(group), sum(errors), sum(durations_us), max(durations_us), sum(cpu_us),
        sum(queues_us), sum(queued), sum(queries), max(queries), sum(watched), sum(db_us),
        sum(n_plus_one), sum(duplicates), sum(hits), sum(misses), sum(sizes),
        sketch_of(buckets),
    )  # fmt: skip
