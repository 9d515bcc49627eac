"""Forks, signals and sudden deaths."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import pytest

from perfctl.recording.check import MAX_LINE_BYTES
from perfctl.spool.writer import SpoolWriter
from tests.segments import line
from tests.spool import spools
from tests.spool.spools import HEAD, pattern

TOO_LONG = b"x" * (MAX_LINE_BYTES + 1)


def by_pid(folder: Path) -> dict[int, list[object]]:
    """The records of each process, by the pid in the names of its segments."""
    found: dict[int, list[object]] = {}
    for segment in spools.segments(folder):
        pid = int(segment.name.partition("-")[0])
        found.setdefault(pid, []).extend(spools.read(segment).records)
    return found


def test_a_forked_child_has_segments_of_its_own(folder: Path) -> None:
    """Header and patterns anew; the parent goes on in its own."""
    writer = spools.writer(folder)
    writer.append(line(["r", "before"]), (3,))

    def work() -> int:
        assert writer.append(line(["r", "child"]), (3,))
        return os.getpid()

    child = spools.in_child(work)
    writer.append(line(["r", "after"]), (3,))

    assert by_pid(folder) == {
        os.getpid(): [HEAD, pattern(3), ["r", "before"], ["r", "after"]],
        child: [HEAD, pattern(3), ["r", "child"]],
    }


def test_a_fork_closes_what_it_inherited_at_once(folder: Path) -> None:
    """A long-lived child that records nothing would else keep the parent's lock for ever."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    (segment,) = spools.segments(folder)

    assert spools.in_child(lambda: spools.descriptors(folder)) == []
    assert spools.is_held(segment)


def test_a_segment_that_another_thread_writes_to_is_closed_in_a_child(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That thread does not exist there, and would hold the segment for ever."""
    writer = spools.writer(folder)
    is_writing, go_on = threading.Event(), threading.Event()

    def write(fd: int, data: bytes) -> int:
        is_writing.set()
        go_on.wait()
        return os.write(fd, data)

    monkeypatch.setattr("perfctl.spool.writer.write", write)
    thread = threading.Thread(target=writer.append, args=(line(["r", "parent"]),))
    thread.start()
    is_writing.wait()
    inherited = spools.in_child(lambda: spools.descriptors(folder))
    go_on.set()
    thread.join()

    assert inherited == []
    assert spools.records(folder) == [["r", "parent"]]


def test_the_parents_refusals_are_not_told_twice(folder: Path) -> None:
    """Each process counts its own."""
    writer = spools.writer(folder)
    writer.append(TOO_LONG)

    def work() -> object:
        writer.append(line(["r", "child"]))
        return [os.getpid(), writer.dropped]

    child, dropped = spools.in_child(work)
    writer.append(line(["r", "parent"]))

    assert dropped == {}
    assert writer.dropped == {"too_long": 1}
    assert by_pid(folder) == {
        child: [HEAD, ["r", "child"]],
        os.getpid(): [HEAD, ["r", "parent"], ["c", "dropped:too_long", 1]],
    }


def test_a_fork_that_python_was_not_told_of_is_noticed(folder: Path) -> None:
    """uWSGI forks in C: no hook runs, and the pid alone tells."""
    script = f"""
import ctypes, os
from tests.segments import line
from tests.spool import spools
from pathlib import Path
folder = Path({str(folder)!r})
writer = spools.writer(folder)
writer.append(line(["r", "before"]))
assert len(spools.descriptors(folder)) == 1
pid = ctypes.PyDLL(None).fork()
if not pid:
    assert len(spools.descriptors(folder)) == 1
    assert writer.append(line(["r", "child"]))
    assert len(spools.descriptors(folder)) == 1
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert writer.append(line(["r", "after"]))
print(os.getpid(), pid)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    parent, child = map(int, done.stdout.split())
    assert by_pid(folder) == {
        parent: [HEAD, ["r", "before"], ["r", "after"]],
        child: [HEAD, ["r", "child"]],
    }


def test_forks_beside_appending_threads_lose_nothing(folder: Path) -> None:
    """No line of one process in a segment of the other."""
    writer = spools.writer(folder)
    stop = threading.Event()
    taken: list[list[int]] = [[], [], []]

    def work(thread: int) -> None:
        n = 0
        while not stop.is_set():
            if writer.append(line(["r", thread, n])):
                taken[thread].append(n)
            n += 1

    def child(number: int) -> list[bool]:
        return [writer.append(line(["r", f"child {number}", n])) for n in range(3)]

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(3)]
    for thread in threads:
        thread.start()
    answers = [spools.in_child(lambda number=number: child(number)) for number in range(8)]
    stop.set()
    for thread in threads:
        thread.join()

    assert answers == [[True] * 3] * 8
    expected = [["r", thread, n] for thread in range(3) for n in taken[thread]]
    expected += [["r", f"child {number}", n] for number in range(8) for n in range(3)]
    assert sorted(map(str, spools.records(folder))) == sorted(map(str, expected))
    assert not [segment for segment in spools.segments(folder) if spools.read(segment).torn]


