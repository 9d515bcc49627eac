"""What a wheel holds: the packages, their marks, the example site."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_is_whole(tmp_path: Path) -> None:
    """Both packages with py.typed, the example site, the licence and the entry point."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT], check=True
    )
    (wheel,) = tmp_path.glob("perfctl-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (entry,) = (name for name in names if name.endswith("entry_points.txt"))
        entry_points = archive.read(entry).decode()
    assert {"perfctl/py.typed", "django_hook/py.typed", "perfctl/cli.py"} <= names
    assert "perfctl/examples/vault/manage.py" in names
    assert "perfctl/examples/vault/items/migrations/0001_initial.py" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "perfctl = perfctl.__main__:main" in entry_points
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)
    assert not any(name.endswith((".db", ".pyc")) for name in names)


def test_the_example_site_runs_from_a_wheel(tmp_path: Path) -> None:
    """`perfctl demo` finds the site beside an installed package."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--target",
            tmp_path / "site",
            ROOT,
        ],
        check=True,
    )
    done = subprocess.run(
        [sys.executable, "-P", "-m", "perfctl", "demo", "--visits", "60"],
        env={"PYTHONPATH": str(tmp_path / "site"), "XDG_STATE_HOME": str(tmp_path), "PATH": "/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "/items/" in done.stdout
    assert not list((tmp_path / "site" / "perfctl" / "examples").rglob("*.db"))
