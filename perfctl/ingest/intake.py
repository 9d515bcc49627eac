"""Reads segments into the store: rows, cells and read position in one transaction.

Whatever process dies, and when: a segment's position is committed with the rows it covers, and the
file is unlinked only under its own lock, once nothing is left in it and its writer is gone.
"""

from __future__ import annotations

import contextlib
import gc
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from perfctl.config import Retention
from perfctl.ingest.clock import ClockWatch
from perfctl.ingest.singly import is_of_the_store, take_singly
from perfctl.ingest.tally import Kept, Tally
from perfctl.ingest.testruns import ExactRuns
from perfctl.model import Source
from perfctl.recording import check
from perfctl.spool.reader import Chunk, Segment, list_segments
from perfctl.store import cells, counters, details, origins, positions
from perfctl.store.connection import StoreBusy, transaction, writing
from perfctl.store.names import Names
from perfctl.store.place import spool_folder
from perfctl.store.positions import Position

BATCH_BYTES = 8 << 20
"""How much of a segment one transaction takes, about."""


class Drained(NamedTuple):
    """What a drain did."""

    requests: int
    records: int
    rejected: int
    """Lines that were refused: torn, invalid, of an unknown kind, or too old."""
    is_complete: bool
    """Whether nothing was left waiting when it ended."""
    remarks: tuple[str, ...] = ()
    """What somebody should see to, in words."""


NOTHING = Drained(0, 0, 0, True)


class Origin(NamedTuple):
    """Who wrote a segment."""

    id: int
    host: str
    source: str
    header: check.Header | None
    """Where it is in the chunk at hand."""


