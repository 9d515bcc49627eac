"""Disks that fill, files that go away, descriptors that are closed: refused and counted, or kept."""

from __future__ import annotations

import errno
import gc
import os
import resource
import shutil
import socket
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from perfctl import ingest
from perfctl.spool.room import least_free
from perfctl.spool.writer import SpoolWriter
from perfctl.store.place import spool_folder
from tests.segments import NOW_MS, line, request
from tests.spool import spools
from tests.spool.spools import HEAD, Clock, pattern

MIB = 1 << 20
GIB = 1 << 30


class Disk:
    """The real disk, with a fault for each of the next writes: bytes it takes, or an errno."""

    def __init__(self) -> None:
        self.faults: deque[int] = deque()

    def write(self, fd: int, data: bytes) -> int:
        """Write as os.write does; a negative fault is an errno."""
        if not self.faults:
            return os.write(fd, data)
        fault = self.faults.popleft()
        if fault < 0:
            raise OSError(-fault, os.strerror(-fault))
        return os.write(fd, data[:fault])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk with faults to order."""
    disk = Disk()
    monkeypatch.setattr("perfctl.spool.writer.write", disk.write)
    return disk


def limited(work: str, folder: Path, limit: int, clock: Clock | None = None) -> SpoolWriter:
    """A writer in a process whose files may have that many bytes; only for a forked child."""
    writer = spools.writer(folder, clock=clock or Clock())
    assert writer.append(line(["r", work]))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    return writer


def only(folder: Path) -> spools.Read:
    """The only segment there."""
    (segment,) = spools.segments(folder)
    return spools.read(segment)


@pytest.mark.parametrize("left_out", [1, 2, 8, 11, 15])
def test_a_short_write_is_spoilt_and_repeated(folder: Path, disk: Disk, left_out: int) -> None:
    """One record in the end, also where the fragment lacked only its newline."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    second = line(["r", 2])
    disk.faults.append(len(second) - left_out)

    assert writer.append(second)

    assert only(folder) == (
        [HEAD, ["r", 1], ["r", 2]], [second[: len(second) - left_out] + b"!"], b"",
    )  # fmt: skip
    assert writer.dropped == {}


def test_a_short_write_on_a_full_disk_is_refused_and_spoilt_later(
    folder: Path, disk: Disk, clock: Clock
) -> None:
    """What follows once there is space again is not glued to the fragment."""
    writer = spools.writer(folder, clock=clock)
    writer.append(line(["r", 1]))
    disk.faults += [5, -errno.ENOSPC]
    assert not writer.append(line(["r", 2]))
    clock.now += 0.3
    assert writer.append(line(["r", 3]))

    assert only(folder) == (
        [HEAD, ["r", 1], ["r", 3], ["c", "dropped:no_space", 1]],
        [line(["r", 2])[:5] + b"!"],
        b"",
    )


def test_a_cut_header_is_written_again(folder: Path, disk: Disk) -> None:
    """The first good line is the header, with the patterns that the record needs."""
    writer = spools.writer(folder)
    disk.faults.append(10)
    assert writer.append(line(["r", 1]), (3,))
    assert only(folder) == ([HEAD, pattern(3), ["r", 1]], [line(HEAD)[:10] + b"!"], b"")


