"""The machine as /proc tells it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from perfctl.collectors import procfs
from perfctl.collectors.procfs import Memory, Ticks


def test_busy_is_what_is_neither_idle_nor_waiting_for_a_disk(
    machine: Callable[[str], str],
) -> None:
    """What guests used is in `user` already and not counted twice."""
    busy = 182340 + 1520 + 64210 + 0 + 3410 + 900
    assert procfs.read_ticks(machine("ubuntu-host")) == Ticks(busy, busy + 9120330 + 20110, 4)


def test_memory_is_in_bytes(machine: Callable[[str], str]) -> None:
    """Available is the kernel's own estimate."""
    assert procfs.read_memory(machine("ubuntu-host")) == Memory(
        16307612 * 1024, 6523044 * 1024, 4194300 * 1024, 3145725 * 1024
    )


def test_an_old_kernel_gives_no_available_memory(machine: Callable[[str], str]) -> None:
    """Free memory and page cache stand in for it."""
    root = machine("ubuntu-host")
    file = Path(root, "proc/meminfo")
    file.write_text(file.read_text().replace("MemAvailable:    6523044 kB\n", ""))
    memory = procfs.read_memory(root)
    assert memory is not None
    assert memory.available_bytes == (812340 + 402120 + 5610992) * 1024


def test_loads_are_read(machine: Callable[[str], str]) -> None:
    """Over 1, 5 and 15 minutes."""
    assert procfs.read_loads(machine("ubuntu-host")) == (1.42, 0.97, 0.61)


@pytest.mark.parametrize("text", ["", "cpu\n", "intr 1 2 3 4 5\n"])
def test_what_is_not_there_is_unknown(tmp_path: Path, text: str) -> None:
    """Missing or strange files give None, never 0."""
    (tmp_path / "proc").mkdir()
    for name in ("stat", "meminfo", "loadavg"):
        (tmp_path / "proc" / name).write_text(text)
    root = str(tmp_path)
    found = (procfs.read_ticks(root), procfs.read_memory(root), procfs.read_number(root, "proc/x"))
    assert found == (None, None, None)
    assert procfs.read_loads(str(tmp_path / "none")) is None


def test_this_machine_is_read() -> None:
    """The real files have the form that is expected of them."""
    ticks, memory, loads = (
        procfs.read_ticks("/"),
        procfs.read_memory("/"),
        procfs.read_loads("/"),
    )
    assert ticks is not None
    assert 0 < ticks.busy < ticks.total
    assert ticks.cpus == os.sysconf("SC_NPROCESSORS_ONLN")
    assert memory is not None
    assert memory.total_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < memory.available_bytes < memory.total_bytes
    assert loads is not None
