"""Limits of the cgroup, at whatever level they stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from perfctl.collectors import cgroup
from perfctl.collectors.cgroup import Cgroup, CpuUse, MemoryUse
from perfctl.collectors.host import read_mounts

MACHINE_BYTES = 16307612 * 1024


def find(root: str) -> Cgroup:
    """The cgroup of the process that was recorded."""
    return cgroup.find_cgroup(root, read_mounts(root))


def test_a_service_without_limits_has_the_machine(machine: Callable[[str], str]) -> None:
    """`max` is no limit, nor are as many CPUs as there are."""
    group = find(machine("ubuntu-host"))
    assert group.unified == (
        "/sys/fs/cgroup/system.slice/cron.service",
        "/sys/fs/cgroup/system.slice",
        "/sys/fs/cgroup",
    )
    assert cgroup.read_cpu(group, 4) == []
    assert cgroup.read_memory(group, MACHINE_BYTES) is None


def test_a_container_on_v2_has_its_quota(machine: Callable[[str], str]) -> None:
    """1.5 CPUs and 512 MB; page cache that nobody uses is not counted as used."""
    group = find(machine("docker-v2"))
    assert cgroup.read_cpu(group, 4) == [CpuUse("/sys/fs/cgroup", 60_000_000, 1.5)]
    used = 429_496_730 - 107_374_182
    assert cgroup.read_memory(group, MACHINE_BYTES) == MemoryUse(used, 536_870_912)


def test_a_container_on_v1_has_its_quota(machine: Callable[[str], str]) -> None:
    """The paths are the host's there, and the mounts begin at them."""
    group = find(machine("docker-v1"))
    assert group.memory == ("/sys/fs/cgroup/memory",)
    assert cgroup.read_cpu(group, 4) == [CpuUse("/sys/fs/cgroup/cpu,cpuacct", 7_000_000, 0.5)]
    used = 751_619_277 - 214_748_365
    assert cgroup.read_memory(group, MACHINE_BYTES) == MemoryUse(used, 1_073_741_824)


def test_the_limit_may_stand_above(machine: Callable[[str], str]) -> None:
    """A pod's memory limit holds for its containers; without a CPU limit the CPU is the machine's."""
    group = find(machine("pod-v1"))
    assert [level.removeprefix("/sys/fs/cgroup/memory") for level in group.memory] == [
        "/kubepods/pod1/c1",
        "/kubepods/pod1",
        "/kubepods",
        "",
    ]
    used = 2_040_109_466 - 107_374_182
    assert cgroup.read_memory(group, MACHINE_BYTES) == MemoryUse(used, 2_147_483_648)
    assert cgroup.read_cpu(group, 4) == []


def test_the_level_that_is_nearest_to_its_limit_counts(machine: Callable[[str], str]) -> None:
    """A container with room left in a pod that has none is in need."""
    root = machine("pod-v1")
    own = Path(root, "sys/fs/cgroup/memory/kubepods/pod1/c1/memory.limit_in_bytes")
    own.write_text("2000000000\n")
    group = find(root)
    assert cgroup.read_memory(group, MACHINE_BYTES) == MemoryUse(1_932_735_284, 2_147_483_648)
    own.write_text("1800000000\n")
    assert cgroup.read_memory(group, MACHINE_BYTES) == MemoryUse(1_800_000_000, 1_800_000_000)


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "400000 100000"}, None),
        ({"cpu.max": "max 100000", "cpuset.cpus.effective": "0,2"}, 2),
        ({"cpu.max": "300000 100000", "cpuset.cpus.effective": "0-1"}, 2),
        ({"cpu.max": "50000 100000", "cpuset.cpus.effective": "0-1"}, 0.5),
        ({"cpu.max": "", "cpuset.cpus.effective": ""}, None),
    ],
)
def test_the_smaller_of_quota_and_set_holds(
    machine: Callable[[str], str], files: dict[str, str], cpus: float | None
) -> None:
    """On a machine of four CPUs."""
    root = machine("docker-v2")
    for name, text in files.items():
        Path(root, "sys/fs/cgroup", name).write_text(f"{text}\n")
    assert [use.cpus for use in cgroup.read_cpu(find(root), 4)] == ([] if cpus is None else [cpus])


def test_a_set_of_cpus_on_v1(machine: Callable[[str], str]) -> None:
    """Without a quota: three of four."""
    root = machine("docker-v1")
    Path(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us").write_text("-1\n")
    assert [use.cpus for use in cgroup.read_cpu(find(root), 4)] == [3]


def test_a_path_outside_of_what_is_mounted(machine: Callable[[str], str]) -> None:
    """Moved out of its namespace: what is mounted is all that can be seen."""
    root = machine("docker-v2")
    Path(root, "proc/self/cgroup").write_text("0::/../../other.slice\n")
    assert find(root).unified == ("/sys/fs/cgroup",)


def test_without_cgroups_there_are_no_limits(tmp_path: Path) -> None:
    """No file, no mount: the machine's values stand."""
    group = find(str(tmp_path))
    assert cgroup.read_cpu(group, 4) == []
    assert cgroup.read_memory(group, MACHINE_BYTES) is None
