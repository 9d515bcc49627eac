"""Finds the task that waits for a thread, so that a query in the thread has a place.

Under ASGI the ORM runs in a thread of asgiref's, whose stack ends there: the project's code stands in
a coroutine that awaits it.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Iterator
from contextvars import ContextVar
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import Any
from weakref import WeakValueDictionary

from asgiref.sync import SyncToAsync

from perfctl.recording.state import STATE

TASK: ContextVar[asyncio.Task[Any] | None] = ContextVar("perfctl_task", default=None)
"""The task that a request began in; tasks that it starts have it too."""

_MOST_TASKS = 200
_MOST_SEARCHES = 8
_DEEPEST = 400
_CALLED_FROM_SYNC = frozenset({"new_loop_wrap", "main_wrap"})


async def _generate() -> AsyncGenerator[None, None]:
    yield


_STEPS = frozenset({type(_generate().asend(None)), type(_generate().athrow(GeneratorExit))})
"""What an `async for` awaits: built in, and does not tell its generator but to the collector."""
_HANDS_OVER = SyncToAsync.__call__.__code__
_SUSPENDED: dict[type, tuple[str, str]] = {
    CoroutineType: ("cr_frame", "cr_await"),
    AsyncGeneratorType: ("ag_frame", "ag_await"),
    GeneratorType: ("gi_frame", "gi_yieldfrom"),
}


class Waiters:
    """The tasks of a request's loop, by what each has handed to a thread.

    To look through a loop's tasks takes about 5 µs for each, so a request does it a few times only,
    and not at all where there are very many.
    """

    def __init__(self) -> None:
        self.caller: asyncio.Task[Any] | None = None
        """That of asgiref's `async_to_sync`, as of an async view under WSGI, if there is but one."""
        self._by_handed: WeakValueDictionary[int, asyncio.Task[Any]] = WeakValueDictionary()
        self._searches = 0

    def find(self, loop: asyncio.AbstractEventLoop, handed: object) -> asyncio.Task[Any] | None:
        """The task that handed it to a thread; None where that is not known."""
        task = self._by_handed.get(id(handed))
        if task is None and self.search(loop):
            task = self._by_handed.get(id(handed))
        return task

    def search(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Look through all tasks of the loop; False where that was done often enough."""
        if self._searches >= _MOST_SEARCHES:
            return False
        tasks = asyncio.all_tasks(loop)
        if len(tasks) > _MOST_TASKS:
            self._searches = _MOST_SEARCHES
            return False
        self._searches += 1
        callers = [task for task in tasks if _name_of(task) in _CALLED_FROM_SYNC]
        self.caller = callers[0] if len(callers) == 1 else None
        for task in tasks:
            handed = _handed_by(_stack_of(task))
            if handed is not None:
                self._by_handed[id(handed)] = task
        return True


def waiting_frames(handler: FrameType) -> Iterator[FrameType]:
    """The frames of the task that awaits asgiref's `thread_handler`, nearest first.

    Where it is not the request's own task, that one's frames follow: it waits for it in turn.
    """
    local = handler.f_locals
    loop, args = local.get("loop"), local.get("args") or ()
    if not isinstance(loop, asyncio.AbstractEventLoop) or not args:
        return
    handed = args[0]
    waiters = _waiters()
    own_task = TASK.get()
    if own_task is None and (waiters.caller or waiters.search(loop)):
        own_task = waiters.caller
    stack = _stack_of(own_task)
    if _handed_by(stack) is not handed:
        theirs = _stack_of(waiters.find(loop, handed))
        if _handed_by(theirs) is handed:
            yield from reversed(theirs)
    yield from reversed(stack)


def _waiters() -> Waiters:
    state = STATE.get()
    if state is None:
        return Waiters()
    if not isinstance(state.waiters, Waiters):
        state.waiters = Waiters()
    return state.waiters


def _name_of(task: asyncio.Task[Any]) -> str:
    return getattr(task.get_coro(), "__name__", "")


def _stack_of(task: asyncio.Task[Any] | None) -> list[FrameType]:
    """The frames of the coroutines that a task is suspended in, outermost first."""
    frames: list[FrameType] = []
    awaitable: Any = task.get_coro() if task is not None else None
    while awaitable is not None and len(frames) < _DEEPEST:
        names = _SUSPENDED.get(type(awaitable))
        if names is None:
            if (
                type(awaitable) not in _STEPS
            ):  # the project's own: it may be lazy, and lead anywhere
                break
            refers_to = gc.get_referents(awaitable)
            awaitable = next((ref for ref in refers_to if type(ref) is AsyncGeneratorType), None)
            continue
        frame = getattr(awaitable, names[0])
        if frame is None:
            break
        frames.append(frame)
        awaitable = getattr(awaitable, names[1])
    return frames


def _handed_by(stack: list[FrameType]) -> object:
    """What asgiref, where the stack ends in it, waits for a thread to do; else None."""
    if not stack or stack[-1].f_code is not _HANDS_OVER:
        return None
    return stack[-1].f_locals.get("child")
