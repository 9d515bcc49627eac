"""Whether the spool takes records now, and why not."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from perfctl.spool.folder import SpoolFolder, SpoolRefused, find_group, open_folder
from perfctl.spool.room import check_room
from perfctl.spool.segment import HAS_LOCKS

LOOK_S = 2.0
REST_S = 0.25
_LOOK_SHARE = 100  # a spool of very many files is looked at less often: 1 % of the time at most
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Refusal(NamedTuple):
    """Why records are being refused; `reason` is the name they are counted by."""

    reason: str
    message: str
    hint: str | None = None


class Gate:
    """Looks at the folder and its room every 2 s, and is shut for 0.25 s after a failure."""

    def __init__(
        self,
        path: Path,
        group: str | int | None,
        max_total: int,
        min_free: int | None,
        clock: Callable[[], float],
    ) -> None:
        self._path = path
        self._group = group
        self._group_id: int | None = None
        self._max_total = max_total
        self._min_free = min_free
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.refusal: Refusal | None = None
        """Set while records are refused without a try."""
        self.look_at = float("-inf")
        """When to look again."""
        self._failure: Refusal | None = None
        self._failed_at = float("-inf")

    def look(self) -> tuple[int, int] | None:
        """See whether the folder is there, and ours, and has room; its identity, if it is."""
        began = self._clock()
        self.look_at = began + LOOK_S
        if began >= self._failed_at + LOOK_S:
            self._failure = None
        home = None
        try:
            with self.open_folder() as folder:
                home = folder.identity
                check_room(folder, self._max_total, self._min_free)
        except SpoolRefused as refused:
            self.refusal = Refusal(refused.reason, refused.message, refused.hint)
        except OSError:  # too many open files, say: it may do for the segments that are open
            self.refusal = None
        else:
            self.refusal = None
        self.look_at = max(self.look_at, began + _LOOK_SHARE * (self._clock() - began))
        return home

    def open_folder(self) -> AbstractContextManager[SpoolFolder]:
        """The spool folder, made where it is missing; raises SpoolRefused."""
        if not HAS_LOCKS:
            raise SpoolRefused("no_locks", "this system has no fcntl: perfctl records nothing here")
        if self._group_id is None and self._group is not None:
            self._group_id = find_group(self._group)
        return open_folder(self._path, self._group_id)

    def shut(self, error: OSError | SpoolRefused) -> Refusal:
        """Rest after a failure: what has just failed would fail for the next request too."""
        if isinstance(error, SpoolRefused):
            refusal = Refusal(error.reason, error.message, error.hint)
        else:
            message = f"cannot write to the spool {self._path}: {os.strerror(error.errno or 0)}"
            refusal = Refusal(_reason(error.errno or 0), message)
        self.refusal = self._failure = refusal
        self._failed_at = self._clock()
        self.look_at = self._failed_at + REST_S
        return refusal

    def passed(self) -> None:
        """Take note that a record was written."""
        self._failure = None

    @property
    def last_refusal(self) -> Refusal | None:
        """Why records are refused, also between two tries of which the last has just failed."""
        return self.refusal or self._failure


def _reason(number: int) -> str:
    return "no_space" if number in NO_SPACE else f"errno_{errno.errorcode.get(number, number)}"
