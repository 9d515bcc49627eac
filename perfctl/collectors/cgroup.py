"""What the cgroup of this process may use, v1 and v2: in a container that is the machine.

A limit may stand at any level between the process and the top, so each level that has one is read.
Reference: https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html.
"""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from perfctl.collectors.procfs import read_number, read_table, read_text
from perfctl.store.filesystem import Mount


class CpuUse(NamedTuple):
    """CPU time that a level has used, and how many CPUs it may use at once."""

    level: str
    used_us: int
    cpus: float


class MemoryUse(NamedTuple):
    """What a level holds and cannot give back, and what it may hold."""

    used_bytes: int
    total_bytes: int


class Cgroup(NamedTuple):
    """Where the levels of this process are, deepest first, by controller (v2 has one for all)."""

    root: str
    unified: tuple[str, ...]
    cpu: tuple[str, ...]
    cpuacct: tuple[str, ...]
    cpuset: tuple[str, ...]
    memory: tuple[str, ...]


def find_cgroup(root: str, mounts: Sequence[Mount]) -> Cgroup:
    """The cgroup that this process is in."""
    paths: dict[str, str] = {}
    for line in (read_text(root, "proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        names = [""] if number == "0" else controllers.split(",")
        paths.update(dict.fromkeys(names, path))

    def levels(controller: str) -> tuple[str, ...]:
        path = paths.get(controller)
        mount = _mount_of(controller, mounts)
        return () if path is None or mount is None else tuple(_levels(mount, path))

    return Cgroup(
        root, levels(""), levels("cpu"), levels("cpuacct"), levels("cpuset"), levels("memory")
    )


def read_cpu(group: Cgroup, machine_cpus: int) -> list[CpuUse]:
    """Each level that may use less than the machine has."""
    found = [*_cpu_unified(group, machine_cpus), *_cpu_v1(group, machine_cpus)]
    return [use for use in found if use.cpus < machine_cpus]


def read_memory(group: Cgroup, machine_bytes: int) -> MemoryUse | None:
    """The level that is nearest to its limit; None where the machine's memory is the limit."""
    found = [
        *_memory(group, group.unified, "memory.max", "memory.current", "inactive_file"),
        *_memory(
            group,
            group.memory,
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            "total_inactive_file",
        ),
    ]
    limited = [use for use in found if 0 < use.total_bytes < machine_bytes]
    return max(limited, key=lambda use: use.used_bytes / use.total_bytes, default=None)


def _mount_of(controller: str, mounts: Sequence[Mount]) -> Mount | None:
    for mount in mounts:
        if mount.fstype == "cgroup2" and not controller:
            return mount
        if mount.fstype == "cgroup" and controller in mount.options.split(","):
            return mount
    return None


def _levels(mount: Mount, path: str) -> Iterator[str]:
    """From the process up to the mount. Outside of what is mounted, the mount is all we see."""
    own, top = PurePosixPath(path), PurePosixPath(mount.root)
    inside = own.relative_to(top) if own.is_relative_to(top) else PurePosixPath()
    if ".." in inside.parts:
        inside = PurePosixPath()
    for level in (inside, *inside.parents):
        yield str(PurePosixPath(mount.mount_point) / level)
        if level == PurePosixPath():
            return


def _cpu_unified(group: Cgroup, machine_cpus: int) -> Iterator[CpuUse]:
    for level in group.unified:
        used_us = read_table(group.root, f"{level}/cpu.stat").get("usage_usec")
        if used_us is None:
            continue
        quota, _, period = (read_text(group.root, f"{level}/cpu.max") or "").strip().partition(" ")
        cpus = _count(read_text(group.root, f"{level}/cpuset.cpus.effective")) or machine_cpus
        if quota.isdigit() and period.isdigit():
            yield CpuUse(level, used_us, min(int(quota) / int(period), cpus))
        else:
            yield CpuUse(level, used_us, cpus)


def _cpu_v1(group: Cgroup, machine_cpus: int) -> Iterator[CpuUse]:
    """Quota, set and account are three trees; their levels go by their order from the process."""
    for i, level in enumerate(group.cpuacct):
        used_ns = read_number(group.root, f"{level}/cpuacct.usage")
        if used_ns is None:
            continue
        cpus: float = machine_cpus
        if i < len(group.cpuset):
            cpus = _count(read_text(group.root, f"{group.cpuset[i]}/cpuset.cpus")) or cpus
        if i < len(group.cpu):
            quota = read_number(group.root, f"{group.cpu[i]}/cpu.cfs_quota_us")
            period = read_number(group.root, f"{group.cpu[i]}/cpu.cfs_period_us")
            if quota and period and quota > 0:
                cpus = min(quota / period, cpus)
        yield CpuUse(level, used_ns // 1000, cpus)


def _memory(
    group: Cgroup, levels: tuple[str, ...], limit: str, usage: str, inactive: str
) -> Iterator[MemoryUse]:
    """Used as `docker stats` and the kubelet count it: without the page cache that nobody uses."""
    for level in levels:
        total = read_number(group.root, f"{level}/{limit}")
        used = read_number(group.root, f"{level}/{usage}")
        if total is not None and used is not None:
            spare = read_table(group.root, f"{level}/memory.stat").get(inactive, 0)
            yield MemoryUse(max(used - spare, 0), total)


def _count(cpu_list: str | None) -> int:
    """How many CPUs `0-3,7` names."""
    count = 0
    for part in (cpu_list or "").strip().split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            count += int(last or first) - int(first) + 1
    return count
