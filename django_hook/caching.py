"""Watches the operations of each cache, by replacing the methods of its class.

An operation that is built on others counts once: `get_or_set` is one look-up and perhaps one write,
`incr` one write, however the backend goes about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import partial, wraps
from time import perf_counter_ns
from typing import Any, NamedTuple

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string

from django_hook import faults
from perfctl.recording.cachekeys import KeyNames
from perfctl.recording.state import STATE, CacheUse, RequestState

Method = Callable[..., Any]

# Backends of Django's whose `get` calls no other operation: nothing to keep from counting twice.
_PLAIN_BACKENDS = frozenset(
    f"django.core.cache.backends.{name}" for name in ("dummy", "locmem", "memcached", "redis")
)
_MARK = "_counted_by_perfctl"
_MISSING = object()
_UNKNOWN_CACHE = "(other)"

_inside: ContextVar[bool] = ContextVar("perfctl_cache", default=False)
_names: dict[str, KeyNames] = {}


def watch_caches() -> None:
    """Replace the methods of each configured cache's class, once."""
    for alias, configured in caches.settings.items():
        try:
            kind = import_string(configured["BACKEND"])
            if isinstance(kind, type) and issubclass(kind, BaseCache):
                _watch_class(kind)
        except Exception:  # Django says what is wrong with it when it is used
            faults.count(f"cache:{alias}")


def _watch_class(kind: Any) -> None:
    kind._perfctl_alias = None  # of a class; its instances get theirs when they are used
    for name, wrap in _WRAPPERS.items():
        method = getattr(kind, name, None)
        if method is not None and not hasattr(method, _MARK):
            wrapper = wraps(method)(wrap(method))
            setattr(wrapper, _MARK, True)
            setattr(kind, name, wrapper)


class _Operation:
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

    def __enter__(self) -> _Operation:
        self._token = _inside.set(True)
        self._started_ns = perf_counter_ns()
        return self

    def __exit__(self, *exc: object) -> None:
        took_ns = perf_counter_ns() - self._started_ns - self._paused_ns
        _inside.reset(self._token)
        try:
            share_ns = took_ns // max(1, len(self._entries))
            for key, hits, misses, writes in self._entries:
                use = _use_of(self._state, self._cache, key)
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
        token = _inside.set(False)
        began_ns = perf_counter_ns()
        try:
            return default()
        finally:
            self._paused_ns += perf_counter_ns() - began_ns
            _inside.reset(token)

    def get_or_set(self, key: object) -> None:
        """A key was asked for, and written where `make` was called for it."""
        self._entries.append((key, 0, 1, 1) if self.is_missing else (key, 1, 0, 0))


def _watched() -> RequestState | None:
    """The request to count for; None outside one and inside another operation."""
    state = STATE.get()
    if state is None or not state.watches_caches or _inside.get():
        return None
    return state


def _use_of(state: RequestState, cache: BaseCache, key: object) -> CacheUse:
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


def _looked_up(operation: _Operation, key: object, found: object) -> None:
    operation.look_up(key, bool(found))


def _looked_up_many(operation: _Operation, keys: Iterable[object], values: Any) -> None:
    for key in keys:
        operation.look_up(key, key in values)


def _written(operation: _Operation, key: object, result: object) -> None:
    operation.write(key)


def _written_many(operation: _Operation, keys: Iterable[object], result: object) -> None:
    for key in keys:
        operation.write(key)


def _as_it_is(argument: Any) -> Any:
    return argument


class _Kind(NamedTuple):
    """How an operation takes its keys, and how it counts."""

    parameter: str
    prepare: Callable[[Any], Any]  # keys may come as an iterator, which can be read once
    settle: Callable[[_Operation, Any, Any], None]


_WRITE = _Kind("key", _as_it_is, _written)
_KINDS = {
    "has_key": _Kind("key", _as_it_is, _looked_up),
    "get_many": _Kind("keys", list, _looked_up_many),
    "set_many": _Kind("data", _as_it_is, _written_many),
    "delete_many": _Kind("keys", list, _written_many),
    **dict.fromkeys(
        ("set", "add", "delete", "touch", "incr", "decr", "incr_version", "decr_version"), _WRITE
    ),
}


