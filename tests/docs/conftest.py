"""A project's folder with a store that is filled from its spool, and perfctl in it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import segments
from tests.segments import request as record

Run = Callable[..., subprocess.CompletedProcess[str]]

STATEMENT = 'SELECT "items_vault"."id" FROM "items_vault" WHERE "items_vault"."id" = ?'
SITE = "items/views.py:68 in item_audit"
# So that `health` says nothing of the machine that the tests run on.
PATIENT = "".join(
    f"[thresholds.{name}]\ntarget = 1\nthreshold = 1\n" for name in ("cpu", "memory", "disk")
)


def filled(now_ms: int) -> list[object]:
    """Records of all kinds that the documents ask about, of the last minute."""
    finding = ["n", 0, 25, 4_000, SITE, "select_related('vault')"]
    common = {"patterns": [[0, 25, 4_000, 300]], "caches": [["default", "strength", 3, 1, 1, 900]]}
    records: list[object] = [["p", 0, "default", STATEMENT]]
    records += [record(now_ms - 200 * i, **common) for i in range(200)]
    for i in range(3):
        at_ms = now_ms - 1000 * i
        records += [
            record(at_ms, route="/items/audit/", queries=78, findings=[finding], **common),
            record(at_ms, route="/items/<int:pk>/"),
            record(at_ms, route="/vaults/<int:pk>/backup/", duration_us=1_200_000),
        ]
    failed = ["e", now_ms, "ab12", "GET", "/shares/<int:pk>/expiry/", 500, "TypeError"]
    records.append(record(now_ms, route="/shares/<int:pk>/expiry/", status=500, flags=1))
    records.append([*failed, [["items/views.py", 130, "share_expiry"]], None, "Firefox 121"])
    return records


def environment(home: Path, **more: str) -> dict[str, str]:
    """Of a process on the host that the records are of."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PERFCTL_HOST": "web1", **more}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's folder whose spool waits to be read."""
    folder = tmp_path / "vault"
    store = folder / ".perfctl" / "perfctl.db"
    store.parent.mkdir(mode=0o700, parents=True)
    (folder / "perfctl.toml").write_text(PATIENT)
    segments.write(store, filled(int(time.time() * 1000)))
    return folder


@pytest.fixture
def perfctl(project: Path, tmp_path: Path) -> Run:
    """Run `perfctl` in the project's folder, as a person does there."""

    def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "perfctl", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=project,
            env=environment(tmp_path),
            check=False,
            **more,  # type: ignore[call-overload]
        )

    return run
