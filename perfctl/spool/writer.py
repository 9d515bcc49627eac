"""The writer's side of the spool: a record survives the death of its process once `append` is True.

There is no lock: a thread takes a free slot (an open segment) from a deque, or makes one, and gives
it back, so that a process has as many segments as it ever had appends at one time. A lock held over
a system call would line up the threads of a worker behind whoever waits for the interpreter.
"""

from __future__ import annotations

import errno
import os
import time
import weakref
from collections import deque
from collections.abc import Callable, Collection
from os import F_OK, SEEK_CUR, access, getpid, lseek, write
from pathlib import Path
from typing import Protocol

from perfctl.recording.check import MAX_LINE_BYTES
from perfctl.recording.record import encode_counter
from perfctl.spool.counts import Counts
from perfctl.spool.folder import SpoolRefused
from perfctl.spool.gate import NO_SPACE, Gate, Refusal
from perfctl.spool.room import MAX_TOTAL_BYTES, NO_ROOM
from perfctl.spool.segment import OpenSegment

MAX_FILE_BYTES = 8 << 20
_TRIES = 3
_DROPPED = "dropped:"


class Writer(Protocol):
    """What a feeder hands its records to; it never raises, waits or starts a thread."""

    def append(self, line: bytes, ordinals: Collection[int] = ()) -> bool:
        """Write one finished line; True if it survives the death of this process.

        `ordinals` are those of the query patterns that the line refers to.
        """

    def count(self, name: str, n: int = 1) -> None:
        """Add `n` to the counter `name`, to be written with the next line."""

    @property
    def dropped(self) -> dict[str, int]:
        """Lines that this process had to refuse, by reason."""

    @property
    def refusal(self) -> Refusal | None:
        """Why lines are being refused now; None where they are written."""