def _wrap(method: Method, kind: _Kind) -> Method:
    def operate(self: BaseCache, *args: Any, **kw: Any) -> Any:
        state = _watched()
        if state is None:
            return method(self, *args, **kw)
        first = kind.prepare(args[0] if args else kw.pop(kind.parameter))
        with _Operation(state, self) as operation:
            result = method(self, first, *args[1:], **kw)
            kind.settle(operation, first, result)
        return result

    return operate


def _wrap_async(method: Method, kind: _Kind) -> Method:
    async def operate(self: BaseCache, *args: Any, **kw: Any) -> Any:
        state = _watched()
        if state is None:
            return await method(self, *args, **kw)
        first = kind.prepare(args[0] if args else kw.pop(kind.parameter))
        with _Operation(state, self) as operation:
            result = await method(self, first, *args[1:], **kw)
            kind.settle(operation, first, result)
        return result

    return operate


def _wrap_get(method: Method) -> Method:
    """What projects call most: written flat, since cold each call of a function costs 0.5 µs."""
    get_state, is_inside = STATE.get, _inside.get
    enter, leave = _inside.set, _inside.reset
    calls_others = method.__module__ not in _PLAIN_BACKENDS

    def get(self: BaseCache, key: Any, default: Any = None, version: Any = None, **kw: Any) -> Any:
        state = get_state()
        if state is None or not state.watches_caches or is_inside():
            return method(self, key, default, version, **kw)
        if calls_others or kw:
            token = enter(True)
            started_ns = perf_counter_ns()
            try:
                value = method(self, key, _MISSING, version, **kw)
            finally:
                took_ns = perf_counter_ns() - started_ns
                leave(token)
        else:
            started_ns = perf_counter_ns()
            value = method(self, key, _MISSING, version)
            took_ns = perf_counter_ns() - started_ns
        try:
            use = None
            if type(key) is str and state.caches is not None:
                prefix, colon, _ = key.partition(":")
                if colon:
                    use = state.caches.get((self._perfctl_alias, prefix))  # type: ignore[attr-defined]
            if use is None:
                use = _use_of(state, self, key)
            use.total_ns += took_ns
            if value is _MISSING:
                use.misses += 1
            else:
                use.hits += 1
        except Exception:
            faults.count("cache")
        return default if value is _MISSING else value

    return get


def _wrap_aget(method: Method) -> Method:
    async def aget(
        self: BaseCache, key: Any, default: Any = None, version: Any = None, **kw: Any
    ) -> Any:
        state = _watched()
        if state is None:
            return await method(self, key, default, version, **kw)
        with _Operation(state, self) as operation:
            value = await method(self, key, _MISSING, version, **kw)
            operation.look_up(key, value is not _MISSING)
        return default if value is _MISSING else value

    return aget


def _wrap_get_or_set(method: Method) -> Method:
    def get_or_set(self: BaseCache, key: Any, default: Any, *args: Any, **kw: Any) -> Any:
        state = _watched()
        if state is None:
            return method(self, key, default, *args, **kw)
        with _Operation(state, self) as operation:
            value = method(self, key, partial(operation.make, default), *args, **kw)
            operation.get_or_set(key)
        return value

    return get_or_set


def _wrap_aget_or_set(method: Method) -> Method:
    async def aget_or_set(self: BaseCache, key: Any, default: Any, *args: Any, **kw: Any) -> Any:
        state = _watched()
        if state is None:
            return await method(self, key, default, *args, **kw)
        with _Operation(state, self) as operation:
            value = await method(self, key, partial(operation.make, default), *args, **kw)
            operation.get_or_set(key)
        return value

    return aget_or_set


_WRAPPERS: dict[str, Callable[[Method], Method]] = {
    "get": _wrap_get,
    "aget": _wrap_aget,
    "get_or_set": _wrap_get_or_set,
    "aget_or_set": _wrap_aget_or_set,
    **{name: partial(_wrap, kind=kind) for name, kind in _KINDS.items()},
    **{f"a{name}": partial(_wrap_async, kind=kind) for name, kind in _KINDS.items()},
}
