"""How much the spool may take: its own cap, and what must stay free on the disk."""

from __future__ import annotations

import os
import shlex

from perfctl.spool.folder import SpoolFolder, SpoolRefused

MAX_TOTAL_BYTES = 256 << 20
MAX_FILES = 65_536
"""Files hardly larger than nothing stay under the cap in bytes, but cost inodes and time to list."""
NO_ROOM = ("spool_full", "disk_low")
"""Reasons that end once a reader has removed segments."""
_MIN_FREE_BYTES = 64 << 20
_MIN_FREE_AT_MOST_BYTES = 1 << 30


def check_room(folder: SpoolFolder, max_total: int, min_free: int | None) -> None:
    """Raise SpoolRefused where the spool is full, or its disk nearly so."""
    files, total = measure(folder.fd)
    if total >= max_total or files >= MAX_FILES:
        raise _full(folder, files, total)
    disk = os.statvfs(folder.fd)
    free = disk.f_bavail * disk.f_frsize
    needed = least_free(disk.f_blocks * disk.f_frsize) if min_free is None else min_free
    if free < needed:
        raise _low(folder, free, needed)


def measure(folder: int) -> tuple[int, int]:
    """Files in the open folder, and their bytes."""
    files = total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            files += 1
            try:
                total += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:  # removed meanwhile, by a reader
                continue
    return files, total


def _full(folder: SpoolFolder, files: int, total: int) -> SpoolRefused:
    from perfctl.units import format_bytes  # as `doctor` writes them; a request needs none of it

    number = "1 file" if files == 1 else f"{files} files"
    message = f"the spool {folder.path} is full: {format_bytes(total)} in {number}"
    return SpoolRefused("spool_full", message, "perfctl collect")


def _low(folder: SpoolFolder, free: int, needed: int) -> SpoolRefused:
    from perfctl.units import format_bytes

    message = f"the disk of the spool {folder.path} has {format_bytes(free)} free"
    hint = f"df -h {shlex.quote(str(folder.path))}"
    return SpoolRefused("disk_low", f"{message}, under {format_bytes(needed)}", hint)


def least_free(disk_bytes: int) -> int:
    """The free bytes that the spool leaves to a disk of that size."""
    return max(_MIN_FREE_BYTES, min(disk_bytes // 20, _MIN_FREE_AT_MOST_BYTES))
