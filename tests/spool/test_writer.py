"""What the writer leaves in its segments."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from perfctl.recording.check import MAX_LINE_BYTES
from perfctl.spool.writer import Writer
from tests.segments import line
from tests.spool import spools
from tests.spool.spools import HEAD, Clock, pattern


def long_line(size: int) -> bytes:
    """A whole line of that many bytes."""
    return line(["r", "x" * (size - len(line(["r", ""])))])


def test_the_first_record_brings_header_and_patterns(folder: Path) -> None:
    """A segment has all that its records refer to, before them."""
    writer: Writer = spools.writer(folder)

    assert writer.append(line(["r", 1]), (3, 5))

    (segment,) = spools.segments(folder)
    assert spools.read(segment) == ([HEAD, pattern(3), pattern(5), ["r", 1]], [], b"")


def test_a_pattern_is_written_once_a_segment(folder: Path) -> None:
    """Only those that are new to the segment come with a later record."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]), (3,))
    writer.append(line(["r", 2]), {3})
    writer.append(line(["r", 3]), [3, 5])
    writer.append(line(["r", 4]))

    (segment,) = spools.segments(folder)
    assert spools.read(segment).records == [
        HEAD, pattern(3), ["r", 1], ["r", 2], pattern(5), ["r", 3], ["r", 4],
    ]  # fmt: skip


