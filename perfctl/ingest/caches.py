"""Cells of key prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain, repeat
from operator import sub

from perfctl.recording.columns import CacheUses, Column
from perfctl.store.details import CacheCell, CacheKey

_TEN_MINUTES_MS = 600_000


class PrefixCells:
    """Gathers the cache uses of one origin by ten minutes and prefix."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, int], list[tuple[int, ...]]] = {}

    def add(self, started_ms: Column, numbers: Sequence[int], uses: CacheUses) -> None:
        """Add uses; `numbers` are those of their prefixes."""
        groups = self._groups
        periods = chain.from_iterable(
            map(repeat, [at_ms // _TEN_MINUTES_MS for at_ms in started_ms], uses.counts)
        )
        items = zip(uses.hits, uses.misses, uses.writes, uses.totals_us, strict=True)
        for period, number, item in zip(periods, numbers, items, strict=True):
            group = groups.get((period, number))
            if group is None:
                groups[period, number] = [item]
            else:
                group.append(item)

    def cells(self, origin_id: int) -> dict[CacheKey, CacheCell]:
        """The cells of what was added."""
        return {
            (period, origin_id, number): CacheCell(len(group), *map(sum, zip(*group, strict=True)))
            for (period, number), group in self._groups.items()
        }


def hits_and_misses(uses: CacheUses, requests: int) -> tuple[Column, Column]:
    """Hits and misses of each request."""
    if not uses.names:
        nothing = (0,) * requests
        return nothing, nothing
    if uses.counts.count(1) == requests:
        return uses.hits, uses.misses
    return _sums(uses.hits, uses.counts), _sums(uses.misses, uses.counts)


def _sums(column: Column, counts: Sequence[int]) -> list[int]:
    """The sum of each request's items."""
    running = list(accumulate(column, initial=0))
    edges = [running[place] for place in accumulate(counts, initial=0)]
    return list(map(sub, edges[1:], edges))
