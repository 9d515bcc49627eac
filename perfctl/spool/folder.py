"""The spool folder: made with its owner and rights from the start, or refused with the reason.

Everything goes through descriptors: between a check of a path and its use somebody may put another
folder there.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from perfctl.errors import EnvironmentFault

PRIVATE_MODE = 0o700
GROUP_MODE = 0o2770
_ABOVE_MODE = 0o755
_TRIES = 3


class SpoolRefused(EnvironmentFault):
    """Nothing can be written to the spool now; `reason` is the name it is counted by."""

    def __init__(self, reason: str, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.reason = reason


class SpoolFolder(NamedTuple):
    """An open spool folder that has passed the checks."""

    path: Path
    fd: int
    status: os.stat_result

    @property
    def identity(self) -> tuple[int, int]:
        """What tells it from another folder at the same path."""
        return self.status.st_dev, self.status.st_ino

    @property
    def segment_mode(self) -> int:
        """Rights of a new segment: the group may read and remove it only where it shares the folder."""
        return 0o660 if _is_shared(self.status) else 0o600


@contextlib.contextmanager
def open_folder(path: Path, group_id: int | None = None) -> Iterator[SpoolFolder]:
    """The spool folder at `path`, made where it is missing; raises SpoolRefused.

    `group_id` is the group that a new folder is shared with. A folder that is there keeps its mode.
    """
    fd = _open_or_make(path, group_id)
    try:
        status = os.fstat(fd)
        _check_rights(path, fd, status, group_id)
        yield SpoolFolder(path, fd, status)
    finally:
        os.close(fd)


def find_group(group: str | int) -> int:
    """The id of a group given by name or number; raises SpoolRefused."""
    if isinstance(group, int):
        return group
    if group.isascii() and group.isdigit():
        return int(group)
    import grp

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        hint = f"groupadd {shlex.quote(group)}"
        raise _refused(f"there is no group {group!r} to share with", hint) from None


def _open_or_make(path: Path, group_id: int | None) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        for _ in range(_TRIES):
            with contextlib.suppress(FileNotFoundError):
                return os.open(path, flags)
            with contextlib.suppress(FileNotFoundError):  # the one above is being made by others
                _make(path, PRIVATE_MODE if group_id is None else GROUP_MODE, group_id)
        return os.open(path, flags)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and os.path.lexists(path):
            message = f"the spool {path} is a link or no folder"
            raise _refused(message, f"rm {shlex.quote(str(path))}") from None
        if error.errno in (errno.EMFILE, errno.ENFILE):  # says nothing about the folder
            raise
        _check_owner(path)
        raise _refused(f"cannot open the spool {path}: {error.strerror}") from error


def _check_rights(path: Path, fd: int, status: os.stat_result, group_id: int | None) -> None:
    mode = stat.S_IMODE(status.st_mode)
    user_id = os.geteuid()
    if mode & 0o077 and not _is_shared(status):
        message = f"the spool {path} is open to other users (mode {mode:04o})"
        raise _refused(message, f"chmod 700 {shlex.quote(str(path))}")
    if user_id not in (0, status.st_uid) and not _is_shared_with_us(path, status, group_id):
        raise _foreign(path, status.st_uid)
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=fd, effective_ids=True):
        if os.fstatvfs(fd).f_flag & os.ST_RDONLY:
            raise _refused(f"the spool {path} lies on a read-only file system")
        user = _user_name(user_id)
        raise _refused(f"the spool {path} cannot be written by {user} (mode {mode:04o})")


def _check_owner(path: Path) -> None:
    """Say whose it is where it can be seen, but not entered."""
    with contextlib.suppress(OSError):
        owner = path.lstat().st_uid
        if os.geteuid() not in (0, owner):
            raise _foreign(path, owner)


def _foreign(path: Path, owner: int) -> SpoolRefused:
    names = _user_name(owner), _user_name(os.geteuid())
    message = "the spool {} belongs to {}, this process runs as {}".format(path, *names)
    return _refused(message, "perfctl init --group NAME, of a group that both users are in")


@functools.cache  # where users come from a directory server, asked once
def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _is_shared(status: os.stat_result) -> bool:
    return status.st_mode & 0o2077 == 0o2070


def _is_shared_with_us(path: Path, status: os.stat_result, group_id: int | None) -> bool:
    if not _is_shared(status) or status.st_gid not in {os.getegid(), *os.getgroups()}:
        return False
    if group_id is not None:
        return status.st_gid == group_id
    # Where everybody may put a folder, only the configured group tells ours from a planted one.
    return not os.stat(path.parent).st_mode & 0o002


def _make(path: Path, mode: int, group_id: int | None, *, is_spool: bool = True) -> None:
    """Make the folder, the store's above it with the same mode, and what else is missing above."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        parent = os.open(path.parent, flags)
    except FileNotFoundError:
        if is_spool:
            _make(path.parent, mode, group_id, is_spool=False)
        else:
            _make(path.parent, _ABOVE_MODE, None, is_spool=False)
        parent = os.open(path.parent, flags)
    try:
        _make_in(parent, path.name, mode, group_id)
    finally:
        os.close(parent)


def _make_in(parent: int, name: str, mode: int, group_id: int | None) -> None:
    # Renamed into place once it has its rights: another worker may look for it at this moment. Two
    # that make it at once are seldom, and harmless: a rename replaces only an empty folder.
    draft = f".{name}.{os.urandom(8).hex()}"
    os.mkdir(draft, PRIVATE_MODE, dir_fd=parent)
    try:
        _give_rights(parent, draft, mode, group_id)
        if _exists(parent, name):
            raise FileExistsError(errno.EEXIST, "made by another worker meanwhile")
        os.rename(draft, name, src_dir_fd=parent, dst_dir_fd=parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.rmdir(draft, dir_fd=parent)
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise


def _exists(parent: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _give_rights(parent: int, name: str, mode: int, group_id: int | None) -> None:
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        owner = owner_group = -1
        if os.geteuid() == 0:
            above = os.fstat(parent)
            owner, owner_group = above.st_uid, above.st_gid
            with os.scandir(fd) as entries:
                was_exchanged = any(entries)
            if was_exchanged:  # for root's folder, by the owner of the one above, to be given it
                raise OSError(errno.EPERM, "the new folder was exchanged")
        os.fchown(fd, owner, owner_group if group_id is None else group_id)
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def _refused(message: str, hint: str | None = None) -> SpoolRefused:
    return SpoolRefused("folder_refused", message, hint)