def test_header_patterns_and_record_are_one_write(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no death of the process can come between them."""
    written: list[bytes] = []

    def write(fd: int, data: bytes) -> int:
        written.append(data)
        return os.write(fd, data)

    monkeypatch.setattr("perfctl.spool.writer.write", write)
    writer = spools.writer(folder)
    writer.append(line(["r", 1]), (3,))
    writer.append(line(["r", 2]), (3,))

    assert written == [line(HEAD) + line(pattern(3)) + line(["r", 1]), line(["r", 2])]


def test_a_segment_is_named_by_pid_and_drawn_digits(folder: Path) -> None:
    """The name is the segment's identity."""
    spools.writer(folder).append(line(["r", 1]))
    (segment,) = spools.segments(folder)
    assert re.fullmatch(rf"{os.getpid()}-[0-9a-f]{{16}}\.spool", segment.name)


def test_a_segment_is_open_for_appending_alone_and_not_inherited(folder: Path) -> None:
    """O_APPEND, write only, close-on-exec."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    (fd,) = spools.descriptors(folder)
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    assert flags & os.O_APPEND
    assert flags & os.O_ACCMODE == os.O_WRONLY
    assert not os.get_inheritable(fd)


def test_a_segment_is_locked_for_the_life_of_its_writer(folder: Path) -> None:
    """A reader tells by the lock that more may come."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    (segment,) = spools.segments(folder)
    assert spools.is_held(segment)
    writer.close()
    assert not spools.is_held(segment)


def test_a_writer_that_is_dropped_leaves_no_descriptor(folder: Path) -> None:
    """Settings may change in a process, and with them the writer."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    assert len(spools.descriptors(folder)) == 1
    del writer
    assert not spools.descriptors(folder)


def test_after_close_the_next_record_takes_a_new_segment(folder: Path) -> None:
    """With header and patterns anew."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]), (3,))
    writer.close()
    writer.append(line(["r", 2]), (3,))
    found = [spools.read(segment).records for segment in spools.segments(folder)]
    assert sorted(found) == [[HEAD, pattern(3), ["r", 1]], [HEAD, pattern(3), ["r", 2]]]


def test_a_full_segment_is_followed_by_another(folder: Path) -> None:
    """Each with its own header and patterns; the full one is let go."""
    writer = spools.writer(folder, max_file=300)
    for n in range(12):
        assert writer.append(line(["r", n, "x" * 50]), (3,))

    assert [record[1] for record in sorted(spools.records(folder))] == list(range(12))
    segments = spools.segments(folder)
    assert len(segments) > 2
    for segment in segments:
        assert segment.stat().st_size < 300 + 100
        assert spools.read(segment).records[:2] == [HEAD, pattern(3)]
    assert len(spools.descriptors(folder)) == 1


def test_the_default_segment_is_rolled_at_eight_mib(folder: Path) -> None:
    """One of 8 MiB and the rest in another."""
    writer = spools.writer(folder)
    for _ in range((8 << 20) // 60_000 + 2):
        assert writer.append(long_line(60_000))
    sizes = sorted(segment.stat().st_size for segment in spools.segments(folder))
    assert len(sizes) == 2
    assert 8 << 20 <= sizes[1] < (8 << 20) + 60_000


def test_a_line_over_the_limit_is_refused_and_counted(folder: Path) -> None:
    """64 KiB with the newline are the most that a reader takes."""
    writer = spools.writer(folder)
    assert writer.append(long_line(MAX_LINE_BYTES))
    assert not writer.append(long_line(MAX_LINE_BYTES + 1))
    assert writer.dropped == {"too_long": 1}
    assert writer.refusal is None
    (segment,) = spools.segments(folder)
    assert segment.stat().st_size == len(line(HEAD)) + MAX_LINE_BYTES


def test_refusals_are_told_once_with_the_next_record(folder: Path) -> None:
    """As counters of the segment; the view of the process keeps its sums."""
    writer = spools.writer(folder)
    for _ in range(3):
        writer.append(long_line(MAX_LINE_BYTES + 1))
    for n in range(3):
        writer.append(line(["r", n]))
    assert not writer.append(long_line(MAX_LINE_BYTES + 1))

    (segment,) = spools.segments(folder)
    assert spools.read(segment).records == [
        HEAD, ["r", 0], ["c", "dropped:too_long", 3], ["r", 1], ["r", 2],
    ]  # fmt: skip
    assert writer.dropped == {"too_long": 4}


def test_refusals_are_told_where_each_record_fills_its_segment(folder: Path) -> None:
    """A full segment is left after its counters, not before."""
    writer = spools.writer(folder, max_file=1)
    writer.append(long_line(MAX_LINE_BYTES + 1))
    writer.append(line(["r", 1]))
    assert spools.counters(folder) == {"dropped:too_long": 1}


def test_a_feeder_can_count_its_own_mishaps(folder: Path) -> None:
    """They go the same way, and are no dropped records."""
    writer = spools.writer(folder)
    writer.count("hook:record")
    writer.count("hook:record", 2)
    writer.append(line(["r", 1]))
    assert spools.counters(folder) == {"hook:record": 3}
    assert writer.dropped == {}


@pytest.mark.parametrize("line_", [None, "text", 5], ids=repr)
def test_a_fault_of_the_caller_is_counted_not_raised(folder: Path, line_: object) -> None:
    """Nothing that the writer is given may break a request."""
    writer = spools.writer(folder)
    assert not writer.append(line_)  # type: ignore[arg-type]
    assert sum(writer.dropped.values()) == 1
    assert writer.append(line(["r", 1]))
    assert spools.records(folder) == [["r", 1]]


def test_a_pattern_that_is_unknown_costs_its_record_alone(folder: Path) -> None:
    """A callable that raises is counted too; the segment stays in use."""
    writer = spools.writer(folder)
    writer._pattern_line = {3: line(pattern(3))}.__getitem__
    assert writer.append(line(["r", 1]), (3,))
    assert not writer.append(line(["r", 2]), (3, 4))
    assert writer.append(line(["r", 3]), (3,))
    assert writer.dropped == {"fault_KeyError": 1}
    (segment,) = spools.segments(folder)
    assert spools.read(segment) == (
        [HEAD, pattern(3), ["r", 1], ["r", 3], ["c", "dropped:fault_KeyError", 1]], [], b"",
    )  # fmt: skip


def test_threads_share_no_segment(folder: Path) -> None:
    """Eight at a time have at most eight, and every line is whole."""
    folder.mkdir(mode=0o700)
    writer = spools.writer(folder, max_file=1 << 20)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    start = threading.Barrier(8)

    def work(thread: int) -> None:
        start.wait()
        for n in range(300):
            assert writer.append(line(["r", thread, n]), (n % 7, n % 3))
            writer.append(b"x" * (MAX_LINE_BYTES + 1))

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)

    assert writer.dropped == {"too_long": 8 * 300}
    writer.append(line(["r", 8, 0]))
    expected = [["r", thread, n] for thread in range(8) for n in range(300)] + [["r", 8, 0]]
    assert sorted(spools.records(folder)) == expected
    assert spools.counters(folder) == {"dropped:too_long": 8 * 300}
    segments = spools.segments(folder)
    assert 1 <= len(segments) <= 8
    for segment in segments:
        found = spools.read(segment)
        assert (found.records[0], found.torn, found.tail) == (HEAD, [], b"")
        ordinals = [record[1] for record in found.records if record[0] == "p"]
        assert len(ordinals) == len(set(ordinals))


def test_threads_that_are_the_first_make_one_folder(tmp_path: Path) -> None:
    """Whoever is faster, no record is refused."""
    for attempt in range(40):
        folder = tmp_path / str(attempt) / "spool"
        writer = spools.writer(folder)
        start = threading.Barrier(4)
        taken: list[bool] = []

        def work(
            writer: Writer = writer,
            start: threading.Barrier = start,
            taken: list[bool] = taken,
        ) -> None:
            start.wait()
            taken.append(writer.append(line(["r", 1])))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (taken, writer.dropped) == ([True] * 4, {}), writer.refusal
        assert spools.records(folder) == [["r", 1]] * 4


@pytest.mark.parametrize("reader_does", ["lock", "unlink"])
def test_a_reader_that_comes_before_the_lock_is_left_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, reader_does: str
) -> None:
    """It sees an empty segment without a writer: the record goes into another."""
    locks = []
    flock = fcntl.flock

    def meet_a_reader(fd: int, operation: int) -> None:
        if not locks:
            (segment,) = spools.segments(folder)
            locks.append(os.open(segment, os.O_RDONLY))
            flock(locks[0], fcntl.LOCK_EX)
            if reader_does == "unlink":
                segment.unlink()
                flock(locks[0], fcntl.LOCK_UN)
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", meet_a_reader)
    writer = spools.writer(folder)
    assert writer.append(line(["r", 1]))
    os.close(locks[0])

    found = [spools.read(segment).records for segment in spools.segments(folder)]
    assert [records for records in found if records] == [[HEAD, ["r", 1]]]
    assert len(found) == (2 if reader_does == "lock" else 1)
    assert len(spools.descriptors(folder)) == 1


