"""Requests of a chunk that have passed all checks, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, NamedTuple

from perfctl.ingest import queries
from perfctl.model import Flag
from perfctl.recording import columns
from perfctl.recording.columns import CacheUses, Column, Columns, PatternUses
from perfctl.store import names
from perfctl.store.names import EndpointKey


class Batch(NamedTuple):
    """Requests that have passed all checks."""

    columns: Columns
    found: queries.Found
    patterns: PatternUses
    caches: CacheUses

    @property
    def watches_caches(self) -> Column:
        """None for each request whose look-ups nobody watched."""
        flags = self.columns.flags
        blind = {each for each in set(flags) if each & Flag.CACHES_UNWATCHED}
        return [None if each in blind else each for each in flags] if blind else flags


def read_batch(records: Sequence[Any]) -> Batch | None:
    """Request records as columns; None where one of them does not pass."""
    found = columns.requests_of(records)
    if found is None:
        return None
    split = queries.split_findings(found)
    caches = columns.cache_uses_of(found.caches)
    if split is None or caches is None:
        return None
    uses = columns.pattern_uses_of(split.patterns)
    return None if uses is None else Batch(found, split, uses, caches)


def endpoints_of(found: Columns) -> list[EndpointKey]:
    """The endpoint of each request: method, route and kind."""
    kinds = {flags: names.kind_of(flags) for flags in set(found.flags)}
    each = map(kinds.__getitem__, found.flags) if any(kinds.values()) else repeat(0)
    return list(zip(found.method, found.route, each))  # noqa: B905  # `repeat` has no end
