"""What was known at the time: a text, or the processes that then took most."""

from __future__ import annotations

from typing import Any

from perfctl.answers.alerts import processes_of
from perfctl.units import format_bytes, format_ratio


def say_detail(detail: str | None) -> str | None:
    """The detail in one line."""
    found = processes_of(detail)
    return ", ".join(map(say_process, found)) if found else detail


def say_process(process: dict[str, Any]) -> str:
    """`python (4711, web) 83 % CPU 1.20 GB`."""
    cpu = process.get("cpu")
    rss = process.get("rss_bytes")
    return " ".join(
        [
            f"{process.get('name')} ({process.get('pid')}, {process.get('user')})",
            *([] if cpu is None else [f"{format_ratio(cpu)} CPU"]),
            *([] if rss is None else [format_bytes(rss)]),
        ]
    )
