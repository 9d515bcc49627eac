"""Measures in fresh processes, arm beside arm, by CPU time: this machine is shared."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
PERFCTL = Path(sys.executable).with_name("perfctl")


def cache_folder() -> Path:
    """Where made-up data is kept for the next run; $TMPDIR says where that is."""
    folder = Path(tempfile.gettempdir()) / f"perfctl-benchmarks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def environment(**changes: str) -> dict[str, str]:
    """The environment of a child: nothing of the user's perfctl, and the checkout on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PERFCTL")}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "100", **changes}


def in_child(function: str, **arguments: Any) -> Any:
    """What `module:function` returns in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.child", function, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{function}{arguments}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def cpu_ms(command: Sequence[str | Path], codes: Sequence[int] = (0,)) -> tuple[float, str]:
    """User and system time of a whole process, and what it printed."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment(), cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    if process.returncode not in codes:
        raise RuntimeError(f"{command}: exit {process.returncode}: {text[-2000:]}")
    return 1000 * (usage.ru_utime + usage.ru_stime), text


def interleaved(arms: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """What each arm returned in each round; the order is drawn anew for every round."""
    results: dict[str, list[T]] = {name: [] for name in arms}
    draw = random.Random(1)
    for _ in range(rounds):
        order = list(arms)
        draw.shuffle(order)
        for name in order:
            results[name].append(arms[name]())
    return results


def middle(values: Sequence[float]) -> float:
    """The median of the rounds."""
    return statistics.median(values)
