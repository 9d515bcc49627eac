"""The machine now, as `health` shows it."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perfctl.collectors import host
from perfctl.collectors.host import Counter, CpuTimes, MemoryNow
from perfctl.store.filesystem import parse_mounts, read_mountinfo
from tests.other_users import Elsewhere

NOBODY = pwd.getpwnam("nobody")


def spend(root: str, *, busy: int, idle: int) -> None:
    """Let ticks go by on a recorded machine: half of `busy` in user space, half in the kernel."""
    file = Path(root, "proc/stat")
    first, rest = file.read_text().split("\n", 1)
    words = first.split()
    ticks = [int(word) for word in words[1:]]
    ticks[0] += busy // 2
    ticks[2] += busy - busy // 2
    ticks[3] += idle
    file.write_text(" ".join([words[0], *map(str, ticks)]) + "\n" + rest)


def test_cpu_is_the_share_since_the_previous_sample(machine: Callable[[str], str]) -> None:
    """30 of 400 ticks."""
    root = machine("ubuntu-host")
    before = host.read_cpu(root, host.read_mounts(root))
    spend(root, busy=30, idle=370)
    share, now = host.sample_cpu(before, 0, root)
    assert share == pytest.approx(0.075)
    assert now is not None
    assert now.scope == "machine"


def test_cpu_of_a_container_is_of_what_it_may_use(machine: Callable[[str], str]) -> None:
    """0.9 s in one second of 1.5 CPUs, whatever the machine does besides."""
    root = machine("docker-v2")
    mounts = host.read_mounts(root)
    before = host.read_cpu(root, mounts, lambda: 5_000_000)
    spend(root, busy=400, idle=0)
    Path(root, "sys/fs/cgroup/cpu.stat").write_text("usage_usec 60900000\n")
    after = host.read_cpu(root, mounts, lambda: 6_000_000)
    assert host.cpu_share(before, after) == pytest.approx(0.6)
    assert after is not None
    assert after.scope == "cgroup"


def test_a_burst_over_the_quota_is_all_of_it(machine: Callable[[str], str]) -> None:
    """The kernel allows a little more for a moment; a share is never above 1."""
    root = machine("docker-v1")
    mounts = host.read_mounts(root)
    before = host.read_cpu(root, mounts, lambda: 0)
    Path(root, "sys/fs/cgroup/cpu,cpuacct/cpuacct.usage").write_text("7600000000\n")
    after = host.read_cpu(root, mounts, lambda: 1_000_000)
    assert host.cpu_share(before, after) == 1.0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, Counter("machine", 5, 10)),
        (Counter("machine", 5, 10), None),
        (Counter("machine", 5, 10), Counter("machine", 5, 10)),
        (Counter("machine", 50, 100), Counter("machine", 5, 200)),
        (Counter("machine", 50, 100), Counter("machine", 60, 90)),
        (Counter("machine", 50, 100), Counter("/sys/fs/cgroup 1.5", 60, 200)),
    ],
)
def test_counters_that_do_not_go_on_say_nothing(
    before: Counter | None, after: Counter | None
) -> None:
    """No time went by, the machine was restarted, the limits were changed."""
    times = [None if c is None else CpuTimes("machine", (c,)) for c in (before, after)]
    assert host.cpu_share(*times) is None


def test_of_several_limits_the_tightest_counts() -> None:
    """A container with room left in a pod that has none."""
    before = CpuTimes("cgroup", (Counter("own", 0, 0), Counter("pod", 0, 0)))
    after = CpuTimes("cgroup", (Counter("own", 10, 100), Counter("pod", 95, 100)))
    assert host.cpu_share(before, after) == 0.95


def test_without_a_previous_sample_it_takes_two(machine: Callable[[str], str]) -> None:
    """A recorded machine stands still, so that its share is unknown, not 0."""
    share, now = host.sample_cpu(None, 0.001, machine("ubuntu-host"))
    assert share is None
    assert now is not None
    share, _ = host.sample_cpu(None, 0.1)
    assert share is not None
    assert 0 <= share <= 1


def test_this_machine_is_seen_at_work() -> None:
    """One CPU kept busy is at least most of one CPU's share."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            share, _ = host.sample_cpu(None, 0.4)
        finally:
            busy.kill()
    assert share is not None
    assert share > 0.4 / (os.cpu_count() or 1)


def test_memory_is_what_cannot_be_had(machine: Callable[[str], str]) -> None:
    """1 - available/total, of the machine or of the cgroup."""
    root = machine("ubuntu-host")
    assert host.read_memory(root, host.read_mounts(root)) == MemoryNow(
        "machine", pytest.approx(0.6), 16307612 * 1024
    )
    root = machine("docker-v2")
    assert host.read_memory(root, host.read_mounts(root)) == MemoryNow(
        "cgroup", pytest.approx(0.6), 536_870_912
    )