def test_the_writer_starts_no_thread_and_loads_nothing_heavy(folder: Path) -> None:
    """It runs in every web worker."""
    script = f"""
import sys, threading
from pathlib import Path
from perfctl.spool.writer import SpoolWriter
writer = SpoolWriter(Path({str(folder)!r}), lambda: b"h\\n", lambda ordinal: b"p\\n", min_free=0)
assert writer.append(b"r\\n"), writer.refusal
assert threading.active_count() == 1
heavy = {{"sqlite3", "asyncio", "socket", "subprocess", "multiprocessing", "rich", "psutil", "typer"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert not [name for name in sys.modules if name.startswith("perfctl.store")]
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_fcntl_it_is_a_no_op(folder: Path) -> None:
    """As on Windows: it can be imported, refuses everything, touches nothing, and says why."""
    script = f"""
import os, sys
from pathlib import Path, PosixPath
for name in ("fcntl", "grp", "pwd"):
    sys.modules[name] = None
for name in ("register_at_fork", "fork", "geteuid", "getegid", "fchown", "fchmod", "statvfs",
             "O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC"):
    delattr(os, name)
from perfctl.spool.writer import SpoolWriter
writer = SpoolWriter(Path({str(folder)!r}), lambda: b"h\\n", lambda ordinal: b"p\\n", group="web")
assert not writer.append(b"r\\n")
assert writer.dropped == {{"no_locks": 1}}, writer.dropped
assert "fcntl" in writer.refusal.message
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert not folder.exists()


def test_a_relative_folder_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """Whatever the process's folder becomes later."""
    monkeypatch.chdir(tmp_path)
    writer = spools.writer(Path("spool"), clock=clock)
    monkeypatch.chdir("/")
    assert writer.append(line(["r", 1]))
    assert spools.records(tmp_path / "spool") == [["r", 1]]


def test_the_segment_and_its_folder_are_private(folder: Path, umask: int) -> None:
    """Whatever the umask."""
    spools.writer(folder).append(line(["r", 1]))
    (segment,) = spools.segments(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(segment.stat().st_mode) == 0o600
