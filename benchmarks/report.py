"""What a benchmark found: Markdown tables for people, JSON for comparison."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent / "results"


class Table(NamedTuple):
    """Figures side by side; numbers are formatted when they are shown."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | int | None]]
    notes: Sequence[str] = ()

    def to_markdown(self) -> str:
        """The table as Markdown."""
        head = f"| {' | '.join(self.columns)} |\n|{'---|' + '---:|' * (len(self.columns) - 1)}\n"
        body = "".join(f"| {' | '.join(map(_cell, row))} |\n" for row in self.rows)
        notes = "".join(f"\n- {note}" for note in self.notes)
        return f"### {self.title}\n\n{head}{body}{notes}\n"


class Report(NamedTuple):
    """The outcome of one benchmark."""

    name: str
    tables: Sequence[Table]

    def to_markdown(self) -> str:
        """All tables."""
        return "\n".join(table.to_markdown() for table in self.tables)

    def save(self) -> Path:
        """Write it as JSON to `benchmarks/results/`, which git does not look at."""
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / ".gitignore").write_text("*\n")
        path = RESULTS / f"{self.name}.json"
        tables = [table._asdict() for table in self.tables]
        path.write_text(json.dumps({**machine(), "tables": tables}, indent=1) + "\n")
        return path


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"python -m benchmarks {' '.join(sys.argv[1:])}".rstrip(),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(terse=True),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), "?")


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
    return f"{value:,}" if isinstance(value, int) else value
