"""`django_hook.measure("name")`: times own code as part of the request."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter_ns
from types import TracebackType
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

from django_hook import faults
from perfctl.recording.state import STATE, Span

P = ParamSpec("P")
R = TypeVar("R")

_MOST_SPANS = 50
_LONGEST_NAME = 100
_OTHER = "(other)"


class measure:  # noqa: N801 - reads as a verb where it is used
    """A block (`with measure("import"):`) or a function (`@measure("import")`) timed by name.

    Sync and async, as often as wanted; outside a request it does nothing.
    """

    def __init__(self, name: str) -> None:
        self._name = str(name)[:_LONGEST_NAME]

    def __enter__(self) -> measure:
        _running.set(_Running(self, perf_counter_ns(), _running.get()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        now_ns = perf_counter_ns()
        running = _running.get()
        passed: list[_Running] = []  # of generators, whose blocks may end in any order
        while running is not None and running.block is not self:
            passed.append(running)
            running = running.outer
        if running is None:  # begun in another context: how long it took is not known
            return
        _add(self._name, now_ns - running.started_ns)
        left = running.outer
        for inner in reversed(passed):
            left = inner._replace(outer=left)
        _running.set(left)

    async def __aenter__(self) -> measure:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, exc, traceback)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        name = self._name
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"measure() cannot time the generator {function.__qualname__}: "
                "its caller's time would be in it; put `with measure(...)` inside"
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def timed_coroutine(*args: P.args, **kwargs: P.kwargs) -> Any:
                with measure(name):
                    return await function(*args, **kwargs)

            return cast("Callable[P, R]", timed_coroutine)

        @functools.wraps(function)
        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            with measure(name):
                return function(*args, **kwargs)

        return timed


class _Running(NamedTuple):
    block: measure
    started_ns: int
    outer: _Running | None


# By context, not on the block: threads and tasks may share one.
_running: ContextVar[_Running | None] = ContextVar("perfctl_measure", default=None)


def _add(name: str, took_ns: int) -> None:
    state = STATE.get()
    if state is None:
        return
    try:
        spans = state.spans
        if spans is None:
            spans = state.spans = {}
            state.has_more = True
        span = spans.get(name)
        if span is None:
            if len(spans) >= _MOST_SPANS:
                name = _OTHER
            span = spans.setdefault(name, Span())
        span.calls += 1
        span.total_ns += took_ns
    except Exception:
        faults.count("measure")
