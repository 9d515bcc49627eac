"""What the middlewares measure of a request, each its part."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from perfctl.model import Flag
from perfctl.recording.state import RequestState


@dataclass(slots=True)
class Measures:
    """What a middleware, or several in one, measure of a request."""

    process: bool = False
    queries: bool = False
    api: bool = False
    caches: bool = False

    def add(self, other: Measures) -> None:
        """Measure what another one does too."""
        self.process |= other.process
        self.queries |= other.queries
        self.api |= other.api
        self.caches |= other.caches


@functools.cache
def _state_with(process: bool, queries: bool, api: bool, caches: bool) -> type[RequestState]:
    """A kind of state on which it stands already what is measured."""
    defaults = {
        "measures_process": process,
        "watches_queries": queries,
        "measures_api": api,
        "watches_caches": caches,
        "flags": 0 if caches else int(Flag.CACHES_UNWATCHED),
    }
    return type("MeasuredState", (RequestState,), defaults)


def state_with(measures: Measures) -> type[RequestState]:
    """The kind of state of requests of which that is measured."""
    return _state_with(measures.process, measures.queries, measures.api, measures.caches)
