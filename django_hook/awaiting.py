"""Finds the task that waits for a thread, so that a query in the thread has a place.

Under ASGI the ORM runs in a thread of asgiref's, whose stack ends there: the project's code stands in
a coroutine that awaits it.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextvars import ContextVar
from types import FrameType
from typing import Any

TASK: ContextVar[asyncio.Task[Any] | None] = ContextVar("perfctl_task", default=None)
"""The task that a request began in; tasks that it starts have it too."""

_MOST_TASKS = 200
_CALLED_FROM_SYNC = frozenset({"new_loop_wrap", "main_wrap"})
_SUSPENDED = (("cr_frame", "cr_await"), ("ag_frame", "ag_await"), ("gi_frame", "gi_yieldfrom"))


def waiting_frames(handler: FrameType) -> Iterator[FrameType]:
    """The frames of the task that awaits asgiref's `thread_handler`, nearest first.

    Where it is not the request's own task, that one's frames follow: it waits for it in turn.
    """
    handed = handler.f_locals
    loop, args = handed.get("loop"), handed.get("args") or ()
    if not isinstance(loop, asyncio.AbstractEventLoop) or not args:
        return
    own_task = TASK.get() or _task_of_sync_caller(loop)
    stack = _stack_of(own_task)
    if not _awaits(stack, args[0]):
        for task in _other_tasks(loop, own_task):
            theirs = _stack_of(task)
            if _awaits(theirs, args[0]):
                yield from reversed(theirs)
                break
    yield from reversed(stack)


def _other_tasks(loop: asyncio.AbstractEventLoop, known: object) -> Iterator[Any]:
    """The loop's tasks, where there are not so many that looking through them would delay."""
    tasks = asyncio.all_tasks(loop)
    if len(tasks) <= _MOST_TASKS:
        yield from (task for task in tasks if task is not known)


def _task_of_sync_caller(loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any] | None:
    """The task of asgiref's `async_to_sync`, as of an async view under WSGI, if there is but one."""
    tasks = [task for task in _other_tasks(loop, None) if _name_of(task) in _CALLED_FROM_SYNC]
    return tasks[0] if len(tasks) == 1 else None


def _name_of(task: asyncio.Task[Any]) -> str:
    return getattr(task.get_coro(), "__name__", "")


def _stack_of(task: Any) -> list[FrameType]:
    """The frames of the coroutines that a task is suspended in, outermost first."""
    frames: list[FrameType] = []
    awaitable = task.get_coro() if task is not None else None
    while awaitable is not None:
        names = next((names for names in _SUSPENDED if hasattr(awaitable, names[0])), None)
        if names is None:
            # An `async for` awaits an object that does not tell its generator.
            refers_to = gc.get_referents(awaitable)
            awaitable = next((ref for ref in refers_to if hasattr(ref, "ag_frame")), None)
            continue
        frame = getattr(awaitable, names[0])
        if frame is None:
            break
        frames.append(frame)
        awaitable = getattr(awaitable, names[1])
    return frames


def _awaits(stack: list[FrameType], handed: object) -> bool:
    """Whether a stack ends in asgiref's wait for what was handed to the thread."""
    return bool(stack) and stack[-1].f_locals.get("child") is handed
