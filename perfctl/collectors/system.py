"""The whole sample that `collect` keeps: the machine, its traffic, and who takes most of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import psutil

from perfctl.collectors import host, portable, procfs
from perfctl.collectors.disks import Disk
from perfctl.collectors.host import Counter, CpuTimes, Scope
from perfctl.collectors.processes import ProcessUse, count_processes, largest
from perfctl.store.systems import SystemRow
from perfctl.thresholds import Thresholds

# Beyond an hourly cron a mean says nothing of now.
_LONGEST_S = 3_900
_SHORTEST_S = 0.05

Flow = tuple[int, int]
"""Bytes in and out, or read and written, since some start."""


class Counters(NamedTuple):
    """What the next sample needs of this one; kept as JSON in the store."""

    boot_id: str | None
    at_us: int
    cpu: CpuTimes | None
    network: Mapping[str, Flow]
    disks: Mapping[str, Flow]

    def to_json(self) -> str:
        """A text that `from_json` reads."""
        return json.dumps(self, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> Counters | None:
        """The counters of a text; None where it is missing or of another version."""
        try:
            boot_id, at_us, cpu, network, disks = json.loads(text or "")
            return cls(
                None if boot_id is None else str(boot_id),
                int(at_us),
                None if cpu is None else _cpu_times(*cpu),
                {str(name): (int(a), int(b)) for name, (a, b) in network.items()},
                {str(name): (int(a), int(b)) for name, (a, b) in disks.items()},
            )
        except (ValueError, TypeError, AttributeError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class SystemSample:
    """One sample; shares are 0 to 1, rates bytes a second since the previous one, None unknown."""

    at_ms: int
    interval_s: float | None
    scope: Scope
    cpu: float | None
    cpu_scope: Scope
    memory: float | None
    memory_scope: Scope
    memory_total_bytes: int | None
    swap: float | None
    loads: tuple[float, float, float] | None
    disk: float | None
    disk_mount: str | None
    disks: tuple[Disk, ...]
    net_in_bps: float | None
    net_out_bps: float | None
    disk_read_bps: float | None
    disk_write_bps: float | None
    open_files: int | None
    processes: int | None
    uptime_s: float | None
    largest: tuple[ProcessUse, ...]
    counters: Counters

    def to_row(self, host_name: str) -> SystemRow:
        """The sample as the store keeps it."""
        detail = {
            "cpu_scope": self.cpu_scope,
            "memory_scope": self.memory_scope,
            "memory_total_bytes": self.memory_total_bytes,
            "loads": self.loads,
            "uptime_s": self.uptime_s,
            "disks": [disk._asdict() for disk in self.disks],
            "largest": [process._asdict() for process in self.largest],
        }
        return SystemRow(
            host=host_name,
            interval_s=self.interval_s,
            scope=self.scope,
            cpu=self.cpu,
            memory=self.memory,
            swap=self.swap,
            load1=self.loads[0] if self.loads else None,
            disk=self.disk,
            disk_mount=self.disk_mount,
            net_in_bps=self.net_in_bps,
            net_out_bps=self.net_out_bps,
            disk_read_bps=self.disk_read_bps,
            disk_write_bps=self.disk_write_bps,
            open_files=self.open_files,
            processes=self.processes,
            detail=json.dumps(detail, separators=(",", ":")),
        )


def sample_system(
    previous: Counters | None,
    thresholds: Thresholds,
    interval_s: float = host.INTERVAL_S,
) -> SystemSample:
    """The machine now, and since `previous`; the first time the CPU is measured over `interval_s`."""
    boot_id = (procfs.read_text("/", "proc/sys/kernel/random/boot_id") or "").strip() or None
    previous = previous if _goes_on(previous, boot_id, _now_us()) else None
    sample, cpu = host.sample_host(None if previous is None else previous.cpu, interval_s)
    counters = Counters(boot_id, _now_us(), cpu, read_network(), read_disks())
    passed_s = None if previous is None else (counters.at_us - previous.at_us) / 1e6
    net_in, net_out = rates(previous and previous.network, counters.network, passed_s)
    read, written = rates(previous and previous.disks, counters.disks, passed_s)
    return SystemSample(
        at_ms=sample.at_ms,
        interval_s=passed_s,
        scope=sample.scope,
        cpu=sample.cpu,
        cpu_scope=sample.cpu_scope,
        memory=sample.memory,
        memory_scope=sample.memory_scope,
        memory_total_bytes=sample.memory_total_bytes,
        swap=_read_swap(),
        loads=host.read_loads(),
        disk=sample.disk,
        disk_mount=sample.disk_mount,
        disks=sample.disks,
        net_in_bps=net_in,
        net_out_bps=net_out,
        disk_read_bps=read,
        disk_write_bps=written,
        open_files=_read_open_files(),
        processes=count_processes(),
        uptime_s=_read_uptime(),
        largest=_largest_above(thresholds, sample, interval_s),
        counters=counters,
    )


def rates(
    before: Mapping[str, Flow] | None, now: Mapping[str, Flow], passed_s: float | None
) -> tuple[float | None, float | None]:
    """Bytes a second both ways over all devices; one that was reset or is new is left out."""
    if before is None or not passed_s:
        return None, None
    grown = [
        (now[name][0] - was[0], now[name][1] - was[1])
        for name, was in before.items()
        if name in now and now[name][0] >= was[0] and now[name][1] >= was[1]
    ]
    if not grown:
        return None, None
    return sum(pair[0] for pair in grown) / passed_s, sum(pair[1] for pair in grown) / passed_s


def read_network() -> dict[str, Flow]:
    """Bytes received and sent by each real interface; in a container by each but the loopback."""
    found = psutil.net_io_counters(pernic=True, nowrap=False)
    flows = {name: (flow.bytes_recv, flow.bytes_sent) for name, flow in found.items()}
    flows = {name: flow for name, flow in flows.items() if not name.startswith("lo")}
    return _real(flows, "sys/class/net")


def read_disks() -> dict[str, Flow]:
    """Bytes read from and written to each real disk: partitions and volumes are on those."""
    try:
        found = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    except (NotImplementedError, OSError):
        return {}
    flows = {name: (flow.read_bytes, flow.write_bytes) for name, flow in found.items()}
    return _real(flows, "sys/block")


def _real(flows: dict[str, Flow], folder: str) -> dict[str, Flow]:
    """Those with a device behind them, such as eth0 and not docker0 or veth12; all if none has."""
    real = {
        name: flow
        for name, flow in flows.items()
        if procfs.exists("/", f"{folder}/{name.replace('/', '!')}/device")
    }
    return real or flows


def _goes_on(previous: Counters | None, boot_id: str | None, now_us: int) -> bool:
    """True where counters go on from the previous sample: same start of the machine, not long ago."""
    if previous is None or previous.boot_id != boot_id:
        return False
    return _SHORTEST_S <= (now_us - previous.at_us) / 1e6 <= _LONGEST_S


def _largest_above(
    thresholds: Thresholds, sample: host.HostSample, interval_s: float
) -> tuple[ProcessUse, ...]:
    by_cpu = (sample.cpu or 0) > thresholds.cpu.target
    by_rss = (sample.memory or 0) > thresholds.memory.target
    return largest(interval_s, by_cpu=by_cpu, by_rss=by_rss) if by_cpu or by_rss else ()


def _read_swap() -> float | None:
    """None where there is no swap."""
    memory = procfs.read_memory("/") if host.IS_LINUX else portable.read_memory()
    if memory is None or not memory.swap_total_bytes:
        return None
    return 1 - memory.swap_free_bytes / memory.swap_total_bytes


def _read_open_files() -> int | None:
    """Open files of the whole machine."""
    words = (procfs.read_text("/", "proc/sys/fs/file-nr") or "").split()
    return int(words[0]) if words else None


def _read_uptime() -> float | None:
    words = (procfs.read_text("/", "proc/uptime") or "").split()
    return float(words[0]) if words else max(time.time() - psutil.boot_time(), 0.0)


def _cpu_times(scope: Scope, counters: list[tuple[str, int, int]]) -> CpuTimes:
    if scope not in ("machine", "cgroup"):
        raise ValueError(scope)
    return CpuTimes(
        scope, tuple(Counter(str(name), int(used), int(of)) for name, used, of in counters)
    )


def _now_us() -> int:
    return time.monotonic_ns() // 1000
