"""What the four middlewares share: the beginning of a request's record, and its end.

`begin` and `finish` are on the way of each request, and written flat: there, each bytecode costs some
13 ns and a small function 20 of them.
"""

from __future__ import annotations

import functools
from asyncio import CancelledError
from collections.abc import Callable
from os import getpid
from time import perf_counter_ns, thread_time_ns, time
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_hook import attached, failures, faults, process, runtime, streams, testing
from django_hook.conf import HookSettings
from django_hook.feed import Feed
from django_hook.measures import Measures, state_with
from django_hook.naming import Endpoint, Namer
from django_hook.process import FRESH_NS, NOT_READ, SHORT_US
from django_hook.queries import PATTERNS
from django_hook.suppressions import Suppressions
from django_hook.users import loaded_user
from perfctl.model import Flag, Source
from perfctl.recording import incoming
from perfctl.recording.agents import family_of
from perfctl.recording.nplus1 import findings
from perfctl.recording.record import encode_failure, encode_request
from perfctl.recording.state import NULL, STATE, Null, RequestState
from perfctl.spool.writer import Writer

_ERROR, _KILLED, _CANCELLED = int(Flag.ERROR), int(Flag.KILLED), int(Flag.CANCELLED)
_CACHES_WATCHED = ~int(Flag.CACHES_UNWATCHED)
_CANCELLED_STATUS = 499
_NO_STATUS = 599
"""For what a view put there that is no status of HTTP; it is a failure, and recorded as one."""
_WITHOUT_BODY = (204, 304)
_LONGEST_LENGTH = 12
"""Digits of a length that a record can have: under a tebibyte."""

_ID_HEADER = "".join(("X-Request-", "ID"))
"""A string of its own, by which the header that stands in an answer is known to be ours."""

Begin = Callable[[HttpRequest], RequestState | None]
Append = Callable[[bytes], bool]


@functools.cache
def hook_for(settings: HookSettings) -> Hook:
    """One hook for all middlewares with these settings."""
    return Hook(settings)


