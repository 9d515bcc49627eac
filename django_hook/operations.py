"""One operation on a cache: what it counts, and that what it calls in turn does not."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar, Token
from time import perf_counter_ns
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from django_hook import faults
from perfctl.recording.cachekeys import KeyNames
from perfctl.recording.state import STATE, CacheUse, RequestState

_UNKNOWN_CACHE = "(other)"

inside: ContextVar[bool] = ContextVar("perfctl_cache", default=False)
"""Whether an operation runs in this context: what is called now is part of it."""

_names: dict[str, KeyNames] = {}


class Operation:
    """One operation under the clock; what it calls on the same cache is part of it."""

    __slots__ = (
        "_cache",
        "_entries",
        "_paused_ns",
        "_started_ns",
        "_state",
        "_token",
        "is_missing",
    )

    def __init__(self, state: RequestState, cache: BaseCache) -> None:
        self._state = state
        self._cache = cache
        self._entries: list[tuple[object, int, int, int]] = []
        self._paused_ns = 0
        self.is_missing = False

    def __enter__(self) -> Operation:
        self._token = inside.set(True)
        self._started_ns = perf_counter_ns()
        return self

    def __exit__(self, *exc: object) -> None:
        took_ns = perf_counter_ns() - self._started_ns - self._paused_ns
        _leave(self._token)
        try:
            share_ns = took_ns // max(1, len(self._entries))
            for key, hits, misses, writes in self._entries:
                use = use_of(self._state, self._cache, key)
                use.hits += hits
                use.misses += misses
                use.writes += writes
                use.total_ns += share_ns
        except Exception:
            faults.count("cache")

    def look_up(self, key: object, found: bool) -> None:
        """A key was asked for."""
        self._entries.append((key, 1, 0, 0) if found else (key, 0, 1, 0))

    def write(self, key: object) -> None:
        """A key was written or removed."""
        self._entries.append((key, 0, 0, 1))

    def make(self, default: Any) -> Any:
        """The value for a missing key; what the project computes for it is no part of this."""
        self.is_missing = True
        if not callable(default):
            return default
        token = inside.set(False)
        began_ns = perf_counter_ns()
        try:
            return default()
        finally:
            self._paused_ns += perf_counter_ns() - began_ns
            _leave(token)

    def get_or_set(self, key: object) -> None:
        """A key was asked for, and written where `make` was called for it."""
        self._entries.append((key, 0, 1, 1) if self.is_missing else (key, 1, 0, 0))


def _leave(token: Token[bool]) -> None:
    # A coroutine that the garbage collector closes ends in another context.
    with contextlib.suppress(ValueError):
        inside.reset(token)


def watched() -> RequestState | None:
    """The request to count for; None outside one and inside another operation."""
    state = STATE.get()
    if state is None or not state.watches_caches or inside.get():
        return None
    return state


def use_of(state: RequestState, cache: BaseCache, key: object) -> CacheUse:
    uses = state.caches
    if uses is None:
        uses = state.caches = {}
        state.has_more = True
    cell = _names_of(cache).cell_of(key)
    use = uses.get(cell)
    if use is None:
        use = uses[cell] = CacheUse()
    return use


def _names_of(cache: Any) -> KeyNames:
    alias = cache._perfctl_alias
    if alias is None:
        connections: Any = caches  # the stubs leave out where it keeps what it has opened
        opened = connections._connections
        alias = next((a for a in caches if getattr(opened, a, None) is cache), None)
        if alias is None:  # made by hand, or somewhere else
            return _names.setdefault(_UNKNOWN_CACHE, KeyNames(_UNKNOWN_CACHE))
        cache._perfctl_alias = alias
    names = _names.get(alias)
    return names or _names.setdefault(alias, KeyNames(alias))
