"""A segment as its writer holds it."""

from __future__ import annotations

import contextlib
import errno
import os

from perfctl.spool.folder import SpoolFolder

try:
    import fcntl
except ImportError:  # Windows: nothing says there that a writer lives
    fcntl = None  # type: ignore[assignment]

HAS_LOCKS = fcntl is not None
_TRIES = 8


class OpenSegment:
    """Place for one append at a time: an open segment, or none yet."""

    __slots__ = (
        "errno",
        "fd",
        "has_fragment",
        "identity",
        "is_begun",
        "is_clean",
        "is_full",
        "known",
        "path",
        "pid",
        "size",
    )

    def __init__(self) -> None:
        self.fd = self.pid = -1
        self.errno = 0
        """Why the last write failed; 0 where it did not, or was cut short."""
        self._reset()

    def _reset(self) -> None:
        self.identity: tuple[int, int] | None = None
        """Device and number of the file, once it is locked and has its rights; None before."""
        self.path = ""
        self.size = 0
        """Where the last whole line ends."""
        self.is_begun = False
        """Whether its header is written."""
        self.is_clean = False
        """Whether the next line can follow at once. False during a write: a signal may end it."""
        self.has_fragment = False
        """Whether something follows the last whole line, as of the last look."""
        self.is_full = False
        """Whether it has its size, or was cut: the next line belongs into another one."""
        self.known: set[int] = set()
        """Ordinals of the patterns that are written."""

    def begin(self, folder: SpoolFolder) -> None:
        """Take a new, empty segment under a lock that the kernel gives back at any death."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        for _ in range(_TRIES):
            self._reset()
            self.pid = os.getpid()
            name = f"{self.pid}-{os.urandom(8).hex()}.spool"
            self.path = str(folder.path / name)
            # Straight into the slot: a fork in another thread must find it there to close it.
            self.fd = os.open(name, flags, 0o600, dir_fd=folder.fd)
            try:
                if self._claim(folder):
                    return
            except OSError:
                with contextlib.suppress(OSError):  # nobody could read it: not a segment yet
                    os.unlink(name, dir_fd=folder.fd)
                self.close()
                raise
            self.close()
        raise OSError(errno.EAGAIN, "new segments vanish")

    def _claim(self, folder: SpoolFolder) -> bool:
        """Lock it and give it the folder's owner; False where a reader has been faster."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        status = os.fstat(self.fd)
        owner, group = folder.status.st_uid, folder.status.st_gid
        if os.geteuid() == 0 and (status.st_uid, status.st_gid) != (owner, group):
            os.fchown(self.fd, owner, group)
        elif folder.segment_mode & 0o070 and status.st_gid != group:
            os.fchown(self.fd, -1, group)
        if status.st_mode & 0o777 != folder.segment_mode:
            os.fchmod(self.fd, folder.segment_mode)
        self.identity = status.st_dev, status.st_ino
        return True

    @property
    def is_spent(self) -> bool:
        """Whether it takes no more lines: full, or a signal came before it was locked."""
        return self.is_full or self.identity is None

    def look(self) -> None:
        """Give up a descriptor that is somebody else's by now, and a file that was cut."""
        self.has_fragment = False
        status = self._status()
        if status is None:
            self.forget()
        elif status.st_size < self.size:  # its header is gone
            self.is_full = True
        else:
            self.has_fragment = status.st_size > self.size

    @property
    def is_ours(self) -> bool:
        """Whether the descriptor still leads to this segment."""
        return self._status() is not None

    def _status(self) -> os.stat_result | None:
        """The file's; None where the project has closed it, and perhaps opened one of its own."""
        try:
            status = os.fstat(self.fd)
        except OSError:
            return None
        is_ours = self.identity in (None, (status.st_dev, status.st_ino))
        return status if is_ours else None

    def leave(self) -> None:
        """Give up a segment that cannot be written any more."""
        if self.errno in (errno.EBADF, errno.ESPIPE):  # closed by somebody, perhaps a socket now
            self.forget()
        else:
            self.close()

    def close(self) -> None:
        """Leave the segment: its lock goes with it."""
        is_ours = self.fd >= 0 and self.is_ours
        fd = self.forget()
        if is_ours:
            with contextlib.suppress(OSError):
                os.close(fd)

    def forget(self) -> int:
        """Leave it without closing the descriptor, which is the caller's now."""
        fd, self.fd = self.fd, -1
        self.is_clean = False
        return fd

    def __del__(self) -> None:
        if hasattr(self, "fd"):  # a signal may end even __init__
            self.close()
