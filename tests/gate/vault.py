"""A copy of the example project with a suite of its own, tested by pytest as its owner would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.commands.conftest import Done

ROOT = Path(__file__).resolve().parents[2]
_HERE = Path(__file__).parent


class Project:
    """The vault in a folder, its tests, and perfctl there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__", "*.db*", ".perfctl")
        shutil.copytree(ROOT / "examples" / "vault", folder, ignore=ignored)
        shutil.copyfile(_HERE / "suite_conftest.py", folder / "conftest.py")
        shutil.copyfile(_HERE / "suite_pages.py", folder / "test_pages.py")

    @property
    def store(self) -> Path:
        """Where the tests record."""
        return self.folder / "ci.db"

    def test(self, *arguments: str, **env: str) -> None:
        """Run the suite, recording."""
        self.finish(self.start(*arguments, **env))

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Begin to run the suite."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment() | {"PERFCTL_TEST_DB": str(self.store)} | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> None:
        """Wait until it has passed."""
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output

    def forget(self) -> None:
        """Remove what was recorded."""
        for path in self.folder.glob("ci.db*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def change(self, file: str, before: str, after: str) -> None:
        """Edit the project."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(before) == 1
        path.write_text(text.replace(before, after))

    def ci(self, *arguments: str, **env: str) -> Done:
        """`perfctl ci` on what the tests recorded."""
        command = [sys.executable, "-m", "perfctl", "--db", str(self.store), "ci", *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment() | env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def environment(self) -> dict[str, str]:
        """Nothing of who runs these tests but the way to the programs."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}",
            "DJANGO_SETTINGS_MODULE": "vault.settings",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