class Hook:
    """Begins and ends the records of one Django project in one process."""

    def __init__(self, settings: HookSettings) -> None:
        self._settings = settings
        self._namer = Namer(settings)
        self._known = self._namer.endpoints
        self._suppressions = Suppressions(settings.n_plus_one_ignore, PATTERNS)
        self._feed: Feed | None = None
        self._writer: Writer | None = None
        self._append: Append = _nowhere
        self._is_decided = False
        self._in_tests = False
        for problem in settings.problems:
            faults.logger.error("%s (ignored)", problem)
        if settings.place is None:
            faults.logger.error("perfctl records nothing: no BASE_DIR and no PERFCTL['DB']")
        elif not testing.is_test_environment():
            self._feed = Feed(settings, settings.place, Source.LIVE, PATTERNS)
            self._feed.complain()

    def opens(self) -> bool:
        """Decide at the first request where records go: those of a project's tests nowhere."""
        if not self._is_decided:
            if testing.is_test_environment():
                place, self._in_tests = self._settings.test_place, True
                self._feed = Feed(self._settings, place, Source.TEST, PATTERNS) if place else None
                if self._feed is not None:
                    runtime.declare(self._feed.writer.count)
            if self._feed is not None:
                self._suppressions.declare(self._feed.writer.count)
                self._writer = self._feed.writer
                self._append = self._feed.writer.append
                faults.count_with(self._feed.writer.count)
            # Last: requests that come at the same time must not take it for decided before.
            self._is_decided = True
        return self._writer is not None

    def begins(self, measures: Measures) -> Begin:
        """What begins the record of a request, where that is to be measured.

        It returns the state to end; None where a middleware further out is to end it, or nothing is
        recorded.
        """
        kind = state_with(measures)
        get_state = STATE.get
        measures_process, measures_api = measures.process, measures.api
        measures_cpu = not process.has_green_threads()

        def begin(request: HttpRequest) -> RequestState | None:
            try:
                outer = get_state()
                if outer is not None and attached.is_of(outer, request):
                    self._join(outer, request, measures)
                    return None
                if self._writer is None and not self.opens():
                    return None
                state = kind()
                state.started_ms = time() * 1000
                state.started_ns = perf_counter_ns()
                here = process.current
                if getpid() != here.pid:  # a fork that Python was not told of (uWSGI)
                    here = process.begin_anew()
                state.process = here
                request._perfctl_state = state  # type: ignore[attr-defined] # see `attached`
                if measures_api:
                    headers = request.META
                    if "HTTP_X_REQUEST_START" in headers or "HTTP_X_QUEUE_START" in headers:
                        state.queue_us = _queue_us(request, state)
                if measures_process:
                    active = here.active
                    active.add(state)
                    here.latest = state
                    state.runs_alone = len(active) == 1
                    # Under ASGI, and where threads are green, a thread's time is not a request's.
                    if measures_cpu and isinstance(request, WSGIRequest):
                        is_short = request.path_info in here.short_paths
                        state.cpu_started_ns = NOT_READ if is_short else thread_time_ns()
            except Exception:
                faults.count("begin")
                return None
            return state

        return begin

    def _join(self, state: RequestState, request: HttpRequest, measures: Measures) -> None:
        """Measure more of a request that runs already, from now on."""
        state.watches_queries |= measures.queries
        if measures.caches:
            state.watches_caches = True
            state.flags &= _CACHES_WATCHED
        if measures.api and not state.measures_api:
            state.measures_api = True
            state.queue_us = _queue_us(request, state)
        if measures.process and not state.measures_process:
            state.measures_process = True
            process.current.active.add(state)
            process.current.latest = state
            state.runs_alone = len(process.current.active) == 1
            if isinstance(request, WSGIRequest) and not process.has_green_threads():
                state.cpu_started_ns = thread_time_ns()

    def finish(  # noqa: C901 - flat on purpose, see above
        self, state: RequestState, request: HttpRequest, response: HttpResponseBase
    ) -> None:
        """The answer is there: record the request, or follow its stream."""
        try:
            now_ns = perf_counter_ns()
            state.duration_us = duration_us = (now_ns - state.started_ns) // 1000
            here = process.current
            if state.process is not here:
                return  # a child that this request forked; the record is its parent's
            if state.measures_process:
                here.active.discard(state)
                if duration_us < SHORT_US and now_ns - here.rss_read_ns < FRESH_NS:
                    # Too short to have waited, or for memory to have grown much: to read the
                    # clocks and memory would cost 5 µs.
                    state.rss_kib = here.rss_kib
                    if state.cpu_started_ns:
                        state.cpu_us = duration_us
                        if state.cpu_started_ns > 0:
                            here.note_short(request.path_info)
                else:
                    here.note_end(state, request.path_info)
            status = response.status_code
            state.status = status if 99 < status < 600 else _NO_STATUS

            # Straight in its store: `headers[...] =` takes 1.2 µs to find out that this is ASCII.
            headers = response.headers._store
            if "x-request-id" in headers or "HTTP_TRACEPARENT" in request.META:
                state.request_id = self._identify(headers, request)
            else:
                state.request_id = drawn = here.draw_id()
                headers["x-request-id"] = (_ID_HEADER, drawn)

            match = request.resolver_match
            endpoint = None
            if match is not None:
                endpoint = self._known.get((request.method, match.route, state.name))
            if endpoint is None:
                endpoint = self._namer.find(request, response, state.name)
            state.head = endpoint.head
            if getattr(request, "user", None) is not None or self._in_tests:
                self._tell_whose(state, request)

            if "content-length" in headers or response.streaming:
                state.response_bytes = _length_of(headers)
            else:
                with_parts: Any = response  # `content` would join them first
                try:
                    state.response_bytes = sum(map(len, with_parts._container))
                except AttributeError:  # a class of the project's own
                    state.response_bytes = NULL
            if response.streaming:
                self._tell_agent(state, request)  # it may fail yet
                has_body = request.method != "HEAD" and state.status not in _WITHOUT_BODY
                done = functools.partial(self._write, endpoint)
                streams.follow(response, state, done, has_body=has_body)
            elif state.has_more or endpoint.is_special or state.status >= 500:
                if state.failures is not None:
                    self._tell_agent(state, request)
                self._write(endpoint, state)
            elif not self._append(encode_request(state)[0]):
                self._complain()
        except Exception:
            faults.count("finish")

    def break_off(self, state: RequestState, request: HttpRequest, exc: BaseException) -> None:
        """No answer came: the worker is to end, the client left, or an exception went through."""
        try:
            state.duration_us = (perf_counter_ns() - state.started_ns) // 1000
            if state.process is not process.current:
                return
            if state.measures_process:
                process.current.active.discard(state)
                process.current.note_end(state, request.path_info)
            state.status = 500
            if isinstance(exc, (CancelledError, GeneratorExit)):
                state.status = _CANCELLED_STATUS
                state.flags |= _CANCELLED
            elif isinstance(exc, Exception):
                failures.note(state, exc)
            else:
                state.flags |= _KILLED | _ERROR
            traceparent = request.META.get("HTTP_TRACEPARENT", "")
            state.request_id = incoming.request_id(traceparent, process.current.draw_id())
            endpoint = self._namer.find(request, None, state.name)
            state.head = endpoint.head
            self._tell_whose(state, request)
            self._tell_agent(state, request)
            self._write(endpoint, state)
        except Exception:
            faults.count("break_off")

    def _identify(self, headers: dict[str, tuple[str, str]], request: HttpRequest) -> str:
        """The id that the project has given to the answer, or one behind the caller's trace."""
        name, given = headers.get("x-request-id", ("", ""))
        # Ours is of an earlier request: the project answers several with one object.
        if name is not _ID_HEADER and incoming.is_request_id(given):
            return given
        traceparent = request.META.get("HTTP_TRACEPARENT", "")
        made = incoming.request_id(traceparent, process.current.draw_id())
        headers["x-request-id"] = (_ID_HEADER, made)
        return made

    def _tell_whose(self, state: RequestState, request: HttpRequest) -> None:
        state.user = loaded_user(request, hashed=self._settings.hash_users)
        if self._in_tests:
            state.test = testing.running_test()
        if state.user is not None or state.test is not None:
            state.has_more = True

    def _tell_agent(self, state: RequestState, request: HttpRequest) -> None:
        """Which browser it was, for error records."""
        state.agent = family_of(request.META.get("HTTP_USER_AGENT"))

    def _write(self, endpoint: Endpoint, state: RequestState, *, may_log: bool = True) -> None:
        """Record a request with all that may be to say of it."""
        writer = self._writer
        if endpoint.is_ignored or writer is None or state.process is not process.current:
            return
        state.flags |= endpoint.flags
        if state.status >= 500:
            state.flags |= _ERROR
        try:
            found = findings(state) if state.queries is not None else []
            if found:
                found = self._suppressions.sift(found, endpoint.route, writer.count)
            line, ordinals = encode_request(state, found)
            is_written = writer.append(line, ordinals)
            for failure in state.failures or ():
                is_written = writer.append(encode_failure(state, failure)) and is_written
            if not is_written and may_log:
                self._complain()
        except Exception:
            faults.count("record", may_log=may_log)

    def _complain(self) -> None:
        if self._feed is not None:
            self._feed.complain()


def _length_of(headers: dict[str, tuple[str, str]]) -> int | Null:
    _, length = headers.get("content-length", ("", ""))
    return int(length) if len(length) <= _LONGEST_LENGTH and length.isdecimal() else NULL


def _nowhere(line: bytes) -> bool:
    return True


def _queue_us(request: HttpRequest, state: RequestState) -> int | Null:
    headers = request.META
    start = headers.get("HTTP_X_REQUEST_START") or headers.get("HTTP_X_QUEUE_START") or ""
    waited_us = incoming.queue_us(start, state.started_ms)
    return NULL if waited_us is None else waited_us