def drain(
    store: Path,
    now_ms: int,
    *,
    budget_s: float | None = None,
    retention: Retention | None = None,
) -> Drained:
    """Bring what waits into the store, for at most about `budget_s` seconds (None: all of it).

    What `retention` has passed is refused; its cells may still take what its raw rows do not.
    """
    folder = spool_folder(store)
    if not list_segments(folder):
        return NOTHING
    deadline = None if budget_s is None else time.monotonic() + budget_s
    try:
        wait_s = 30 if budget_s is None else budget_s
        with writing(store, wait_s=wait_s, full_sync=True) as con, _without_collector():
            return _Drain(con, folder, now_ms, deadline, retention or Retention()).run()
    except StoreBusy:
        if budget_s is None:
            raise
        return Drained(0, 0, 0, False)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """No garbage collection meanwhile: records hold no cycles, and it took a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Drain:
    def __init__(
        self,
        con: sqlite3.Connection,
        folder: Path,
        now_ms: int,
        deadline: float | None,
        retention: Retention,
    ) -> None:
        self._con = con
        self._folder = folder
        self._now_ms = now_ms
        self._deadline = deadline
        self._touched: set[tuple[int, int]] = set()
        self._kept = Kept(max(retention.requests_ms, retention.minutes_ms), retention.errors_ms)
        self._clock = ClockWatch(con, now_ms, self._kept.requests_ms)
        self._left: set[str] = set()
        """Segments that are not for now: of a newer format, or the clock is wrong."""
        self._newer = 0
        """How many of them are of a newer format."""
        self._requests = self._records = self._rejected = 0

    def run(self) -> Drained:
        is_complete = True
        names = list_segments(self._folder)
        for name in names:
            try:
                is_complete &= self._drain_segment(name)
            except OSError as exc:  # a link, no rights, a bad sector: say so and go on
                self._refuse(name, f"file_errno_{exc.errno}")
        self._compact()
        with transaction(self._con):
            positions.forget_missing(self._con, list_segments(self._folder))
        return Drained(
            self._requests,
            self._records,
            self._rejected,
            is_complete and not self._clock.is_ahead,
            (*self._clock.remarks(), *self._remarks()),
        )

    def _remarks(self) -> Iterator[str]:
        if self._newer:
            number = "1 segment" if self._newer == 1 else f"{self._newer} segments"
            verb = "is" if self._newer == 1 else "are"
            yield (
                f"{number} of a newer format {verb} left in the spool:"
                " pip install --upgrade perfctl"
            )

    def _is_over(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _refuse(self, name: str, reason: str) -> None:
        """Count a file that is no segment of ours, once; it may become one by `chown`."""
        with transaction(self._con):
            if positions.find(self._con, name) is None:
                counters.add(self._con, "", {f"refused:{reason}": 1}, self._now_ms)
                self._keep(name, Position(0, None))

    def _keep(self, name: str, position: Position, header: check.Header | None = None) -> None:
        positions.keep(
            self._con,
            name,
            position,
            format_version=header and header.format_version,
            pid=header and header.pid,
            now_ms=self._now_ms,
        )

    def _drain_segment(self, name: str) -> bool:
        """Read a segment to its end; True unless time ran out before."""
        if self._is_over():
            return False
        try:
            segment = Segment(self._folder, name)
        except FileNotFoundError:
            return True
        with segment:
            refusal = segment.refusal(self._folder)
            if refusal is not None:
                self._refuse(name, refusal.reason)
                return True
            while self._take_batch(segment):
                if self._is_over():
                    return False
            if name not in self._left:
                self._finish(segment)
        return True

    def _take_batch(self, segment: Segment) -> bool:
        """Store what comes next of a segment with its position; False where there is no more."""
        try:
            return self._store_batch(segment)
        except Exception as exc:
            if is_of_the_store(exc):
                raise
        # A record that no check foresaw: those before and behind it must not wait for ever.
        return self._store_batch(segment, is_careful=True)

    def _store_batch(self, segment: Segment, *, is_careful: bool = False) -> bool:
        with transaction(self._con):
            found = positions.find(self._con, segment.name)
            if found is None and segment.is_removed:
                return False
            position, origin_id = found or Position(0, None)
            if segment.size < position:  # somebody cut the file: what is in it now is new
                counters.add(self._con, "", {"refused:file_cut": 1}, self._now_ms)
                position = 0
            chunk = segment.read(position)
            if chunk is None:
                return False
            known = Names(self._con, self._now_ms)
            header = _find_header(chunk) if origin_id is None else None
            if self._is_left(chunk, header, origin_id):
                self._left.add(segment.name)
                return False
            if origin_id is None:
                origin_id = self._origin(known, header)
            host, source = origins.host_and_source(self._con, origin_id)
            origin = Origin(origin_id, host, source, header)
            if is_careful:
                tallies = take_singly(
                    self._con,
                    chunk,
                    lambda: self._tally(segment, Names(self._con, self._now_ms), origin),
                    lambda tally: self._write(segment, tally, host),
                )
                position = chunk.next_position
            else:
                tally = self._tally(segment, known, origin)
                tally.take(chunk)
                position = self._take_more(segment, chunk.next_position, tally)
                self._write(segment, tally, host)
                tallies = [tally]
            self._keep(segment.name, Position(position, origin_id), header)
        for tally in tallies:
            self._requests += tally.requests
            self._records += tally.records
            self._rejected += tally.rejected
            self._clock.note(tally.newest_ms)
        return True

    def _is_left(self, chunk: Chunk, header: check.Header | None, origin_id: int | None) -> bool:
        """Whether it is for a newer perfctl, which `doctor` names, or for a clock that is right."""
        if header is not None:
            is_newer = header.format_version > check.FORMAT_VERSION
            self._newer += is_newer
            return is_newer or self._clock.leaves(chunk, header.source)
        source = "" if origin_id is None else origins.host_and_source(self._con, origin_id)[1]
        return self._clock.leaves(chunk, source)

    def _tally(self, segment: Segment, known: Names, origin: Origin) -> Tally:
        exact = None
        if origin.source == Source.TEST:
            exact = ExactRuns(known, segment.name, origin.header, origin.id)
        patterns = positions.patterns(self._con, segment.name)
        return Tally(
            self._con, known, origin.source, origin.id, patterns, self._now_ms, self._kept, exact
        )

    def _write(self, segment: Segment, tally: Tally, host: str) -> None:
        self._touched |= tally.write(host)
        positions.add_patterns(self._con, segment.name, tally.new_patterns)

    def _take_more(self, segment: Segment, position: int, tally: Tally) -> int:
        """Take further chunks up to the size of a transaction; returns the position after them.

        A cell is written once a transaction, while a chunk is small enough to stay in the caches.
        """
        end = position + BATCH_BYTES
        while position < end and not self._is_over():
            chunk = segment.read(position)
            if chunk is None:
                break
            tally.take(chunk)
            position = chunk.next_position
            del chunk  # its memory serves the next one
        return position

    def _origin(self, known: Names, header: check.Header | None) -> int:
        """The origin of a segment; one whose header is damaged still counts, as `(unknown)`."""
        if header is None:
            return known.origin("(unknown)", "", "", "live")
        if header.instance:
            origins.note_instance(self._con, header.host, header.instance, self._now_ms)
        return known.origin(header.host, header.release, header.environment, header.source)

    def _finish(self, segment: Segment) -> None:
        """Remove a segment that is wholly stored and whose writer is gone."""
        with transaction(self._con):
            found = positions.find(self._con, segment.name)
            position, origin_id = found or Position(0, None)
            tail = segment.seal(position)
            if tail is None:
                return
            if tail or (not position and segment.size):  # zeros: a crash before they were data
                counters.add(self._con, "", {"refused:torn_tail": 1}, self._now_ms)
                self._rejected += 1
                self._keep(segment.name, Position(segment.size, origin_id))
        segment.remove()

    def _compact(self) -> None:
        if not self._touched:
            return
        with transaction(self._con):
            longest = cells.longest_sketches(self._con, self._touched, self._now_ms)
            cells.compact(self._con, longest)
            details.compact(self._con, longest)


def _find_header(chunk: Chunk) -> check.Header | None:
    return check.header(chunk.records[0]) if chunk.records else None
