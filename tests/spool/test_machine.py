"""Any order of appends, torn writes, errors, deaths, rolls and removals: all that was taken is there.

A model in memory keeps what the writers said; the segments must agree with it to the record.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections import Counter, deque
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from perfctl.recording.check import MAX_LINE_BYTES
from perfctl.spool import writer as writer_module
from perfctl.spool.writer import SpoolWriter
from tests.segments import line
from tests.spool import spools
from tests.spool.spools import Clock, pattern

_ERRNOS = [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.ESTALE]


class _Killed(BaseException):
    pass


class _Fault(NamedTuple):
    """What happens to a write: the share of it that gets through, then perhaps an end."""

    share: float = 0.0
    errno: int = 0
    kills: bool = False
    unlinks: bool = False


_shares = st.one_of(st.just(1.0), st.floats(0, 1))
_faults = st.one_of(
    st.builds(_Fault, share=_shares),
    st.builds(_Fault, errno=st.sampled_from(_ERRNOS)),
    st.builds(_Fault, share=_shares, kills=st.just(True)),
    st.builds(_Fault, unlinks=st.just(True)),
)


class _Worker:
    """A writer, and how often it said no."""

    def __init__(self, number: int, folder: Path, clock: Clock) -> None:
        self.number = number
        self.refused = 0
        self.writer = SpoolWriter(
            folder,
            lambda: line(["perfctl", number]),
            lambda ordinal: line(pattern(ordinal)),
            max_file=700,
            min_free=0,
            clock=clock,
        )


class Spool(RuleBasedStateMachine):
    """A spool with up to four workers."""

    @initialize()
    def start(self) -> None:
        """One worker, no fault."""
        self.folder = Path(tempfile.mkdtemp(prefix="perfctl-machine-")) / "spool"
        self.clock = Clock()
        self.faults: deque[_Fault] = deque()
        self.taken: set[int] = set()
        self.stored: Counter[int] = Counter()
        self.told: Counter[int] = Counter()
        self.refused_by_the_dead: dict[int, int] = {}
        self.next_record = self.next_worker = 0
        self.workers = [self.new_worker()]
        writer_module.write = self.write

    def new_worker(self) -> _Worker:
        """A process that starts."""
        self.next_worker += 1
        return _Worker(self.next_worker, self.folder, self.clock)

    def write(self, fd: int, data: bytes) -> int:
        """The real write, or the next fault."""
        if not self.faults:
            return os.write(fd, data)
        fault = self.faults.popleft()
        if fault.errno:
            raise OSError(fault.errno, os.strerror(fault.errno))
        if fault.unlinks:
            self.take_away(Path(os.readlink(f"/proc/self/fd/{fd}")))
            return os.write(fd, data)
        size = int(fault.share * (len(data) - 1))
        if size:
            os.write(fd, data[:size])
        if fault.kills:
            raise _Killed
        return size

    def take_away(self, segment: Path) -> None:
        """Somebody removes a segment, having read it."""
        try:
            self.read(segment)
            segment.unlink()
        except FileNotFoundError:
            return

    def read(self, segment: Path) -> None:
        """Count what a segment has, and see that it explains itself."""
        found = spools.read(segment).records
        if not found:
            return
        kind, number = found[0]
        assert kind == "perfctl", "the first good line is no header"
        known = set()
        for record in found:
            if record[0] == "p":
                known.add(record[1])
            elif record[0] == "r":
                self.stored[record[1]] += 1
                assert set(record[2]) <= known, "an ordinal before its pattern"
            elif record[0] == "c":
                assert record[1].startswith("dropped:")
                self.told[number] += record[2]

    @rule(
        which=st.integers(0, 3),
        ordinals=st.lists(st.integers(0, 4), max_size=3),
        size=st.sampled_from([0, 40, 400]),
    )
    def append(self, which: int, ordinals: list[int], size: int) -> None:
        """A request ends; its worker may die of it."""
        worker = self.workers[which % len(self.workers)]
        self.next_record += 1
        data = line(["r", self.next_record, ordinals, "x" * size])
        try:
            if worker.writer.append(data, ordinals):
                self.taken.add(self.next_record)
            else:
                worker.refused += 1
        except _Killed:
            self.end(worker)

    @rule(which=st.integers(0, 3))
    def append_too_much(self, which: int) -> None:
        """A record that no reader would take."""
        worker = self.workers[which % len(self.workers)]
        assert not worker.writer.append(b"x" * (MAX_LINE_BYTES + 1))
        worker.refused += 1

    @rule(faults=st.lists(_faults, min_size=1, max_size=4))
    def order_faults(self, faults: list[_Fault]) -> None:
        """For the writes that come next."""
        self.faults.extend(faults)

    @rule()
    def mend(self) -> None:
        """No more faults."""
        self.faults.clear()

    @rule(seconds=st.sampled_from([0.1, 0.3, 2.1]))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.clock.now += seconds

    @rule(which=st.integers(0, 3))
    def kill(self, which: int) -> None:
        """A worker dies between two requests, and another takes its place."""
        self.end(self.workers[which % len(self.workers)])

    def end(self, worker: _Worker) -> None:
        """The kernel closes what it had open, and frees the locks."""
        worker.writer.close()
        self.refused_by_the_dead[worker.number] = worker.refused
        self.workers[self.workers.index(worker)] = self.new_worker()

    @precondition(lambda self: len(self.workers) < 4)
    @rule()
    def add_worker(self) -> None:
        """One more process."""
        self.workers.append(self.new_worker())

    @rule(which=st.integers(0, 3))
    def roll(self, which: int) -> None:
        """A worker gives up its segments."""
        self.workers[which % len(self.workers)].writer.close()

    @precondition(lambda self: self.folder.exists() and spools.segments(self.folder))
    @rule(data=st.data())
    def remove_segment(self, data: st.DataObject) -> None:
        """Somebody removes a segment, in use or not."""
        self.take_away(data.draw(st.sampled_from(spools.segments(self.folder))))

    @rule()
    def remove_folder(self) -> None:
        """Somebody removes it all."""
        for segment in spools.segments(self.folder):
            self.take_away(segment)
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule()
    def move_folder(self) -> None:
        """Somebody moves it all away, and the writers have two seconds to see it."""
        if self.folder.exists():
            moved = self.folder.with_name(f"moved-{self.next_record}-{self.clock.now}")
            self.folder.rename(moved)
            self.wait(2.1)

    def teardown(self) -> None:
        """All is well again; then the books are closed."""
        if not hasattr(self, "folder"):
            return
        try:
            self.faults.clear()
            self.wait(2.1)
            for which in range(len(self.workers)):
                before = len(self.taken)
                self.append(which, [1], 0)
                assert len(self.taken) == before + 1, self.workers[which].writer.refusal
                assert self.workers[which].writer.refusal is None
            for segment in sorted(self.folder.parent.glob("*/*.spool")):
                self.read(segment)
            assert self.stored == Counter(self.taken)
            for worker in self.workers:
                assert self.told[worker.number] == worker.refused
                assert sum(worker.writer.dropped.values()) == worker.refused
            for number, refused in self.refused_by_the_dead.items():
                assert self.told[number] <= refused
        finally:
            writer_module.write = os.write
            for worker in self.workers:
                worker.writer.close()
            shutil.rmtree(self.folder.parent)


TestSpool = Spool.TestCase
TestSpool.settings = settings(
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