def test_a_pattern_that_was_cut_off_is_written_again(folder: Path, disk: Disk) -> None:
    """It is known to the segment only once it is there whole."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    disk.faults.append(5)
    assert writer.append(line(["r", 2]), (3,))
    assert only(folder).records == [HEAD, ["r", 1], pattern(3), ["r", 2]]


@pytest.mark.parametrize("fault", [7, -errno.ENOSPC, -errno.EIO])
def test_a_counter_that_was_not_written_comes_with_the_next_record(
    folder: Path, disk: Disk, fault: int
) -> None:
    """Told once: the record was taken all the same."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    writer.count("hook:a")
    writer.count("hook:b", 2)
    second = line(["r", 2])
    disk.faults += [len(second), fault]
    assert writer.append(second)
    assert writer.append(line(["r", 3]))
    assert spools.counters(folder) == {"hook:a": 1, "hook:b": 2}
    assert sorted(spools.records(folder)) == [["r", 1], ["r", 2], ["r", 3]]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_left_alone_for_a_quarter_second(
    folder: Path, disk: Disk, clock: Clock, number: int
) -> None:
    """Refused without a try meanwhile, and all of it counted."""
    writer = spools.writer(folder, clock=clock)
    writer.append(line(["r", 1]))
    disk.faults += [-number] * 2
    assert not writer.append(line(["r", 2]))
    assert not disk.faults
    clock.now += 0.24
    assert not writer.append(line(["r", 3]))
    refusal = writer.refusal
    assert refusal is not None
    assert (refusal.reason, os.strerror(number) in refusal.message) == ("no_space", True)
    clock.now += 0.02
    assert writer.append(line(["r", 4]))
    assert writer.refusal is None

    assert only(folder) == (
        [HEAD, ["r", 1], ["r", 4], ["c", "dropped:no_space", 2]], [], b"",
    )  # fmt: skip


