"""Who takes most, and what is told of them."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator

import pytest

from perfctl.collectors.processes import MOST, ProcessUse, count_processes, largest

SECRET = "--password=hunter2"
BUSY = "held = b'x' * 60_000_000\nprint('ready', flush=True)\nwhile True: pass"


@pytest.fixture
def busy() -> Iterator[int]:
    """The id of a process that takes a CPU and 60 MB, with a secret among its arguments."""
    with subprocess.Popen(
        [sys.executable, "-c", BUSY, SECRET], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process.pid
        finally:
            process.kill()


def find(found: tuple[ProcessUse, ...], pid: int) -> ProcessUse:
    """That one of them."""
    return next(process for process in found if process.pid == pid)


def test_who_takes_the_cpu_is_among_the_first(busy: int) -> None:
    """With its share of all CPUs, and its memory."""
    found = largest(0.4, by_cpu=True, by_rss=False)
    assert len(found) <= MOST
    process = find(found, busy)
    assert 0.1 / (os.cpu_count() or 1) < process.cpu <= 1.0
    assert process.rss_bytes > 60_000_000
    assert process.user == pwd.getpwuid(os.geteuid()).pw_name
    assert all(other.cpu > 0 for other in found)


def test_who_takes_the_memory_comes_first(busy: int) -> None:
    """Five in the order of their size."""
    found = largest(0.01, by_cpu=False, by_rss=True)
    assert 0 < len(found) <= MOST
    sizes = [process.rss_bytes for process in found]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] > 0


def test_both_orders_name_each_process_once(busy: int) -> None:
    """At most five of each, and never the one that looks, however large it is."""
    held = b"x" * 200_000_000
    found = largest(0.2, by_cpu=True, by_rss=True)
    assert held
    pids = [process.pid for process in found]
    assert len(set(pids)) == len(pids) <= 2 * MOST
    assert os.getpid() not in pids


def test_processes_that_end_while_they_are_looked_at_are_left_out() -> None:
    """Hundreds of them come and go meanwhile."""
    with subprocess.Popen(["/bin/sh", "-c", "while :; do /bin/true; done"]) as churn:
        try:
            for _ in range(5):
                assert largest(0.02, by_cpu=True, by_rss=True)
        finally:
            churn.kill()


def test_arguments_are_never_told(busy: int) -> None:
    """The kernel's short name and nothing of the command line."""
    found = largest(0.2, by_cpu=True, by_rss=True)
    assert find(found, busy).name.startswith("python")
    assert SECRET not in repr(found)
    assert all(len(process.name) <= 15 for process in found)


def test_a_title_that_a_process_gives_itself_is_not_told() -> None:
    """It would stand in place of its arguments: databases write users and queries there."""
    title = "postgres: alice secretdb 10.0.0.7 SELECT"
    script = "import ctypes\nctypes.CDLL(None).prctl(15, b'postgres: alice', 0, 0, 0)\n" + BUSY
    with subprocess.Popen(
        [title, "-c", script], executable=sys.executable, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            found = largest(0.4, by_cpu=True, by_rss=True)
        finally:
            process.kill()
    assert find(found, process.pid).name == "postgres: alice"


def test_processes_are_counted() -> None:
    """As many as /proc has folders with numbers, give or take who comes and goes."""
    count = count_processes()
    assert count is not None
    listed = sum(name.isdigit() for name in os.listdir("/proc"))
    assert abs(count - listed) < 20


def test_processes_that_are_hidden_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /proc shows one's own only (hidepid), the number is unknown, not small."""
    monkeypatch.setattr("psutil.pids", lambda: [4711, 4712])
    assert count_processes() is None