def test_workers_that_start_together_share_one_folder(place: Path) -> None:
    """Whoever makes it, it has its rights from the first moment, and no draft is left."""
    folder = place / ".perfctl" / "perfctl.db.spool"
    group = 54_321

    def work() -> None:
        for _ in range(20):
            writer = spools.writer(folder, group=group)
            assert writer.append(line(["r", 1])), writer.refusal

    source, sink = os.pipe()
    pids = []
    for _ in range(4):
        pid = os.fork()
        if not pid:
            os.close(sink)
            os.read(source, 1)  # all start when the parent lets go of the pipe
            try:
                work()
            except BaseException:
                os._exit(1)
            os._exit(0)
        pids.append(pid)
    os.close(sink)
    statuses = [os.waitpid(pid, 0)[1] for pid in pids]
    os.close(source)

    assert statuses == [0] * 4
    assert len(spools.records(folder)) == 80
    assert {(s.stat().st_gid, s.stat().st_mode & 0o7777) for s in spools.segments(folder)} == {
        (group, 0o660)
    }
    assert os.listdir(place) == [".perfctl"]
    assert os.listdir(folder.parent) == [folder.name]


class _Interrupted(BaseException):
    pass


class _Interruption:
    """Raises at the n-th line of the writer's code, as a signal handler would between two lines."""

    def __init__(self, at: int) -> None:
        self._left = at
        self._package = str(Path(sys.modules[SpoolWriter.__module__].__file__ or "").parent)

    def __call__(self, frame: FrameType, event: str, arg: object) -> _Interruption | None:
        if not frame.f_code.co_filename.startswith(self._package):
            return None
        if event == "line" and frame.f_code.co_name not in ("__del__", "close", "forget"):
            self._left -= 1
            if self._left < 0:
                raise _Interrupted
        return self


def _append_interrupted(writer: SpoolWriter, data: bytes, at: int) -> bool | None:
    """None where the interruption came before the end."""
    before = sys.gettrace()
    sys.settrace(_Interruption(at))
    try:
        return writer.append(data, (3,))
    except _Interrupted:
        return None
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("state", ["new", "used", "full", "refused before"])
def test_a_signal_in_the_middle_of_an_append_spoils_no_other_record(
    folder: Path, state: str
) -> None:
    """gunicorn raises SystemExit from a signal handler, at whatever line the worker is."""
    clock = spools.Clock()
    refused = 0
    for at in range(1000):
        max_file = 1 if state == "full" else 1 << 20
        writer = spools.writer(folder / str(at), clock=clock, max_file=max_file)
        before = [] if state == "new" else [["r", "before"]]
        for record in before:
            assert writer.append(line(record))
        if state == "refused before":
            writer.append(TOO_LONG)
            refused = 1
        taken = _append_interrupted(writer, line(["r", "interrupted"]), at)
        assert writer.append(line(["r", "after"]), (3,))

        stored = sorted(spools.records(folder / str(at)))
        expected = sorted([["r", "after"], *before])
        with_it = sorted([*expected, ["r", "interrupted"]])
        assert stored == with_it if taken else stored in (expected, with_it)
        assert spools.counters(folder / str(at)).get("dropped:too_long", 0) <= refused
        for segment in spools.segments(folder / str(at)):
            assert spools.read(segment).records[:1] in ([HEAD], [])
        if taken:
            break
    assert taken
    assert at > 8


def _append_until_killed(writer: SpoolWriter, sink: int, seed: int) -> None:
    rng = random.Random(seed)
    n = 0
    while True:
        size = rng.choice([50, 300, 4000, 60_000])
        if writer.append(line(["r", n, "x" * size]), (n % 5,)):
            os.write(sink, n.to_bytes(4, "big"))
        n += 1


@pytest.mark.parametrize("seed", range(10))
def test_kill_9_leaves_whole_lines_and_a_torn_tail_at_most(folder: Path, seed: int) -> None:
    """Whatever was acknowledged before the kill can be read after it."""
    source, sink = os.pipe()
    writer = spools.writer(folder, max_file=1 << 20)
    pid = os.fork()
    if not pid:
        os.close(source)
        _append_until_killed(writer, sink, seed)
    os.close(sink)
    with open(source, "rb") as file:
        taken = file.read(4)  # it runs
        time.sleep(0.01 + seed * 0.003)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        taken += file.read()

    numbers = [int.from_bytes(taken[i : i + 4], "big") for i in range(0, len(taken), 4)]
    stored = sorted(record[1] for record in spools.records(folder))
    assert numbers == list(range(len(numbers)))
    assert stored in (numbers, [*numbers, len(numbers)])
    for segment in spools.segments(folder):
        found = spools.read(segment)
        assert (found.records[:1], found.torn) in (([HEAD], []), ([], []))
        assert not spools.is_held(segment)
