"""Follows a streaming response to its end, its failure or its close.

The state is set around each chunk, so that a chunk's queries count; duration is the time to the first
chunk. A file that the server may send by itself is left as it is and recorded when it is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from time import perf_counter_ns
from typing import Any, Protocol

from django.http.response import FileResponse, HttpResponseBase, StreamingHttpResponse

from django_hook import faults
from django_hook.failures import note
from perfctl.model import Flag
from perfctl.recording.state import NULL, STATE, RequestState, end


class Done(Protocol):
    """Records a request that is over."""

    def __call__(self, state: RequestState, *, may_log: bool = True) -> None: ...


_STREAM = int(Flag.STREAM)
_KILLED = int(Flag.KILLED | Flag.ERROR)
_CANCELLED = int(Flag.CANCELLED)
_CLIENT_LEFT = (asyncio.CancelledError, GeneratorExit)


def follow(
    response: HttpResponseBase, state: RequestState, done: Done, *, has_body: bool = True
) -> None:
    """Call `done` once the response has been sent, has failed or was given up.

    Nobody reads one that the client gets without its body, and that is not given up.
    """
    state.flags |= _STREAM
    ending = _Ending(state, done, has_body=has_body)
    is_file = isinstance(response, FileResponse) and getattr(response, "file_to_stream", None)
    if isinstance(response, StreamingHttpResponse) and not is_file:
        _wrap(response, ending)
    else:  # a file, or a class of the project's own that streams in its own way
        _closers_of(response).append(ending.close)


def _closers_of(response: HttpResponseBase) -> list[Callable[[], object]]:
    closers: list[Callable[[], object]] = response.__dict__["_resource_closers"]
    return closers


def _wrap(response: StreamingHttpResponse, ending: _Ending) -> None:
    content = response.__dict__["_iterator"]
    closers = _closers_of(response)
    close = getattr(content, "close", None)
    if close is not None and close in closers:
        # The generator's own end belongs to the request: what it does last is counted too.
        closers.remove(close)
        ending.close_content = close
    wrapper = _AsyncChunks(content, ending) if response.is_async else _Chunks(content, ending)
    response.streaming_content = wrapper


class _Ending:
    """What is the same for all streams: the clock, the bytes, and that it is recorded once."""

    def __init__(self, state: RequestState, done: Done, *, has_body: bool) -> None:
        self.state = state
        self.close_content: Callable[[], object] | None = None
        self._done = done
        self._has_body = has_body
        self._counts_bytes = state.response_bytes == NULL
        self._is_begun = self._is_over = False

    def took_chunk(self, chunk: object) -> None:
        """Note one chunk."""
        if not self._is_begun:
            self._is_begun = True
            self.state.duration_us = self._elapsed_us()
            if self._counts_bytes:
                self.state.response_bytes = 0
        if self._counts_bytes and self.state.response_bytes != NULL:
            self.state.response_bytes += len(chunk) if isinstance(chunk, (bytes, str)) else 0

    def fail(self, exc: BaseException) -> None:
        """The stream broke off: the client left, the process is to end, or its code failed."""
        try:
            if isinstance(exc, (SystemExit, KeyboardInterrupt)):
                self.state.flags |= _KILLED
            elif isinstance(exc, _CLIENT_LEFT):
                self.state.flags |= _CANCELLED
            else:
                note(self.state, exc)
        except Exception:
            faults.count("stream")
        self.finish()

    def finish(self, *, may_log: bool = True) -> None:
        """Record the request, once."""
        if not self._is_over:
            self._is_over = True
            self.state.lifetime_us = self._elapsed_us()
            self.state.has_more = True
            self._done(self.state, may_log=may_log)
            end(self.state)

    def close(self) -> None:
        """The response is closed: by the server at its end, or early, as the client has left."""
        if self._is_begun and self._has_body and not self._is_over:
            self.state.flags |= _CANCELLED
        close, self.close_content = self.close_content, None
        if close is not None:
            with _Step(self):
                close()
        self.finish()

    def __del__(self) -> None:
        """Nobody closes a response that an ASGI server could not send, or was cancelled in sending."""
        try:
            if not self._is_over:
                self.state.flags |= _CANCELLED
                self.finish(may_log=False)
        except Exception:
            faults.count("stream", may_log=False)

    def _elapsed_us(self) -> int:
        return (perf_counter_ns() - self.state.started_ns) // 1000


class _Step:
    """The project's code runs for the request again, until it has made a chunk or no more."""

    def __init__(self, ending: _Ending) -> None:
        self._ending = ending

    def __enter__(self) -> None:
        self._token = STATE.set(self._ending.state)

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        # A coroutine that the garbage collector closes ends in another context.
        with contextlib.suppress(ValueError):
            STATE.reset(self._token)
        if isinstance(exc, (StopIteration, StopAsyncIteration)):
            self._ending.finish()
        elif exc is not None:
            self._ending.fail(exc)


class _Chunks:
    """A sync stream's chunks."""

    def __init__(self, content: Iterator[Any], ending: _Ending) -> None:
        self._next = content.__next__
        self._ending = ending
        self.close = ending.close

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with _Step(self._ending):
            chunk = self._next()
        self._ending.took_chunk(chunk)
        return chunk


class _AsyncChunks:
    """An async stream's chunks."""

    def __init__(self, content: AsyncIterator[Any], ending: _Ending) -> None:
        self._next = content.__anext__
        self._ending = ending
        self.close = ending.close

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        with _Step(self._ending):
            chunk = await self._next()
        self._ending.took_chunk(chunk)
        return chunk
