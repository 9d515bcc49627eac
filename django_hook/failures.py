"""Exceptions as error records: the type and the project's own frames."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from django.core.signals import got_request_exception
from django.http import HttpRequest

from django_hook import faults
from django_hook.attached import state_of
from django_hook.whereabouts import project_sources
from perfctl.model import Flag
from perfctl.recording.sources import Origin, function_name
from perfctl.recording.state import Failure, RequestState
from perfctl.redact import redact

_MOST_FAILURES = 10
_MOST_FRAMES = 20
_keeps_messages = False


def watch_exceptions(*, keep_messages: bool) -> None:
    """Note what Django's handler catches."""
    global _keeps_messages
    _keeps_messages = keep_messages
    got_request_exception.connect(_note_caught, dispatch_uid="django_hook.failures")


def mark_error(request: HttpRequest, exc: BaseException | None = None) -> None:
    """Count this request as failed although it is answered, with the exception if there is one."""
    try:
        state = state_of(request)
        if state is not None:
            state.flags |= _ERROR
            state.has_more = True
            if exc is not None:
                note(state, exc, is_handled=True)
    except Exception:
        faults.count("mark_error")


def note(state: RequestState, exc: BaseException, *, is_handled: bool = False) -> None:
    """Keep what may be known of an exception; a traceback is read and let go."""
    state.flags |= _ERROR
    state.has_more = True
    if not state.measures_api:
        return
    failures = state.failures
    if failures is None:
        failures = state.failures = []
    frames = _own_frames(exc.__traceback__)
    failure = Failure(
        at_ms=int(time.time() * 1000),
        type=_type_name(type(exc)),
        frames=frames,
        message=_message(exc) if _keeps_messages else None,
        is_handled=is_handled,
    )
    is_known = any(failure.type == known.type and frames == known.frames for known in failures)
    if not is_known and len(failures) < _MOST_FAILURES:
        failures.append(failure)


_ERROR = int(Flag.ERROR)


def _note_caught(request: HttpRequest | None = None, **kwargs: Any) -> None:
    try:
        exc, state = sys.exc_info()[1], state_of(request)
        if exc is not None and state is not None:
            note(state, exc)
    except Exception:
        faults.count("exception")


def _own_frames(traceback: TracebackType | None) -> tuple[tuple[str, int, str], ...]:
    sources = project_sources()
    frames: list[tuple[str, int, str]] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        origin = sources.origins.get(code.co_filename)
        if origin is None:
            origin = sources.origin_of(code.co_filename)
        if origin is Origin.OWN:
            shown = (sources.shorten(code.co_filename), traceback.tb_lineno, function_name(code))
            frames.append(shown)
        traceback = traceback.tb_next
    return tuple(frames[-_MOST_FRAMES:])


def _type_name(kind: type[BaseException]) -> str:
    is_builtin = kind.__module__ == "builtins"
    return kind.__qualname__ if is_builtin else f"{kind.__module__}.{kind.__qualname__}"


def _message(exc: BaseException) -> str | None:
    try:
        return redact(str(exc)) or None
    except Exception:  # an exception that cannot be printed has no message
        return None
