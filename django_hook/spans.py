"""`django_hook.measure("name")`: times own code as part of the request."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from time import perf_counter_ns
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

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
        self._started_ns: list[int] = []

    def __enter__(self) -> measure:
        self._started_ns.append(perf_counter_ns())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _add(self._name, perf_counter_ns() - self._started_ns.pop())

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
