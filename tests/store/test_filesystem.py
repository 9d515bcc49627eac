"""Which filesystems the store may lie on."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfctl.errors import EnvironmentFault
from perfctl.store.filesystem import (
    Mount,
    check,
    find_mount,
    is_shared,
    parse_mounts,
    read_mountinfo,
)

MOUNTINFO = """\
22 27 0:21 / /proc rw,nosuid - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 8:17 / /srv ro,relatime shared:2 master:3 - xfs /dev/sdb1 rw
31 27 0:50 /export /srv/team\\040data rw - nfs4 nas:/vol/team\\040data rw,vers=4.2
32 27 0:51 / /srv2 rw - ext4 /dev/sdc1 ro
33 27 0:60 / /mnt/host rw - 9p host rw
34 33 0:61 / /mnt/host rw - ext4 /dev/sdd1 rw
broken line
"""


def test_mounts_are_read() -> None:
    """Escapes are decoded, optional fields passed over, a line that is none too."""
    mounts = list(parse_mounts(MOUNTINFO))
    assert len(mounts) == 7
    assert mounts[3] == Mount(
        device="0:50",
        root="/export",
        mount_point="/srv/team data",
        fstype="nfs4",
        source="nas:/vol/team data",
        writable=True,
        options="rw,vers=4.2",
    )


def test_writable_is_what_mount_and_filesystem_allow() -> None:
    """A read-only mount of a writable filesystem, and a writable mount of a read-only one, are not."""
    writable = {mount.mount_point: mount.writable for mount in parse_mounts(MOUNTINFO)}
    assert (writable["/"], writable["/srv"], writable["/srv2"]) == (True, False, False)


@pytest.mark.parametrize(
    ("path", "device"),
    [
        ("/", "254:0"),
        ("/srv", "8:17"),
        ("/srv/app/.perfctl/perfctl.db", "8:17"),
        ("/srv/team data/perfctl.db", "0:50"),
        ("/srv/team dataset/perfctl.db", "8:17"),
        ("/srv3/perfctl.db", "254:0"),
        ("/mnt/host/perfctl.db", "0:61"),
    ],
)
def test_the_longest_mount_point_holds_the_path(path: str, device: str) -> None:
    """Whole folder names count, and a later mount on the same place covers the earlier."""
    found = find_mount(Path(path), parse_mounts(MOUNTINFO))
    assert found is not None
    assert found.device == device


def test_links_are_followed(tmp_path: Path) -> None:
    """A link into a share lies on the share."""
    share, link = tmp_path / "share", tmp_path / "link"
    share.mkdir()
    link.symlink_to(share)
    mountinfo = f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / {share} rw - nfs nas:/v rw\n"
    with pytest.raises(EnvironmentFault):
        check(link / "perfctl.db", mountinfo)


def test_a_share_is_refused_by_type_and_mount_point() -> None:
    """Exit code 4, and where to put the store instead."""
    with pytest.raises(EnvironmentFault) as caught:
        check(Path("/srv/team data/x/perfctl.db"), MOUNTINFO)
    assert caught.value.exit_code == 4
    assert "nfs4, mounted at /srv/team data" in caught.value.message
    assert caught.value.hint is not None
    assert "--db" in caught.value.hint


def test_a_local_disk_and_an_unknown_place_are_taken() -> None:
    """Nothing is refused without a reason."""
    check(Path("/srv/app/perfctl.db"), MOUNTINFO)
    check(Path("/srv/app/perfctl.db"), "nothing that can be read")


@pytest.mark.parametrize(
    "fstype",
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "9p",
        "virtiofs",
        "ceph",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.rclone",
        "vboxsf",
    ],
)
def test_shared_types(fstype: str) -> None:
    """Network, and shared between a host and its guests."""
    assert is_shared(fstype)


@pytest.mark.parametrize(
    "fstype",
    ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "fuse.fuse-overlayfs", "fuse"],
)
def test_local_types(fstype: str) -> None:
    """Disks, memory, the layers of a container."""
    assert not is_shared(fstype)


def test_this_machine_tells_its_mounts(tmp_path: Path) -> None:
    """The real file is read, and the temporary folder lies on one of its mounts."""
    text = read_mountinfo()
    assert text is not None
    assert find_mount(tmp_path, parse_mounts(text)) is not None
    assert read_mountinfo("/nonexistent") is None
