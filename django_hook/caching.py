"""Watches the operations of each cache, by replacing the methods of its class.

An operation that is built on others counts once: `get_or_set` is one look-up and perhaps one write,
`incr` one write, however the backend goes about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, wraps
from time import perf_counter_ns
from typing import Any, NamedTuple

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string

from django_hook import faults
from django_hook.operations import Operation, inside, use_of, watched
from perfctl.recording.state import STATE

Method = Callable[..., Any]

# Backends of Django's whose `get` calls no other operation: nothing to keep from counting twice.
_PLAIN_BACKENDS = frozenset(
    f"django.core.cache.backends.{name}" for name in ("dummy", "locmem", "memcached", "redis")
)
_MARK = "_counted_by_perfctl"
_MISSING = object()


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


def _looked_up(operation: Operation, key: object, found: object) -> None:
    operation.look_up(key, bool(found))


def _looked_up_many(operation: Operation, keys: Iterable[object], values: Any) -> None:
    for key in keys:
        operation.look_up(key, key in values)


def _written(operation: Operation, key: object, result: object) -> None:
    operation.write(key)


def _written_many(operation: Operation, keys: Iterable[object], result: object) -> None:
    for key in keys:
        operation.write(key)


def _as_it_is(argument: Any) -> Any:
    return argument


class _Kind(NamedTuple):
    """How an operation takes its keys, and how it counts."""

    parameter: str
    prepare: Callable[[Any], Any]  # keys may come as an iterator, which can be read once
    settle: Callable[[Operation, Any, Any], None]


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
        state = watched()
        if state is None:
            return method(self, *args, **kw)
        first = kind.prepare(args[0] if args else kw.pop(kind.parameter))
        with Operation(state, self) as operation:
            result = method(self, first, *args[1:], **kw)
            kind.settle(operation, first, result)
        return result

    return operate


def _wrap_async(method: Method, kind: _Kind) -> Method:
    async def operate(self: BaseCache, *args: Any, **kw: Any) -> Any:
        state = watched()
        if state is None:
            return await method(self, *args, **kw)
        first = kind.prepare(args[0] if args else kw.pop(kind.parameter))
        with Operation(state, self) as operation:
            result = await method(self, first, *args[1:], **kw)
            kind.settle(operation, first, result)
        return result

    return operate


def _wrap_get(method: Method) -> Method:
    """What projects call most: written flat, since cold each call of a function costs 0.5 µs."""
    get_state, is_inside = STATE.get, inside.get
    enter, leave = inside.set, inside.reset
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
                use = use_of(state, self, key)
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
        state = watched()
        if state is None:
            return await method(self, key, default, version, **kw)
        with Operation(state, self) as operation:
            value = await method(self, key, _MISSING, version, **kw)
            operation.look_up(key, value is not _MISSING)
        return default if value is _MISSING else value

    return aget


def _wrap_get_or_set(method: Method) -> Method:
    def get_or_set(self: BaseCache, key: Any, default: Any, *args: Any, **kw: Any) -> Any:
        state = watched()
        if state is None:
            return method(self, key, default, *args, **kw)
        with Operation(state, self) as operation:
            value = method(self, key, partial(operation.make, default), *args, **kw)
            operation.get_or_set(key)
        return value

    return get_or_set


def _wrap_aget_or_set(method: Method) -> Method:
    async def aget_or_set(self: BaseCache, key: Any, default: Any, *args: Any, **kw: Any) -> Any:
        state = watched()
        if state is None:
            return await method(self, key, default, *args, **kw)
        with Operation(state, self) as operation:
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
