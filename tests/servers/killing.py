"""Ends processes where it hurts: workers with requests in hand, ingesters inside a transaction."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import struct
import subprocess
import threading
import time
from pathlib import Path

from .harness import Server, perfctl, store

WAL_WRITE_LOCK = 120
"""The byte of the `-shm` file that a writer holds from BEGIN IMMEDIATE to COMMIT (SQLite's walformat)."""


class WorkerKiller:
    """Kills a worker of the server at even steps of a load; used as its `progress`."""

    def __init__(self, server: Server, *, kills: int, total: int, rng: random.Random) -> None:
        self.kills = 0
        self._server = server
        self._rng = rng
        self._lock = threading.Lock()
        self._marks = {(n + 1) * total // (kills + 1) for n in range(kills)}

    def __call__(self, at: int) -> None:
        """Kill one where this request is a mark."""
        if at in self._marks:
            with self._lock:
                self._kill()

    def _kill(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if workers := self._server.workers():
                os.kill(self._rng.choice(workers), signal.SIGKILL)
                self.kills += 1
                return
            time.sleep(0.01)


def kill_ingesters(folder: Path, *, deaths: int, rng: random.Random, within_s: float) -> int:
    """Start `perfctl collect` again and again, and kill each while it writes; how many died so."""
    died, most = 0, 1
    deadline = time.monotonic() + within_s
    while died < deaths and time.monotonic() < deadline:
        # Any of its transactions, not most often the first.
        begun, is_killed = _kill_in_transaction(folder, rng.randint(1, most))
        died += is_killed
        most = most + 1 if is_killed else max(begun, 1)
    return died


def _kill_in_transaction(folder: Path, at: int) -> tuple[int, bool]:
    """Kill a `collect` in its transaction number `at`: how many it began, and whether it died."""
    shm = Path(f"{store(folder)}-shm")
    command = perfctl(folder, "collect")
    begun, was_writing = 0, False
    try:
        while command.poll() is None:
            is_writing = wal_writer(shm) == command.pid
            begun += is_writing and not was_writing
            if is_writing and begun >= at and _kill_writer(command, shm):
                return begun, True
            was_writing = is_writing
            time.sleep(0.0001)
    finally:
        command.kill()
        command.communicate()
    return begun, False


def _kill_writer(command: subprocess.Popen[bytes], shm: Path) -> bool:
    """Stopped first: what holds the lock while it stands still is surely inside its transaction."""
    command.send_signal(signal.SIGSTOP)
    while command.poll() is None and _state(command.pid) != "T":
        time.sleep(0.0001)
    if wal_writer(shm) == command.pid:
        command.kill()
        command.wait()
        return True
    command.send_signal(signal.SIGCONT)
    return False


def wal_writer(shm: Path) -> int | None:
    """The process that is in a write transaction of the store, if any."""
    try:
        fd = os.open(shm, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, WAL_WRITE_LOCK, 1, 0)
        kind, *_, pid = struct.unpack("hhqqi4x", fcntl.fcntl(fd, fcntl.F_GETLK, asked))
        return None if kind == fcntl.F_UNLCK else pid
    finally:
        os.close(fd)


def _state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    return ""
