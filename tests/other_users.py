"""Runs pieces of perfctl as other users, with a Python and a copy of the package they can read."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import perfctl

_PYTHONS = (os.path.realpath(sys.executable), "/usr/bin/python3", "/usr/local/bin/python3")
NO_ACCOUNT = 54_321
_HARNESS = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
code, sys.argv = sys.argv[2], ["perfctl", *sys.argv[3:]]
from pathlib import Path
from perfctl.errors import PerfctlError
try:
    exec(code)
except PerfctlError as exc:
    print(json.dumps({"error": exc.message, "hint": exc.hint}))
    sys.exit(exc.exit_code)
"""


@functools.cache
def python_for_all() -> str:
    """A Python 3.11 that every user can run; the one under test may be in root's home."""
    code = "import sys; sys.exit(sys.version_info < (3, 11))"
    for candidate in _PYTHONS:
        with contextlib.suppress(OSError):
            run = subprocess.run(
                [candidate, "-c", code], user=NO_ACCOUNT, group=NO_ACCOUNT, cwd="/"
            )
            if run.returncode == 0:
                return candidate
    raise AssertionError(f"none of {_PYTHONS} is a Python >= 3.11 that every user can run")


class Answer(NamedTuple):
    """What a run printed, as JSON, and how it ended."""

    exit_code: int
    said: Any


class Elsewhere:
    """A folder that everyone can reach, with perfctl's files installed in it."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self.folder = folder
        self.installation = folder / "installation"
        package = Path(perfctl.__file__).parent
        shutil.copytree(
            package, self.installation / "perfctl", ignore=shutil.ignore_patterns("__pycache__")
        )
        for path in (self.installation, *self.installation.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def make(self, name: str, uid: int, gid: int, mode: int = 0o755) -> Path:
        """A folder there of that owner."""
        made = self.folder / name
        made.mkdir()
        os.chown(made, uid, gid)
        made.chmod(mode)
        return made

    def run(
        self,
        code: str,
        *args: str | Path,
        uid: int = 0,
        gid: int = 0,
        groups: Sequence[int] = (),
        before: Sequence[str] = (),
    ) -> Answer:
        """What the code says as that user, under a umask that would let everyone in."""
        done = subprocess.run(
            [
                *before,
                python_for_all(),
                "-B",
                "-c",
                _HARNESS,
                str(self.installation),
                code,
                *map(str, args),
            ],
            user=uid,
            group=gid,
            extra_groups=groups,
            umask=0,
            cwd="/",
            env={"PATH": os.environ["PATH"], "HOME": "/root"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return Answer(done.returncode, json.loads(done.stdout))


@contextlib.contextmanager
def open_place() -> Iterator[Elsewhere]:
    """Outside of pytest's folder, which only its owner can enter."""
    folder = Path(tempfile.mkdtemp(prefix="perfctl-test-"))
    try:
        yield Elsewhere(folder)
    finally:
        shutil.rmtree(folder)
