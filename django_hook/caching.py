"""Watches the operations of each cache, by replacing the methods of its class.

An operation that is built on others counts once: `get_or_set` is one look-up and perhaps one write,
`incr` one write, however the backend goes about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial, wraps
from inspect import Parameter, signature
from time import perf_counter_ns
from typing import Any, NamedTuple

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string

from django_hook import faults
from django_hook.operations import Operation, inside, use_of, watched
from perfctl.recording.state import STATE

Method = Callable[..., Any]
Arguments = tuple[Any, ...]

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


class _Kind(NamedTuple):
    """How an operation takes its keys, and how it counts."""

    parameter: str
    settle: Callable[[Operation, Any, Any], None]


_WRITE = _Kind("key", _written)
_KINDS = {
    "has_key": _Kind("key", _looked_up),
    "get_many": _Kind("keys", _looked_up_many),
    "set_many": _Kind("data", _written_many),
    "delete_many": _Kind("keys", _written_many),
    **dict.fromkeys(
        ("set", "add", "delete", "touch", "incr", "decr", "incr_version", "decr_version"), _WRITE
    ),
}


def _given(args: Arguments, kw: dict[str, Any], parameter: str) -> tuple[Arguments, Any]:
    """The arguments to call with, and the key or keys in them.

    An iterator can be read once: it is replaced by one that remembers what the backend has read.
    """
    given = args[0] if args else kw.get(parameter, _MISSING)
    if given is _MISSING or not hasattr(type(given), "__next__"):
        return args, given
    read: list[object] = []
    remembering = _remembering(given, read)
    if args:
        return (remembering, *args[1:]), read
    kw[parameter] = remembering
    return args, read


def _remembering(keys: Iterable[object], read: list[object]) -> Iterator[object]:
    for key in keys:
        read.append(key)
        yield key


def _settle(kind: _Kind, operation: Operation, given: Any, result: Any) -> None:
    if given is _MISSING:
        return
    try:
        kind.settle(operation, given, result)
    except Exception:  # what a backend takes and gives is its own affair
        faults.count("cache")


def _wrap(method: Method, kind: _Kind) -> Method:
    def operate(self: BaseCache, /, *args: Any, **kw: Any) -> Any:
        state = watched()
        if state is None:
            return method(self, *args, **kw)
        args, given = _given(args, kw, kind.parameter)
        with Operation(state, self) as operation:
            result = method(self, *args, **kw)
            _settle(kind, operation, given, result)
        return result

    return operate


def _wrap_async(method: Method, kind: _Kind) -> Method:
    async def operate(self: BaseCache, /, *args: Any, **kw: Any) -> Any:
        state = watched()
        if state is None:
            return await method(self, *args, **kw)
        args, given = _given(args, kw, kind.parameter)
        with Operation(state, self) as operation:
            result = await method(self, *args, **kw)
            _settle(kind, operation, given, result)
        return result

    return operate


class _DefaultOf:
    """Where a method takes its default: replaced by a mark, it tells a miss from a stored None."""

    def __init__(self, method: Method) -> None:
        try:
            parameters = list(signature(method).parameters.values())[1:]
        except (TypeError, ValueError):  # not a function of Python's
            parameters = []
        by_position = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        self._at: int | None = None
        self._has_name = False
        self.usual: Any = _MISSING
        for at, parameter in enumerate(parameters):
            if parameter.name == "default":
                self._at = at if parameter.kind in by_position else None
                self._has_name = parameter.kind is not Parameter.POSITIONAL_ONLY
                self.usual = None if parameter.default is Parameter.empty else parameter.default

    @property
    def is_second(self) -> bool:
        """Whether the method is called as Django has it: a key, a default."""
        return self._at == 1

    def replace(
        self, args: Arguments, kw: dict[str, Any], put: Callable[[Any], Any], *, adds: bool
    ) -> Arguments | None:
        """The arguments with `put(default)` in its place; None where there is no place for it.

        Where none is given, it is added if the method `adds` one of its own.
        """
        at = self._at
        if at is not None and len(args) > at:
            return (*args[:at], put(args[at]), *args[at + 1 :])
        if not self._has_name or not (args or "key" in kw) or not ("default" in kw or adds):
            return None
        kw["default"] = put(kw.get("default", self.usual))
        return args


def _key_of(args: Arguments, kw: dict[str, Any]) -> Any:
    return args[0] if args else kw.get("key")


class _Asked:
    """One look-up: its arguments with a mark for the default, and what the default was."""

    def __init__(self, where: _DefaultOf, args: Arguments, kw: dict[str, Any]) -> None:
        self.key = _key_of(args, kw)
        self._default: Any = None
        marked = where.replace(args, kw, self._mark, adds=True)
        self._is_marked = marked is not None
        self.args = args if marked is None else marked

    def _mark(self, default: Any) -> Any:
        self._default = default
        return _MISSING

    def is_hit(self, value: Any) -> bool:
        """Whether the value was found."""
        return value is not _MISSING if self._is_marked else value is not None

    def answer(self, value: Any) -> Any:
        """What the project gets."""
        return self._default if value is _MISSING else value


def _wrap_get(method: Method) -> Method:
    """What projects call most: written flat, since cold each call of a function costs 0.5 µs."""
    get_state, is_inside = STATE.get, inside.get
    where = _DefaultOf(method)
    is_plain = method.__module__ in _PLAIN_BACKENDS and where.is_second

    def get(self: BaseCache, /, *args: Any, **kw: Any) -> Any:
        state = get_state()
        if state is None or not state.watches_caches or is_inside():
            return method(self, *args, **kw)
        if kw or not is_plain or not 1 <= len(args) <= 2:
            asked = _Asked(where, args, kw)
            with Operation(state, self) as operation:
                value = method(self, *asked.args, **kw)
                operation.look_up(asked.key, asked.is_hit(value))
            return asked.answer(value)
        key = args[0]
        started_ns = perf_counter_ns()
        value = method(self, key, _MISSING)
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
        if value is _MISSING:
            return args[1] if len(args) == 2 else where.usual
        return value

    return get


def _wrap_aget(method: Method) -> Method:
    where = _DefaultOf(method)

    async def aget(self: BaseCache, /, *args: Any, **kw: Any) -> Any:
        state = watched()
        if state is None:
            return await method(self, *args, **kw)
        asked = _Asked(where, args, kw)
        with Operation(state, self) as operation:
            value = await method(self, *asked.args, **kw)
            operation.look_up(asked.key, asked.is_hit(value))
        return asked.answer(value)

    return aget


def _wrap_get_or_set(method: Method) -> Method:
    where = _DefaultOf(method)

    def get_or_set(self: BaseCache, /, *args: Any, **kw: Any) -> Any:
        state = watched()
        if state is None:
            return method(self, *args, **kw)
        with Operation(state, self) as operation:
            made = where.replace(args, kw, lambda given: partial(operation.make, given), adds=False)
            if made is None:
                return method(self, *args, **kw)
            value = method(self, *made, **kw)
            operation.get_or_set(_key_of(args, kw))
        return value

    return get_or_set


def _wrap_aget_or_set(method: Method) -> Method:
    where = _DefaultOf(method)

    async def aget_or_set(self: BaseCache, /, *args: Any, **kw: Any) -> Any:
        state = watched()
        if state is None:
            return await method(self, *args, **kw)
        with Operation(state, self) as operation:
            made = where.replace(args, kw, lambda given: partial(operation.make, given), adds=False)
            if made is None:
                return await method(self, *args, **kw)
            value = await method(self, *made, **kw)
            operation.get_or_set(_key_of(args, kw))
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