class SpoolWriter:
    """Appends lines to segments of its own by `write`.

    `header` returns the first line of a new segment, `pattern_line` the line that tells what an
    ordinal stands for: each is written before the first record of a segment that needs it.
    """

    def __init__(
        self,
        folder: Path | str,
        header: Callable[[], bytes],
        pattern_line: Callable[[int], bytes],
        *,
        group: str | int | None = None,
        max_file: int = MAX_FILE_BYTES,
        max_total: int = MAX_TOTAL_BYTES,
        min_free: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = Path(folder).absolute()
        self._header = header
        self._pattern_line = pattern_line
        self._max_file = max_file
        self._clock = clock
        self._gate = Gate(self._folder, group, max_total, min_free, clock)
        self._slots: list[OpenSegment] = []
        self._begin_anew()
        _writers.add(self)

    def _begin_anew(self) -> None:
        """Share nothing with the process that this one was forked from."""
        self._pid = getpid()
        self._usual_until = float("-inf")
        """Until when nothing but the line itself is to be written, and the spool takes it."""
        inherited, self._slots = self._slots, []
        self._free: deque[OpenSegment] = deque()
        self._home: tuple[int, int] | None = None
        self._counts = Counts()
        self._unsent = Counts()
        self._gate.reset()
        for slot in inherited:
            if slot.pid != self._pid:
                slot.close()

    def append(self, line: bytes, ordinals: Collection[int] = ()) -> bool:
        """Write one finished line; True if it survives the death of this process.

        Written flat: on the way of each request, and cold there, a call costs 0.5 µs. What is not
        as usual goes on in `_append`.
        """
        try:
            # A fork that Python was not told of (uWSGI) shows in the process id alone.
            if self._clock() >= self._usual_until or getpid() != self._pid:
                return self._append(line, ordinals)
            free = self._free
            try:
                slot = free.pop()
            except IndexError:
                return self._append(line, ordinals)
            try:
                length = len(line)
                if (
                    length > MAX_LINE_BYTES
                    or not slot.is_clean
                    or (ordinals and not slot.known.issuperset(ordinals))
                ):
                    return self._put_checked(slot, line, ordinals)
                slot.is_clean = False
                fd = slot.fd
                size = slot.size
                try:
                    # First: a descriptor that the project closed may be a file of its own by now.
                    if lseek(fd, 0, SEEK_CUR) != size:
                        return self._put(slot, line, ordinals)
                    written = write(fd, line)
                except OSError:  # it is met again there, and seen to
                    return self._put(slot, line, ordinals)
                size += length
                if (
                    written == length
                    and size < self._max_file
                    and access(slot.path, F_OK, effective_ids=True)
                ):
                    slot.size = size
                    slot.is_clean = True
                    return True
                return self._settle(slot, length, written, size) or self._put(slot, line, ordinals)
            finally:
                free.append(slot)
        except (OSError, SpoolRefused) as error:
            return self._drop(self._shut(error))
        except Exception as fault:  # never into the request
            return self._drop(f"fault_{type(fault).__name__}")

    def _append(self, line: bytes, ordinals: Collection[int]) -> bool:
        if getpid() != self._pid:
            self._begin_anew()
        gate = self._gate
        if self._clock() >= gate.look_at:
            self._look()
        if gate.refusal is not None:
            return self._drop(gate.refusal.reason)
        if not self._unsent.parts:
            self._usual_until = gate.look_at
        free = self._free
        try:
            slot = free.pop()
        except IndexError:
            slot = self._add_slot()
        try:
            return self._put_checked(slot, line, ordinals)
        finally:
            free.append(slot)

    def _put_checked(self, slot: OpenSegment, line: bytes, ordinals: Collection[int]) -> bool:
        if len(line) > MAX_LINE_BYTES:
            return self._drop("too_long")
        return self._put(slot, line, ordinals)

    def _shut(self, error: OSError | SpoolRefused) -> str:
        self._usual_until = float("-inf")
        return self._gate.shut(error).reason

    def count(self, name: str, n: int = 1) -> None:
        """Add `n` to the counter `name`, to be written with the next line."""
        self._counts.add(name, n)
        self._unsent.add(name, n)
        self._usual_until = float("-inf")

    def close(self) -> None:
        """Give the open segments up; a later append takes new ones."""
        # A slot that another thread is using lives until that thread puts it into the old deque.
        self._slots = []
        self._free = deque()

    @property
    def dropped(self) -> dict[str, int]:
        """Lines that this process had to refuse, by reason."""
        counts = self._counts.total()
        return {
            name.removeprefix(_DROPPED): n
            for name, n in counts.items()
            if name.startswith(_DROPPED)
        }

    @property
    def refusal(self) -> Refusal | None:
        """Why lines are being refused now; None where they are written."""
        if getpid() != self._pid:
            self._begin_anew()
        if self._clock() >= self._gate.look_at:
            self._look()
        return self._gate.last_refusal

    def _add_slot(self) -> OpenSegment:
        slot = OpenSegment()
        self._slots.append(slot)
        return slot

    def _write(self, slot: OpenSegment, data: bytes) -> bool:
        """Whether all of it is in a file that has a name; otherwise the slot tells what to do."""
        slot.is_clean = False
        slot.errno = 0
        try:
            written = write(slot.fd, data)
            size = lseek(slot.fd, 0, SEEK_CUR)
        except OSError as error:
            slot.errno = error.errno or errno.EIO
            return False
        return self._settle(slot, len(data), written, size)

    def _settle(self, slot: OpenSegment, length: int, written: int, size: int) -> bool:
        """What a write has come to: `size` is where it ended.

        The name is asked for, not the link count: after `fstat` the next write has to stamp the
        file anew (Linux 6.13 and later), which together cost 1 µs more.
        """
        if written != length:
            return False
        if not access(slot.path, F_OK, effective_ids=True):  # removed: nobody would find the line
            slot.close()
            return False
        if slot.size + length == size < self._max_file:
            slot.size = size
            slot.is_clean = True
        else:  # it has its size, or others have written into it, or cut it
            slot.is_full = True
        return True

    def _put(self, slot: OpenSegment, line: bytes, ordinals: Collection[int]) -> bool:
        """Write a line with all that must stand before it, in another segment if need be."""
        for _ in range(_TRIES):
            if slot.fd >= 0:
                slot.look()
            if slot.is_spent:
                slot.close()
            if slot.fd < 0:
                self._begin(slot)
            missing = [o for o in dict.fromkeys(ordinals) if o not in slot.known]
            if self._write(slot, self._head(slot, missing) + line):
                slot.is_begun = True
                slot.known.update(missing)
                self._gate.passed()
                self._send_counts(slot)
                return True
            if slot.errno in NO_SPACE:
                break
            if slot.errno:
                is_new = not slot.is_begun
                slot.leave()
                if is_new:  # another new file would fare no better
                    break
        if slot.errno:
            raise OSError(slot.errno, os.strerror(slot.errno))
        raise SpoolRefused("vanished", f"segments vanish from the spool {self._folder}")

    def _begin(self, slot: OpenSegment) -> None:
        for is_last in (False, False, True):
            try:
                with self._gate.open_folder() as folder:
                    self._move_to(folder.identity)
                    slot.begin(folder)
                    return
            except FileNotFoundError:  # the folder was removed meanwhile, or made by two at once
                if is_last:
                    raise

    def _head(self, slot: OpenSegment, missing: list[int]) -> bytes:
        # After a fragment: the newline ends it, the "!" spoils its checksum. A newline alone would
        # make a second record of a fragment that lacks nothing else.
        parts = [b"!\n"] if slot.has_fragment else []
        if not slot.is_begun:
            parts.append(self._header())
        parts += map(self._pattern_line, missing)
        return b"".join(parts)

    def _send_counts(self, slot: OpenSegment) -> None:
        """Write what was counted since; one by one, so that a short write doubles none."""
        if self._unsent.parts:
            is_whole = True
            for name, n in self._unsent.take().items():
                is_whole = is_whole and slot.is_ours and self._write(slot, encode_counter(name, n))
                if not is_whole:
                    self._unsent.add(name, n)

    def _drop(self, reason: str) -> bool:
        self.count(_DROPPED + reason)
        return False

    def _look(self) -> None:
        home = self._gate.look()
        if home is not None:
            self._move_to(home)
        refusal = self._gate.refusal
        if refusal is not None and refusal.reason in NO_ROOM:
            self.close()  # a reader removes only what no writer holds: it would stay full for ever

    def _move_to(self, home: tuple[int, int]) -> None:
        """Leave the segments that went away with a folder that was moved."""
        if home != self._home:
            if self._home is not None:
                self.close()
            self._home = home


_writers: weakref.WeakSet[SpoolWriter] = weakref.WeakSet()


def _begin_all_anew() -> None:
    for writer in list(_writers):
        writer._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all_anew)