def test_a_sample_has_it_all(machine: Callable[[str], str]) -> None:
    """Of a server, with the fullest disk."""
    root = machine("ubuntu-host")
    _, before = host.sample_cpu(None, 0, root)
    spend(root, busy=40, idle=60)
    full = os.statvfs_result((4096, 4096, 100, 20, 20, 0, 0, 0, 0, 255))
    half = os.statvfs_result((4096, 4096, 100, 50, 50, 0, 0, 0, 0, 255))
    sample, times = host.sample_host(before, 0, root, {"/": half, "/srv/data": full}.get)
    assert times is not None
    assert (sample.cpu, sample.memory) == (pytest.approx(0.4), pytest.approx(0.6))
    assert (sample.disk, sample.disk_mount) == (0.8, "/srv/data")
    assert [disk.mount for disk in sample.disks] == ["/srv/data", "/"]
    assert (sample.load1, sample.scope) == (1.42, "machine")
    assert sample.memory_total_bytes == 16307612 * 1024


@pytest.mark.parametrize(
    ("name", "scopes"),
    [
        ("ubuntu-host", ("machine", "machine", "machine")),
        ("docker-v2", ("cgroup", "cgroup", "cgroup")),
        ("docker-v1", ("cgroup", "cgroup", "cgroup")),
        ("pod-v1", ("cgroup", "machine", "cgroup")),
    ],
)
def test_it_says_whose_values_these_are(
    machine: Callable[[str], str], name: str, scopes: tuple[str, str, str]
) -> None:
    """Over all, of CPU and of memory: a limit on one does not change the other."""
    sample, _ = host.sample_host(None, 0, machine(name), {}.get)
    assert (sample.scope, sample.cpu_scope, sample.memory_scope) == scopes


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    """None everywhere, never 0."""
    sample, times = host.sample_host(None, 0, str(tmp_path))
    assert times is None
    values = (sample.cpu, sample.memory, sample.memory_total_bytes, sample.disk, sample.load1)
    assert values == (None,) * 5
    assert sample.disks == ()


def test_another_user_sees_the_same_machine(elsewhere: Elsewhere) -> None:
    """Also where root has become that user, whose /proc/self is then root's."""
    code = """
from perfctl.collectors import host
if len(sys.argv) > 1:
    os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
sample, _ = host.sample_host(None, 0.05)
print(json.dumps([sample.cpu is None, sample.memory_total_bytes, sample.disk_mount, sample.scope]))
"""
    as_root = elsewhere.run(code)
    assert as_root.said[0] is False
    assert elsewhere.run(code, uid=NOBODY.pw_uid, gid=NOBODY.pw_gid) == as_root
    assert elsewhere.run(code, str(NOBODY.pw_uid)) == as_root


def test_sampling_needs_no_psutil(elsewhere: Elsewhere) -> None:
    """Its import costs more than the whole sample."""
    code = """
from perfctl.collectors import host
host.sample_host(None, 0.01)
print(json.dumps(sorted({"psutil", "tomllib", "rich"} & set(sys.modules))))
"""
    assert elsewhere.run(code) == (0, [])


def test_elsewhere_than_linux_psutil_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same values by another way, as far as both can tell."""
    linux, _ = host.sample_host(None, 0.05)
    monkeypatch.setattr(host, "IS_LINUX", False)
    other, times = host.sample_host(None, 0.05, "/nonexistent")
    assert times is not None
    assert other.cpu is not None
    assert other.memory == pytest.approx(linux.memory, abs=0.05)
    assert other.load1 is not None
    assert other.scope == "machine"
    assert {mount.mount_point for mount in host.read_mounts()} <= {
        mount.mount_point for mount in parse_mounts(read_mountinfo() or "")
    }


@pytest.mark.parametrize(
    ("hosts", "wanted", "is_asked"),
    [
        ([], None, True),
        (["web-1", "web-2"], None, True),
        (["web-1"], "web-1", True),
        (["web-2"], None, False),
        (["web-1", "web-2"], "web-2", False),
        ([], "web-2", False),
    ],
)
def test_this_machine_answers_for_itself_only(
    monkeypatch: pytest.MonkeyPatch, hosts: list[str], wanted: str | None, is_asked: bool
) -> None:
    """Where the store is of other hosts, its stored samples are the answer."""
    monkeypatch.setenv("PERFCTL_HOST", "web-1")
    now = host.read_now(hosts, wanted)
    assert (now is not None) == is_asked
    if now is not None:
        assert now.host == "web-1"
        assert now.cpu is not None
