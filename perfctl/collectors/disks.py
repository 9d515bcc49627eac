"""How full the disks are: the local filesystems that can be written, each device once."""

import os
import stat
from collections.abc import Callable, Iterable
from typing import NamedTuple

from perfctl.store.filesystem import Mount

# A list of what counts, not of what does not: asking an unknown network filesystem may hang.
_LOCAL = frozenset(
    (
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs"),
        *("nilfs2", "vfat", "exfat", "ntfs", "ntfs3", "fuseblk", "hfsplus", "ufs", "apfs", "hfs"),
    )
)
_OVERLAYS = ("overlay", "aufs", "fuse.fuse-overlayfs")


class Disk(NamedTuple):
    """A filesystem; `used` is 0 to 1 of what ordinary users can have, as `df` shows it."""

    mount: str
    device: str
    total_bytes: int
    used_bytes: int
    free_bytes: int
    used: float


def local_disks(
    mounts: Iterable[Mount], ask: Callable[[str], os.statvfs_result | None] | None = None
) -> tuple[Disk, ...]:
    """The fullest first."""
    ask = ask or ask_folder
    disks = [
        disk
        for mount in _one_each(mounts)
        if (disk := _disk(mount, ask(mount.mount_point))) is not None
    ]
    return tuple(sorted(disks, key=lambda disk: (-disk.used, disk.mount)))


def ask_folder(mount_point: str) -> os.statvfs_result | None:
    """What the filesystem there says; nothing for a file that is mounted, as containers have it."""
    try:
        if not stat.S_ISDIR(os.stat(mount_point).st_mode):
            return None
        return os.statvfs(mount_point)
    except OSError:
        return None


def _one_each(mounts: Iterable[Mount]) -> list[Mount]:
    """Of each device the shortest mount point, such as `/srv` and not a bind mount of its parts."""
    visible = {mount.mount_point: mount for mount in mounts}  # a later one covers an earlier
    found: dict[str, Mount] = {}
    for mount in sorted(visible.values(), key=lambda mount: len(mount.mount_point)):
        if mount.writable and _counts(mount):
            # Each subvolume of btrfs has a device number of its own.
            found.setdefault(mount.source if mount.fstype == "btrfs" else mount.device, mount)
    return list(found.values())


def _counts(mount: Mount) -> bool:
    """A container's own root counts; on its host those are parts of a disk that does."""
    is_own_root = mount.mount_point == "/" and mount.fstype in _OVERLAYS
    return mount.fstype in _LOCAL or is_own_root


def _disk(mount: Mount, status: os.statvfs_result | None) -> Disk | None:
    if status is None or not status.f_blocks:
        return None
    used = status.f_blocks - status.f_bfree
    usable = used + status.f_bavail
    unit = status.f_frsize
    return Disk(
        mount.mount_point,
        mount.source,
        status.f_blocks * unit,
        used * unit,
        status.f_bavail * unit,
        used / usable if usable else 1.0,
    )
