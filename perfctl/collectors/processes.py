"""The processes that take the most CPU or memory: names and numbers, never their arguments."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import NamedTuple

import psutil

MOST = 5
# The kernel's short name. psutil lengthens it from the command line, which may tell more.
_NAME_LENGTH = 15
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied)


class ProcessUse(NamedTuple):
    """What a process takes; `cpu` is 0 to 1 of all CPUs of the machine."""

    name: str
    pid: int
    user: str
    cpu: float
    rss_bytes: int


class _Seen(NamedTuple):
    process: psutil.Process
    cpu_s: float
    rss_bytes: int


def largest(interval_s: float, *, by_cpu: bool, by_rss: bool) -> tuple[ProcessUse, ...]:
    """The five with the most CPU over `interval_s`, the five with the most memory, or both."""
    started_s = time.monotonic()
    before = {seen.process: seen.cpu_s for seen in _look()}
    time.sleep(interval_s)
    possible_s = (time.monotonic() - started_s) * (psutil.cpu_count() or 1)
    found = [(seen, _share(seen, before, possible_s)) for seen in _look()]
    chosen: dict[int, ProcessUse] = {}
    if by_cpu:
        _choose(chosen, sorted((pair for pair in found if pair[1]), key=lambda pair: -pair[1]))
    if by_rss:
        _choose(chosen, sorted(found, key=lambda pair: -pair[0].rss_bytes))
    return tuple(chosen.values())


def count_processes() -> int | None:
    """How many there are; None where /proc hides those of other users (hidepid)."""
    pids = psutil.pids()
    return len(pids) if 1 in pids else None


def _look() -> Iterable[_Seen]:
    """All others than this one, which is busy with looking."""
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            with process.oneshot():
                times = process.cpu_times()
                yield _Seen(process, times.user + times.system, process.memory_info().rss)
        except _GONE:
            continue


def _share(seen: _Seen, before: dict[psutil.Process, float], possible_s: float) -> float:
    """Of a process that began in between, all that it used."""
    return max(seen.cpu_s - before.get(seen.process, 0.0), 0.0) / possible_s


def _choose(chosen: dict[int, ProcessUse], ranked: Iterable[tuple[_Seen, float]]) -> None:
    for seen, share in list(ranked)[:MOST]:
        process = seen.process
        try:
            name, user = process.name()[:_NAME_LENGTH], process.username()
        except _GONE:
            continue
        chosen.setdefault(process.pid, ProcessUse(name, process.pid, user, share, seen.rss_bytes))
