"""How much the spool may take: its own cap, and what must stay free on the disk."""

from __future__ import annotations

import os

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
        raise SpoolRefused(
            "spool_full",
            f"the spool {folder.path} is full: {total / (1 << 20):.0f} MiB in {files} files",
            "perfctl collect",
        )
    disk = os.statvfs(folder.fd)
    free = disk.f_bavail * disk.f_frsize
    needed = least_free(disk.f_blocks * disk.f_frsize) if min_free is None else min_free
    if free < needed:
        raise SpoolRefused(
            "disk_low",
            f"the disk of the spool {folder.path} has {free / (1 << 20):.0f} MiB free, "
            f"under {needed / (1 << 20):.0f}",
        )


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


def least_free(disk_bytes: int) -> int:
    """The free bytes that the spool leaves to a disk of that size."""
    return max(_MIN_FREE_BYTES, min(disk_bytes // 20, _MIN_FREE_AT_MOST_BYTES))
