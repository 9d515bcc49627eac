"""Runs perfctl as its users do: a process, its streams, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from perfctl import ingest
from tests import segments

Perfctl = Callable[..., "Done"]


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)


@pytest.fixture
def perfctl(tmp_path: Path) -> Perfctl:
    """Run `perfctl` with these arguments in an empty folder, without a HOME of its own."""
    folder = tmp_path / "cwd"
    folder.mkdir()

    def run(
        *arguments: object, db: Path | None = None, env: dict[str, str] | None = None, **more: Any
    ) -> Done:
        command = [sys.executable, "-m", "perfctl"]
        command += ["--db", str(db)] if db else []
        done = subprocess.run(
            [*command, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=more.pop("cwd", folder),
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TZ": "UTC", **(env or {})},
            check=False,
            **more,
        )
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def now_ms() -> int:
    """The time at which the commands will run, nearly."""
    return int(time.time() * 1000)


@pytest.fixture
def filled(store: Path, now_ms: int) -> Path:
    """A store with 40 requests of two routes in the last minutes, one of them slow and failed."""
    records = [
        segments.request(now_ms - 1000 * i, route=route, duration_us=20_000)
        for i in range(1, 20)
        for route in ("/items/", "/items/<pk>/")
    ]
    records.append(
        segments.request(now_ms, route="/items/", status=500, flags=1, duration_us=2_500_000)
    )
    records.append(segments.request(now_ms, route="/healthz", flags=4))
    segments.write(store, records)
    ingest.drain(store, now_ms)
    return store
