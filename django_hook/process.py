"""What belongs to this process and not to one that it forks: which requests run, memory, chance."""

from __future__ import annotations

import os
import sys
from time import thread_time_ns

from perfctl.recording.state import NULL, Null, RequestState

_STATM = "/proc/self/statm"
_DRAWN_AHEAD = 64
_MOST_SHORT_PATHS = 500

SHORT_US = 250
FRESH_NS = 10_000_000
NOT_READ = -1
"""In place of a start on the CPU clock."""


class Process:
    """The running process as its requests share it; a forked child gets a new one."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.active: set[RequestState] = set()
        """The requests that run."""
        self.latest: RequestState | None = None
        """The last one that began."""
        self.rss_kib: int | Null = NULL
        self.rss_read_ns = 0
        self.short_paths: set[str] = set()
        """Paths whose last request was so short that its time is its CPU time."""
        self.ids: list[str] = []
        self._statm = -1
        self._page_kib = 0

    def draw_id(self) -> str:
        """16 hex digits, drawn ahead, many at a time.

        From the kernel: a generator that is seeded by the project, or forked, would repeat itself.
        """
        try:
            return self.ids.pop()
        except IndexError:
            digits = os.urandom(8 * _DRAWN_AHEAD).hex()
            self.ids += [digits[at : at + 16] for at in range(16, len(digits), 16)]
            return digits[:16]

    def note_short(self, path: str) -> None:
        """Requests of this path are too short to have a CPU time of their own."""
        if len(self.short_paths) >= _MOST_SHORT_PATHS:
            self.short_paths.clear()
        self.short_paths.add(path)

    def note_end(self, state: RequestState, path: str) -> None:
        """CPU time and resident memory at the end of a request, and the memory's change.

        The change is from the last reading, and left out where requests overlapped.
        """
        if state.cpu_started_ns > 0:
            state.cpu_us = (thread_time_ns() - state.cpu_started_ns) // 1000
        elif state.cpu_started_ns == NOT_READ:
            if state.duration_us < SHORT_US:
                state.cpu_us = state.duration_us
            else:  # unknown this once; the next one is measured again
                self.short_paths.discard(path)
        before_kib, now_kib = self.rss_kib, self._read_rss_kib()
        if now_kib is not None:
            self.rss_kib = state.rss_kib = now_kib
            self.rss_read_ns = state.started_ns + state.duration_us * 1000
            if state.runs_alone and self.latest is state and before_kib != NULL:
                state.rss_delta_kib = now_kib - before_kib

    def _read_rss_kib(self) -> int | None:
        try:
            return int(os.pread(self._statm, 64, 0).split(b" ", 2)[1]) * self._page_kib
        except (OSError, ValueError, IndexError):
            pass  # not opened yet, or closed by somebody who closes all descriptors
        try:
            self._statm = os.open(_STATM, os.O_RDONLY | os.O_CLOEXEC)
            self._page_kib = os.sysconf("SC_PAGE_SIZE") // 1024
            return int(os.pread(self._statm, 64, 0).split(b" ", 2)[1]) * self._page_kib
        except OSError:  # not on Linux
            return None


current = Process()


def begin_anew() -> Process:
    """Share nothing with the process that this one was forked from."""
    global current
    current = Process()  # the descriptor stays open: by now it may be somebody else's
    return current


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=begin_anew)


def has_green_threads() -> bool:
    """Whether requests share one thread, so that a thread's CPU time is nobody's."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        return True
    eventlet = sys.modules.get("eventlet.patcher")
    return eventlet is not None and bool(eventlet.is_monkey_patched("thread"))
