"""The four middlewares. Each alone records the request; together they record it once.

Put them first in `MIDDLEWARE`: further in they would not see what the others do and answer. The
outermost begins and ends the record; those further in add what they measure to it. One directly
inside another is taken into it at start, so that four cost a request no more than one.

They are functions, as Django allows: a request pays 1 µs less than for instances of a class.
"""

from __future__ import annotations

import contextlib
from asyncio import current_task
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import FunctionType
from typing import Any, cast
from weakref import WeakKeyDictionary

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from django_hook import awaiting, faults
from django_hook.caching import watch_caches
from django_hook.conf import load_settings
from django_hook.failures import watch_exceptions
from django_hook.hook import Hook, hook_for
from django_hook.measures import Measures
from django_hook.queries import watch_connections
from perfctl.recording.state import STATE, end
from perfctl.spool.segment import HAS_LOCKS

GetResponse = Callable[[HttpRequest], HttpResponseBase]
AsyncGetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
Recorder = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def PerformanceMonitoringMiddleware(get_response: GetResponse) -> Recorder:  # noqa: N802
    """Records time, CPU and memory of each request."""
    return _recorder(get_response, Measures(process=True))


@sync_and_async_middleware
def DatabaseQueryMonitoringMiddleware(get_response: GetResponse) -> Recorder:  # noqa: N802
    """Records the queries of each request, the N+1 and the repeated ones among them."""
    return _recorder(get_response, Measures(queries=True))


@sync_and_async_middleware
def APIPerformanceMiddleware(get_response: GetResponse) -> Recorder:  # noqa: N802
    """Records the time in the queue before each request, and the exceptions in it."""
    return _recorder(get_response, Measures(api=True))


@sync_and_async_middleware
def CachePerformanceMiddleware(get_response: GetResponse) -> Recorder:  # noqa: N802
    """Records hits, misses, writes and time of each cache."""
    return _recorder(get_response, Measures(caches=True))


ALL = (
    PerformanceMonitoringMiddleware,
    DatabaseQueryMonitoringMiddleware,
    APIPerformanceMiddleware,
    CachePerformanceMiddleware,
)

_made: WeakKeyDictionary[Recorder, tuple[Measures, GetResponse]] = WeakKeyDictionary()
_told: set[str] = set()


def _recorder(get_response: GetResponse, measures: Measures) -> Recorder:
    try:
        return _make(get_response, measures)
    except MiddlewareNotUsed:
        raise
    except Exception as exc:  # a server that does not start would be the worst of all
        faults.count("start")
        raise MiddlewareNotUsed("perfctl could not start") from exc


def _make(get_response: GetResponse, measures: Measures) -> Recorder:
    settings = load_settings()
    if not settings.enabled:
        raise MiddlewareNotUsed("PERFCTL['ENABLED'] is False")
    if not HAS_LOCKS:
        _tell_once("perfctl records nothing: this system has no fcntl")
        raise MiddlewareNotUsed("no fcntl")
    if measures.queries:
        watch_connections()
    if measures.caches:
        watch_caches()
    watch_exceptions(keep_messages=settings.keeps_messages)
    measures, get_response = _with_inside(measures, get_response)
    make = _make_async if iscoroutinefunction(get_response) else _make_sync
    recorder = make(hook_for(settings), measures, get_response)
    _made[recorder] = measures, get_response
    return recorder


def _with_inside(measures: Measures, get_response: GetResponse) -> tuple[Measures, GetResponse]:
    """What to measure where the next one inside is ours too, and what that one would call."""
    wrapped = getattr(get_response, "__wrapped__", None)
    inside = _made.get(wrapped) if isinstance(wrapped, FunctionType) else None
    if inside is None:
        return measures, get_response
    both = replace(measures)
    both.add(inside[0])
    return both, inside[1]


def _make_sync(hook: Hook, measures: Measures, get_response: GetResponse) -> Recorder:
    begin, finish, break_off = hook.begins(measures), hook.finish, hook.break_off
    enter, leave = STATE.set, STATE.reset

    def record(request: HttpRequest) -> HttpResponseBase:
        state = begin(request)
        if state is None:
            return get_response(request)
        token = enter(state)
        try:
            response = get_response(request)
        except BaseException as exc:
            break_off(state, request, exc)
            raise
        finally:
            leave(token)
        finish(state, request, response)
        return response

    return record


def _make_async(hook: Hook, measures: Measures, get_response: GetResponse) -> Recorder:
    begin, answer = hook.begins(measures), cast("AsyncGetResponse", get_response)

    async def arecord(request: HttpRequest) -> HttpResponseBase:
        state = begin(request)
        if state is None:
            return await answer(request)
        token = STATE.set(state)
        task = awaiting.TASK.set(current_task())
        try:
            response = await answer(request)
        except BaseException as exc:
            hook.break_off(state, request, exc)
            raise
        finally:
            # A coroutine that the garbage collector closes ends in another context.
            with contextlib.suppress(ValueError):
                STATE.reset(token)
                awaiting.TASK.reset(task)
        hook.finish(state, request, response)
        if not response.streaming:
            end(state)  # tasks that the request has started may go on
        return response

    return arecord


def _tell_once(message: str) -> None:
    if message not in _told:
        _told.add(message)
        faults.logger.warning(message)
