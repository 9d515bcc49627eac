"""Imports only go down the layers, and a planted violation is seen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import HEAVY, violations

ROOT = Path(__file__).parents[1]


def test_imports_only_go_down() -> None:
    """No module imports what stands above it, and none is missing from the list."""
    assert violations(ROOT) == []


PLANTED = {
    "perfctl/model.py": ("import time\n", "is pure, but imports time"),
    "perfctl/sketch.py": (
        "from perfctl.store import cells\n",
        "imports perfctl.store.cells upwards",
    ),
    "perfctl/store/cells.py": (
        "from perfctl.answers import health\n",
        "perfctl.answers.health upwards",
    ),
    "perfctl/answers/health.py": (
        "def later():\n    from perfctl.commands import query\n",
        "perfctl.commands.query upwards",
    ),
    "perfctl/answers/cache.py": ("import sqlite_utils\n", "imports sqlite_utils when it is loaded"),
    "perfctl/novelty.py": ("x = 1\n", "not listed"),
    "perfctl/commands/health.py": ('X = "SELECT a FROM b"\n', "SQL outside"),
    "perfctl/answers/summary.py": ('T = "x"\nX = f"SELECT {T} FROM origin"\n', "SQL outside"),
    "perfctl/answers/trend.py": ('X = "-- why\\nDELETE FROM origin"\n', "SQL outside"),
    "perfctl/stats.py": ("from datetime import datetime\nX = datetime.now()\n", "calls now()"),
    "perfctl/visible.py": ("import urllib.request\n", "is pure, but imports urllib.request"),
    "perfctl/errors.py": ("import perfctl.units\n", "cycle"),
    "django_hook/middleware.py": ("import perfctl.store.cells\n", "request's path imports"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_seen(name: str, tmp_path: Path) -> None:
    """One wrong line in a copy of the tree is reported."""
    for package in ("perfctl", "django_hook"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.pyc", "static")
        )
    planted, message = PLANTED[name]
    path = tmp_path / name
    path.write_text((path.read_text() if path.exists() else "") + "\n" + planted)

    found = violations(tmp_path)

    assert any(message in line for line in found), found


@pytest.mark.parametrize(
    "verb", ["health", "endpoints", "summary", "requests", "database", "cache"]
)
def test_a_question_loads_nothing_heavy(verb: str, store: Path) -> None:
    """Start-up is part of the contract: what a question does not need is not imported."""
    code = (
        "import sys; sys.argv = ['perfctl', *sys.argv[1:]]\n"
        "from perfctl.cli import main\n"
        "try: main()\n"
        "finally: print('MODULES', *sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--db", str(store), verb],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in ((1, 3) if verb == "health" else (3,)), done.stderr
    loaded = set(done.stderr.split("MODULES", 1)[1].split())
    assert "perfctl.cli" in loaded
    assert not loaded & HEAVY
