"""Which filesystems count as disks, and how full they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from perfctl.collectors.disks import Disk, ask_folder, local_disks
from perfctl.collectors.host import read_mounts
from perfctl.store.filesystem import parse_mounts


def status(blocks: int, free: int, available: int) -> os.statvfs_result:
    """A filesystem of 4 KiB blocks."""
    return os.statvfs_result((4096, 4096, blocks, free, available, 0, 0, 0, 0, 255))


def test_a_server_has_its_writable_local_disks(machine: Callable[[str], str]) -> None:
    """No snap, no overlay, tmpfs, share or read-only stick; bind mounts and subvolumes once."""
    asked = []

    def ask(mount_point: str) -> os.statvfs_result:
        asked.append(mount_point)
        return status(1000, 500, 450)

    local_disks(read_mounts(machine("ubuntu-host")), ask)
    assert sorted(asked) == ["/", "/boot", "/boot/efi", "/srv/data"]


def test_the_share_is_what_df_shows() -> None:
    """Blocks that are kept for root are not to be had: 500 used, 450 left."""
    mounts = parse_mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    assert local_disks(mounts, {"/": status(1000, 500, 450)}.get) == (
        Disk("/", "/dev/sda1", 4_096_000, 2_048_000, 1_843_200, 500 / 950),
    )


def test_the_fullest_stands_first(machine: Callable[[str], str]) -> None:
    """And a filesystem that cannot be asked, or has no size, is left out."""
    disks = local_disks(
        read_mounts(machine("ubuntu-host")),
        {
            "/": status(1000, 500, 500),
            "/boot": status(1000, 100, 100),
            "/srv/data": status(0, 0, 0),
        }.get,
    )
    assert [(disk.mount, disk.used) for disk in disks] == [("/boot", 0.9), ("/", 0.5)]


def test_a_full_disk_is_full() -> None:
    """Also where nothing of it is to be had by others than root."""
    mounts = parse_mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    disk = local_disks(mounts, {"/": status(100, 0, 0)}.get)[0]
    assert (disk.used, disk.free_bytes) == (1.0, 0)


def test_a_container_has_its_own_root(machine: Callable[[str], str]) -> None:
    """The files that its host mounts into it are no disks."""
    asked = {"/": status(1000, 400, 400)}
    disks = local_disks(read_mounts(machine("docker-v2")), asked.get)
    assert [(disk.mount, disk.used) for disk in disks] == [("/", 0.6)]


def test_a_read_only_container_has_none(machine: Callable[[str], str]) -> None:
    """Unknown, and not always full."""
    root = machine("docker-v2")
    file = Path(root, "proc/self/mountinfo")
    file.write_text(file.read_text().replace("/ / rw,", "/ / ro,"))
    assert local_disks(read_mounts(root), {"/": status(1, 0, 0)}.get) == ()


def test_a_mount_that_is_covered_is_not_seen() -> None:
    """The later mount on the same place is what is there."""
    mounts = parse_mounts(
        "1 0 8:1 / /data rw - ext4 /dev/sda1 rw\n2 1 0:9 / /data rw - tmpfs tmpfs rw\n"
    )
    assert local_disks(mounts, {"/data": status(10, 5, 5)}.get) == ()


def test_only_folders_are_asked(tmp_path: Path) -> None:
    """A mounted file, or one that is gone, has no answer; a folder has the system's."""
    (tmp_path / "hosts").touch()
    assert ask_folder(str(tmp_path / "hosts")) is None
    assert ask_folder(str(tmp_path / "gone")) is None
    answer = ask_folder(str(tmp_path))
    assert answer is not None
    assert answer.f_blocks == os.statvfs(tmp_path).f_blocks
