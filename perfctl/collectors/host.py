"""CPU, memory and disks of this machine now, read within a few milliseconds; or of its cgroup."""

import os
import sys
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from perfctl.collectors import cgroup, portable, procfs
from perfctl.collectors.disks import Disk, local_disks
from perfctl.settings import host_name
from perfctl.store.filesystem import Mount, parse_mounts

if TYPE_CHECKING:
    from perfctl.answers.health import SystemNow

Scope = Literal["machine", "cgroup"]
IS_LINUX = sys.platform == "linux"
INTERVAL_S = 0.2


class Counter(NamedTuple):
    """CPU time used out of what could have been used; only differences mean something."""

    name: str
    used: int
    possible: int


class CpuTimes(NamedTuple):
    """The counters of one moment: of the machine, or of each level of the cgroup with a limit."""

    scope: Scope
    counters: tuple[Counter, ...]


class MemoryNow(NamedTuple):
    """Used is 1 - available/total."""

    scope: Scope
    used: float
    total_bytes: int


class HostSample(NamedTuple):
    """The machine at one moment; shares are 0 to 1, None is unknown.

    `scope` is `cgroup` where CPU or memory is limited by one; which of them is said apart. The
    fullest disk stands for all.
    """

    at_ms: int
    cpu: float | None
    memory: float | None
    memory_total_bytes: int | None
    disk: float | None
    disk_mount: str | None
    disks: tuple[Disk, ...]
    load1: float | None
    scope: Scope
    cpu_scope: Scope = "machine"
    memory_scope: Scope = "machine"


def sample_host(
    previous: CpuTimes | None = None,
    interval_s: float = INTERVAL_S,
    root: str = "/",
    ask_disk: Callable[[str], os.statvfs_result | None] | None = None,
) -> tuple[HostSample, CpuTimes | None]:
    """The machine now, its CPU since `previous` (else over `interval_s`), and the new counters."""
    mounts = read_mounts(root)
    cpu, times = sample_cpu(previous, interval_s, root, mounts)
    memory = read_memory(root, mounts)
    disks = local_disks(mounts, ask_disk)
    loads = read_loads(root)
    cpu_scope: Scope = "machine" if times is None else times.scope
    memory_scope: Scope = "machine" if memory is None else memory.scope
    sample = HostSample(
        at_ms=int(time.time() * 1000),
        cpu=cpu,
        memory=None if memory is None else memory.used,
        memory_total_bytes=None if memory is None else memory.total_bytes,
        disk=disks[0].used if disks else None,
        disk_mount=disks[0].mount if disks else None,
        disks=disks,
        load1=loads[0] if loads else None,
        scope="cgroup" if "cgroup" in (cpu_scope, memory_scope) else "machine",
        cpu_scope=cpu_scope,
        memory_scope=memory_scope,
    )
    return sample, times


def sample_cpu(
    previous: CpuTimes | None,
    interval_s: float = INTERVAL_S,
    root: str = "/",
    mounts: Sequence[Mount] | None = None,
) -> tuple[float | None, CpuTimes | None]:
    """The CPU's share since `previous`, else over the next `interval_s`, and the counters now."""
    mounts = read_mounts(root) if mounts is None else mounts
    now = read_cpu(root, mounts)
    share = cpu_share(previous, now)
    if share is None and now is not None and interval_s > 0:
        time.sleep(interval_s)
        previous, now = now, read_cpu(root, mounts)
        share = cpu_share(previous, now)
    return share, now


def read_cpu(
    root: str, mounts: Sequence[Mount], clock_us: Callable[[], int] | None = None
) -> CpuTimes | None:
    """The counters now; of the cgroup where it may use less than the machine."""
    ticks = procfs.read_ticks(root) if IS_LINUX else portable.read_ticks()
    if ticks is None:
        return None
    limited = cgroup.read_cpu(cgroup.find_cgroup(root, mounts), ticks.cpus)
    if not limited:
        return CpuTimes("machine", (Counter("machine", ticks.busy, ticks.total),))
    now_us = (clock_us or _monotonic_us)()
    return CpuTimes(
        "cgroup",
        tuple(
            Counter(f"{use.level} {use.cpus:g}", use.used_us, int(now_us * use.cpus))
            for use in limited
        ),
    )


def cpu_share(before: CpuTimes | None, after: CpuTimes | None) -> float | None:
    """The largest share of any counter; None where none of them goes on, as after a restart."""
    if before is None or after is None:
        return None
    earlier = {counter.name: counter for counter in before.counters}
    shares = []
    for counter in after.counters:
        was = earlier.get(counter.name)
        if was and counter.possible > was.possible and counter.used >= was.used:
            shares.append((counter.used - was.used) / (counter.possible - was.possible))
    return min(max(shares), 1.0) if shares else None


def read_memory(root: str, mounts: Sequence[Mount]) -> MemoryNow | None:
    """The memory of the machine, or of the cgroup where it may have less."""
    memory = procfs.read_memory(root) if IS_LINUX else portable.read_memory()
    if memory is None:
        return None
    limited = cgroup.read_memory(cgroup.find_cgroup(root, mounts), memory.total_bytes)
    if limited is not None:
        share = min(limited.used_bytes / limited.total_bytes, 1.0)
        return MemoryNow("cgroup", share, limited.total_bytes)
    available = memory.available_bytes / memory.total_bytes
    return MemoryNow("machine", min(max(1 - available, 0.0), 1.0), memory.total_bytes)


def read_mounts(root: str = "/") -> list[Mount]:
    """What is mounted where."""
    if not IS_LINUX:
        return list(portable.read_mounts())
    return list(parse_mounts(procfs.read_text(root, "proc/self/mountinfo") or ""))


def read_loads(root: str = "/") -> tuple[float, float, float] | None:
    """Mean loads over 1, 5 and 15 minutes."""
    return procfs.read_loads(root) if IS_LINUX else portable.read_loads()


def read_now(hosts: Collection[str], wanted: str | None) -> "SystemNow | None":
    """This machine now, for an answer; None where the hosts of a store, or the wanted one, are others."""
    from perfctl.answers.health import SystemNow

    name, _ = host_name(os.environ)
    if (hosts and name not in hosts) or wanted not in (None, name):
        return None
    sample, _ = sample_host()
    return SystemNow(name, sample.cpu, sample.memory, sample.disk, sample.disk_mount, sample.scope)


def _monotonic_us() -> int:
    """Counts while the machine is awake, as CPU time does, and from one process to the next."""
    return time.monotonic_ns() // 1000
