"""What Linux tells of the machine in /proc: CPU, memory, load. `root` is where /proc and /sys hang."""

import os
from typing import NamedTuple


class Ticks(NamedTuple):
    """CPU time of the whole machine since its start, in the kernel's ticks."""

    busy: int
    total: int
    cpus: int


class Memory(NamedTuple):
    """What is there and what can still be had without swapping."""

    total_bytes: int
    available_bytes: int
    swap_total_bytes: int
    swap_free_bytes: int


def read_text(root: str, path: str) -> str | None:
    """The file's text; None where it is missing or closed to this user."""
    try:
        with open(f"{root.rstrip('/')}/{path.lstrip('/')}", "rb") as file:  # noqa: PTH123
            return file.read().decode("utf-8", "surrogateescape")
    except OSError:
        return None


def exists(root: str, path: str) -> bool:
    """True where there is such a file or folder."""
    return os.path.lexists(f"{root.rstrip('/')}/{path.lstrip('/')}")


def read_number(root: str, path: str) -> int | None:
    """The file's only number; None where there is none, as in `max`."""
    try:
        return int(read_text(root, path) or "")
    except ValueError:
        return None


def read_table(root: str, path: str) -> dict[str, int]:
    """The names and numbers of a file with one pair a line; a colon and a unit are passed over."""
    table = {}
    for line in (read_text(root, path) or "").splitlines():
        words = line.split()
        if len(words) >= 2 and words[1].isdigit():
            table[words[0].rstrip(":")] = int(words[1])
    return table


def read_ticks(root: str) -> Ticks | None:
    """Busy is neither idle nor waiting for a disk; what guests used is in `user` already."""
    lines = (read_text(root, "proc/stat") or "").splitlines()
    words = lines[0].split() if lines else []
    if len(words) < 5 or words[0] != "cpu":
        return None
    spent = [int(word) for word in words[1:9]]
    idle = sum(spent[3:5])
    cpus = sum(1 for line in lines[1:] if line.startswith("cpu"))
    return Ticks(sum(spent) - idle, sum(spent), max(cpus, 1))


def read_memory(root: str) -> Memory | None:
    """MemAvailable, or an estimate for a kernel that does not give it (before 3.14)."""
    table = read_table(root, "proc/meminfo")
    if not table.get("MemTotal"):
        return None
    kept = sum(table.get(name, 0) for name in ("MemFree", "Buffers", "Cached"))
    return Memory(
        table["MemTotal"] * 1024,
        table.get("MemAvailable", kept) * 1024,
        table.get("SwapTotal", 0) * 1024,
        table.get("SwapFree", 0) * 1024,
    )


def read_loads(root: str) -> tuple[float, float, float] | None:
    """Processes that run or wait, as means over 1, 5 and 15 minutes."""
    words = (read_text(root, "proc/loadavg") or "").split()
    return (float(words[0]), float(words[1]), float(words[2])) if len(words) >= 3 else None