def test_the_kernel_says_that_the_disk_is_full(
    folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with an ENOSPC that nobody made up; the segment is kept and used again."""
    writer = spools.writer(folder, clock=clock)
    writer.append(line(["r", 1]))
    with open("/dev/full", "wb", buffering=0) as full, monkeypatch.context() as patch:
        patch.setattr("perfctl.spool.writer.write", lambda _, data: full.write(data))
        assert not writer.append(line(["r", 2]))
    clock.now += 0.3
    assert writer.append(line(["r", 3]))
    assert only(folder).records == [HEAD, ["r", 1], ["r", 3], ["c", "dropped:no_space", 1]]


def test_a_full_disk_makes_no_files(folder: Path, disk: Disk, clock: Clock) -> None:
    """An empty segment is kept for the next try."""
    writer = spools.writer(folder, clock=clock)
    for _ in range(5):
        disk.faults.append(-errno.ENOSPC)
        assert not writer.append(line(["r", 1]))
        clock.now += 0.3
    assert writer.append(line(["r", 2]))
    assert only(folder).records == [HEAD, ["r", 2], ["c", "dropped:no_space", 5]]


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EFBIG])
def test_a_bad_segment_is_left_for_another(folder: Path, disk: Disk, number: int) -> None:
    """The record goes into a new one."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]), (3,))
    disk.faults += [-number] * 2
    assert writer.append(line(["r", 2]), (3,))
    assert writer.dropped == {}
    found = sorted(spools.read(segment).records for segment in spools.segments(folder))
    assert found == [[HEAD, pattern(3), ["r", 1]], [HEAD, pattern(3), ["r", 2]]]
    assert len(spools.descriptors(folder)) == 1


def test_a_disk_that_fails_for_good_does_not_fill_with_files(
    folder: Path, disk: Disk, clock: Clock
) -> None:
    """One new segment a try, and four tries a second."""
    writer = spools.writer(folder, clock=clock)
    writer.append(line(["r", 1]))
    disk.faults += [-errno.EIO] * 1000
    for _ in range(100):
        assert not writer.append(line(["r", 2]))
        clock.now += 0.01
    assert len(spools.segments(folder)) <= 1 + 4
    assert writer.dropped == {"errno_EIO": 100}


def test_a_file_size_limit_starts_a_new_segment(folder: Path) -> None:
    """A real short write, then a real EFBIG: nothing is lost, the fragment stays behind."""

    def work() -> list[object]:
        size = len(line(HEAD) + line(["r", "first"]))
        writer = limited("first", folder, size + 7)
        return [writer.append(line(["r", "secnd"])), writer.dropped]

    assert spools.in_child(work) == [True, {}]
    assert sorted(spools.records(folder)) == [["r", "first"], ["r", "secnd"]]
    tails = sorted(spools.read(segment).tail for segment in spools.segments(folder))
    assert tails == [b"", line(["r", "secnd"])[:7]]


def test_a_file_size_limit_below_the_header_is_refused(folder: Path) -> None:
    """It cannot work, says so, and leaves few files."""

    def work() -> list[object]:
        clock = Clock()
        writer = limited("first", folder, 20, clock)
        taken = []
        for n in range(50):
            taken.append(writer.append(line(["r", n])))
            clock.now += 0.01
        refusal = writer.refusal
        return [any(taken), writer.dropped, refusal and refusal.reason]

    assert spools.in_child(work) == [False, {"errno_EFBIG": 50}, "errno_EFBIG"]
    assert spools.records(folder) == [["r", "first"]]
    assert len(spools.segments(folder)) <= 4


@pytest.mark.parametrize("times", [1, 40])
def test_a_removed_segment_is_replaced_and_its_last_record_repeated(
    folder: Path, times: int
) -> None:
    """Somebody cleans up: every record that was taken since can be read."""
    writer = spools.writer(folder)
    for n in range(times):
        assert writer.append(line(["r", n]), (3,))
        for segment in spools.segments(folder):
            segment.unlink()
        assert writer.append(line(["r", n, "again"]), (3,))
        assert only(folder).records == [HEAD, pattern(3), ["r", n, "again"]]
    assert writer.dropped == {}
    assert len(spools.descriptors(folder)) == 1


def test_counters_in_a_removed_segment_are_told_again(folder: Path, disk: Disk) -> None:
    """They count as told only in a file that has a name."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    writer.count("hook:a")

    def write(fd: int, data: bytes) -> int:
        if b"hook:a" in data and only(folder).records[-1] == ["r", 2]:
            spools.segments(folder)[0].unlink()
        return os.write(fd, data)

    disk.write = write  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("perfctl.spool.writer.write", write)
        assert writer.append(line(["r", 2]))
    assert writer.append(line(["r", 3]))
    assert only(folder).records == [HEAD, ["r", 3], ["c", "hook:a", 1]]


def test_a_removed_folder_is_made_again(folder: Path) -> None:
    """With its rights."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    shutil.rmtree(folder)
    assert writer.append(line(["r", 2]))
    assert only(folder).records == [HEAD, ["r", 2]]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_moved_away_is_left_at_the_next_look(folder: Path, clock: Clock) -> None:
    """`mv .perfctl .perfctl.old` on a running site: the new place is found without a restart."""
    writer = spools.writer(folder, clock=clock)
    writer.append(line(["r", 1]))
    moved = folder.rename(folder.with_name("old"))
    clock.now += 2
    assert writer.append(line(["r", 2]))
    assert only(folder).records == [HEAD, ["r", 2]]
    assert only(moved).records == [HEAD, ["r", 1]]
    assert not spools.is_held(spools.segments(moved)[0])


def test_a_segment_that_was_cut_is_left(folder: Path) -> None:
    """`copytruncate` takes the header away: what comes next has one again."""
    writer = spools.writer(folder)
    for n in range(5):
        writer.append(line(["r", n]))
    (segment,) = spools.segments(folder)
    os.truncate(segment, 0)
    assert writer.append(line(["r", 5]))
    assert writer.append(line(["r", 6]))
    assert sorted(spools.records(folder)) == [["r", 5], ["r", 6]]
    (other,) = set(spools.segments(folder)) - {segment}
    assert spools.read(other).records == [HEAD, ["r", 6]]


def test_a_closed_descriptor_costs_nothing(folder: Path) -> None:
    """A daemon closes all that is open."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    (fd,) = spools.descriptors(folder)
    os.close(fd)
    assert writer.append(line(["r", 2]))
    assert sorted(spools.records(folder)) == [["r", 1], ["r", 2]]
    assert writer.dropped == {}


def _next(writer: SpoolWriter, clock: Clock, way: str) -> bool:
    """The next append, on each way through the writer."""
    match way:
        case "usual":
            return writer.append(line(["r", 2]))
        case "looks":
            clock.now += 3
            return writer.append(line(["r", 2]))
        case "pattern":
            return writer.append(line(["r", 2]), [7])
        case "counter":
            writer.count("hook:a")
            return writer.append(line(["r", 2]))
        case _:
            raise AssertionError(way)


@pytest.mark.parametrize("kind", ["file", "socket"])
@pytest.mark.parametrize("way", ["usual", "looks", "pattern", "counter"])
def test_a_descriptor_that_became_somebody_elses_is_left_alone(
    folder: Path, tmp_path: Path, clock: Clock, kind: str, way: str
) -> None:
    """Closed and opened again by others: not a byte is written into it, nor is it closed."""
    writer = spools.writer(folder, clock=clock)
    writer.append(line(["r", 1]))
    (fd,) = spools.descriptors(folder)
    near, far = socket.socketpair()
    with near, far, open(tmp_path / "other", "w+b") as file:
        os.dup2(file.fileno() if kind == "file" else near.fileno(), fd)
        assert _next(writer, clock, way)
        assert writer.append(line(["r", 3]))
        writer.close()
        assert sorted(spools.records(folder)) == [["r", 1], ["r", 2], ["r", 3]]
        os.fstat(fd)  # still open
        os.close(fd)
        near.close()
        assert (file.read(), far.recv(1)) == (b"", b"")


@pytest.mark.parametrize("way", ["close", "fork", "collected"])
def test_a_descriptor_that_became_somebody_elses_is_not_closed(
    folder: Path, tmp_path: Path, way: str
) -> None:
    """Where the writer gives its segments up by itself."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    (fd,) = spools.descriptors(folder)
    with open(tmp_path / "other", "w+b") as file:
        os.dup2(file.fileno(), fd)
        match way:
            case "close":
                writer.close()
            case "collected":
                del writer
                gc.collect()
            case _:
                assert spools.in_child(lambda: os.fstat(fd).st_ino) == os.fstat(fd).st_ino
        os.fstat(fd)
        os.close(fd)


def test_a_descriptor_that_is_not_ours_any_more_is_not_closed(folder: Path, disk: Disk) -> None:
    """After EBADF its number may be another thread's new file."""
    writer = spools.writer(folder)
    writer.append(line(["r", 1]))
    (fd,) = spools.descriptors(folder)
    disk.faults += [-errno.EBADF] * 2
    assert writer.append(line(["r", 2]))
    writer.close()
    assert spools.descriptors(folder) == [fd]
    os.close(fd)


def test_too_many_open_files_do_not_stop_an_open_segment(folder: Path) -> None:
    """A look that cannot be had is no reason to refuse; a new segment is."""

    def work() -> list[object]:
        clock = Clock()
        writer = spools.writer(folder, clock=clock)
        writer.append(line(["r", 1]))
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        clock.now += 2
        taken = [writer.append(line(["r", 2]))]
        writer.close()
        taken.append(writer.append(line(["r", 3])))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        clock.now += 0.3
        taken.append(writer.append(line(["r", 4])))
        return [taken, writer.dropped]

    assert spools.in_child(work) == [[True, False, True], {"errno_EMFILE": 1}]
    assert sorted(spools.records(folder)) == [["r", 1], ["r", 2], ["r", 4]]


def test_a_full_spool_refuses_until_it_is_drained(folder: Path, clock: Clock) -> None:
    """Looked at every two seconds; what was refused is told when there is room again."""
    writer = spools.writer(folder, clock=clock, max_total=5000)
    taken = []
    for n in range(6):
        taken.append(writer.append(line(["r", n, "x" * 1000])))
        clock.now += 2
    assert taken == [True] * 5 + [False]
    assert not writer.append(line(["r", "refused"]))
    refusal = writer.refusal
    assert refusal is not None
    assert (refusal.reason, refusal.hint) == ("spool_full", "perfctl collect")

    for segment in spools.segments(folder):
        os.truncate(segment, 0)
    assert not writer.append(line(["r", "not looked yet"]))
    clock.now += 2
    assert writer.append(line(["r", "back"]))
    assert writer.refusal is None
    assert writer.append(line(["r", "more"]))
    assert spools.counters(folder) == {"dropped:spool_full": 3}


def test_a_spool_that_is_drained_takes_records_again(store: Path, clock: Clock) -> None:
    """Of many writers none rolls its segment any more once it is refused: each has to leave it."""
    folder = spool_folder(store)
    options: dict[str, Any] = {"clock": clock, "max_file": 256 << 10, "max_total": 1 << 20}
    writers = [spools.writer(folder, **options) for _ in range(5)]
    long = line(request(route="/" + "x" * 900, at_ms=NOW_MS))
    while sum(writer.append(long) for writer in writers):
        clock.now += 2
    assert all(writer.refusal and writer.refusal.reason == "spool_full" for writer in writers)

    ingest.drain(store, NOW_MS)
    assert ingest.pending_bytes(store) == 0
    clock.now += 3

    assert [writer.append(long) for writer in writers] == [True] * 5


def test_what_others_wrote_counts_towards_the_cap(folder: Path, clock: Clock) -> None:
    """The cap is the spool's, not the process's."""
    writer = spools.writer(folder, clock=clock, max_total=5000)
    assert writer.append(line(["r", 1]))
    (folder / "1-0123456789abcdef.spool").write_bytes(b"x" * 5000)
    assert writer.append(line(["r", 2]))
    clock.now += 2
    assert not writer.append(line(["r", 3]))
    assert writer.dropped == {"spool_full": 1}


def test_very_many_files_are_a_full_spool(
    folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small they are."""
    monkeypatch.setattr("perfctl.spool.room.MAX_FILES", 3)
    writer = spools.writer(folder, clock=clock)
    writer.append(line(["r", 1]))
    for n in range(2):
        (folder / f"{n}-0123456789abcdef.spool").touch()
    clock.now += 2
    assert not writer.append(line(["r", 2]))
    assert writer.dropped == {"spool_full": 1}


def test_a_disk_with_little_left_is_refused(folder: Path, clock: Clock) -> None:
    """The spool is not what fills it."""
    free = shutil.disk_usage(folder.parent).free
    writer = spools.writer(folder, clock=clock, min_free=free * 2)
    assert not writer.append(line(["r", 1]))
    assert writer.dropped == {"disk_low": 1}
    refusal = writer.refusal
    assert refusal is not None
    assert str(folder) in refusal.message
    assert not spools.segments(folder)


@pytest.mark.parametrize(
    ("disk_bytes", "least"),
    [
        (100 * MIB, 64 * MIB),
        (2 * GIB, GIB // 10),
        (10 * GIB, GIB // 2),
        (20 * GIB, GIB),
        (4096 * GIB, GIB),
    ],
)
def test_five_percent_stay_free_between_64_mib_and_1_gib(disk_bytes: int, least: int) -> None:
    """The rule where no other is given."""
    assert abs(least_free(disk_bytes) - least) <= MIB


def test_a_failure_is_shown_between_two_tries(folder: Path, disk: Disk, clock: Clock) -> None:
    """The hook asks once an hour: it must not happen upon the moment of a try."""
    writer = spools.writer(folder, clock=clock)
    writer.append(line(["r", 1]))
    disk.faults += [-errno.ENOSPC] * 2
    writer.append(line(["r", 2]))
    clock.now += 0.3
    assert writer.refusal is not None
    clock.now += 2
    assert writer.refusal is None
