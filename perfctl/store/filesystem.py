"""What the store's folder is mounted from: a filesystem that other machines share is refused."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from perfctl.errors import EnvironmentFault

MOUNTINFO = "/proc/self/mountinfo"

# Other machines, or the host of a virtual one, reach the same files: neither SQLite's shared
# memory nor its locks work across them (https://sqlite.org/wal.html, "All processes … must be on
# the same host computer"), and O_APPEND is not atomic.
_SHARED = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph", "glusterfs", "lustre"),
        *("afs", "coda", "beegfs", "gfs2", "gpfs", "ocfs2", "orangefs", "pvfs2", "ncpfs", "davfs"),
        *("vboxsf", "vmhgfs", "prl_fs", "drvfs", "fakeowner", "grpcfuse", "osxfs"),
    )
)
_SHARED_FUSE = frozenset(
    (
        *(
            "sshfs",
            "glusterfs",
            "ceph",
            "ceph-fuse",
            "s3fs",
            "rclone",
            "davfs",
            "davfs2",
            "curlftpfs",
        ),
        *("gcsfuse", "goofys", "juicefs", "JuiceFS", "mfs", "moosefs", "vmhgfs-fuse", "grpcfuse"),
        *("osxfs", "smbnetfs", "seaweedfs", "blobfuse", "blobfuse2", "mount-s3", "nfs", "lizardfs"),
    )
)


class Mount(NamedTuple):
    """A line of `/proc/self/mountinfo`; `device` is `major:minor`, `root` the part that is mounted."""

    device: str
    root: str
    mount_point: str
    fstype: str
    source: str
    writable: bool
    options: str

    def holds(self, path: str) -> bool:
        """True where the path is the mount point or beneath it."""
        return path == self.mount_point or path.startswith(self.mount_point.rstrip("/") + "/")


def read_mountinfo(path: str = MOUNTINFO) -> str | None:
    """The mounts that this process sees; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - read at every start
            return os.fsdecode(file.read())
    except OSError:
        return None


def parse_mounts(mountinfo: str) -> Iterator[Mount]:
    """The mounts of a mountinfo text; lines of another form are passed over."""
    for line in mountinfo.split("\n"):
        of_mount, separator, of_filesystem = line.partition(" - ")
        left, right = of_mount.split(" "), of_filesystem.split(" ")
        if not separator or len(left) < 6 or len(right) < 3:
            continue
        yield Mount(
            device=left[2],
            root=_unescaped(left[3]),
            mount_point=_unescaped(left[4]),
            fstype=right[0],
            source=_unescaped(right[1]),
            writable="rw" in left[5].split(",") and "rw" in right[2].split(","),
            options=right[2],
        )


def find_mount(path: Path, mounts: Iterable[Mount]) -> Mount | None:
    """The mount that the path lies on, links followed; of several on one place the last."""
    real = os.path.realpath(path)
    found: Mount | None = None
    for mount in mounts:
        if mount.holds(real) and (not found or len(mount.mount_point) >= len(found.mount_point)):
            found = mount
    return found


def check(store: Path, mountinfo: str | None = None) -> None:
    """EnvironmentFault with type and mount point where the store's folder is shared with others."""
    text = read_mountinfo() if mountinfo is None else mountinfo
    mount = find_mount(store.parent, parse_mounts(text)) if text else None
    if mount is not None and is_shared(mount.fstype):
        raise EnvironmentFault(
            f"{store} would lie on {mount.fstype}, mounted at {mount.mount_point}: "
            "the store's locks do not hold on a filesystem that other machines share",
            "put it on a local disk, with --db or PERFCTL_DB",
        )


def is_shared(fstype: str) -> bool:
    """True for network and host-shared types, as mountinfo names them."""
    kind, _, subtype = fstype.partition(".")
    return fstype in _SHARED or (kind == "fuse" and subtype in _SHARED_FUSE)


def _unescaped(field: str) -> str:
    r"""mountinfo writes space, tab, newline and backslash as `\040` and the like."""
    if "\\" not in field:
        return field
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
