"""The same figures by psutil, where there is no /proc; untested beyond Linux."""

from __future__ import annotations

import os
from collections.abc import Iterator

from perfctl.collectors.procfs import Memory, Ticks
from perfctl.store.filesystem import Mount


def read_ticks() -> Ticks:
    """CPU time in microseconds instead of ticks."""
    import psutil

    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0)
    total = sum(times) - getattr(times, "guest", 0) - getattr(times, "guest_nice", 0)
    return Ticks(int((total - idle) * 1e6), int(total * 1e6), psutil.cpu_count() or 1)


def read_memory() -> Memory:
    """Memory and swap."""
    import psutil

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return Memory(memory.total, memory.available, swap.total, swap.free)


def read_mounts() -> Iterator[Mount]:
    """The mounted disks."""
    import psutil

    for part in psutil.disk_partitions(all=False):
        writable = "rw" in part.opts.split(",")
        yield Mount(
            part.device, "/", part.mountpoint, part.fstype, part.device, writable, part.opts
        )


def read_loads() -> tuple[float, float, float]:
    """Mean loads over 1, 5 and 15 minutes."""
    return os.getloadavg()
