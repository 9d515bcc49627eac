"""A one-file Django project in a process of its own, and what the hook recorded of it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from . import spooled
from .spooled import Error, Request, Spool

_CHILD = Path(__file__).with_name("child.py")
_PROLOGUE = "from tests.hook_behaviour.stage import *; import django_hook\n"
_TIMEOUT_S = 60


class Outcome(NamedTuple):
    """What a project told, and what the hook logged."""

    told: list[Any]
    logs: list[tuple[str, str]]


class Zygote:
    """Starts processes that know Django already."""

    def __init__(self, bytecode: Path) -> None:
        env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        self.env = env | {"PYTHONPYCACHEPREFIX": str(bytecode)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "error", str(_CHILD)],
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def run(self, folder: Path, env: dict[str, str]) -> int:
        """Run the project in a folder to its end."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"folder": str(folder), "env": env}) + "\n")
        ready, _, _ = select.select([self._process.stdout], [], [], _TIMEOUT_S)
        assert ready, f"the project does not end\n{(folder / 'output.txt').read_text()}"
        return int(self._process.stdout.readline())

    def run_alone(self, folder: Path, env: dict[str, str]) -> int:
        """The same in a Python that knows nothing before."""
        with (folder / "output.txt").open("ab") as output:
            command = [sys.executable, "-P", "-W", "error", str(_CHILD), str(folder)]
            command.append(json.dumps(env))
            return subprocess.run(
                command, env=self.env, stdout=output, stderr=output, timeout=_TIMEOUT_S
            ).returncode

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(_TIMEOUT_S)
        assert self._process.stdout
        self._process.stdout.close()


@contextmanager
def zygote(bytecode: Path) -> Iterator[Zygote]:
    """A Python with Django imported, until the block ends."""
    started = Zygote(bytecode)
    try:
        yield started
    finally:
        started.close()


class Site:
    """A project in a folder of its own."""

    def __init__(self, starter: Zygote, folder: Path) -> None:
        self._starter = starter
        self.folder = folder
        self.store = folder / ".perfctl" / "perfctl.db"
        (folder / "elsewhere").mkdir()

    def write(self, text: str, **settings: Any) -> Path:
        """Put the project down: its text after the stage's import, with these settings."""
        (self.folder / "settings.json").write_text(json.dumps(settings, default=str))
        project = self.folder / "project.py"
        project.write_text(_PROLOGUE + textwrap.dedent(text))
        return project

    def run(
        self, text: str, *, env: dict[str, str] | None = None, alone: bool = False, **settings: Any
    ) -> Outcome:
        """Run a project; its own failures fail the test."""
        self.write(text, **settings)
        run = self._starter.run_alone if alone else self._starter.run
        code = run(self.folder, env or {})
        output = (self.folder / "output.txt").read_text()
        found = self.folder / "outcome.json"
        assert found.exists(), f"exit {code}\n{output}"
        outcome = json.loads(found.read_text())
        assert outcome["error"] is None, f"{outcome['error']}\n{output}\n{outcome['logs']}"
        return Outcome(outcome["told"], [tuple(log) for log in outcome["logs"]])

    def line(self, text: str) -> int:
        """The line of the project that holds a text; it must be one."""
        lines = (self.folder / "project.py").read_text().splitlines()
        [found] = [number for number, line in enumerate(lines, start=1) if text in line]
        return found

    @property
    def spool_folder(self) -> Path:
        """Where the project's records are."""
        return Path(f"{self.store}.spool")

    @property
    def spool(self) -> Spool:
        """All that was recorded."""
        return spooled.read(self.spool_folder)

    @property
    def requests(self) -> list[Request]:
        """The request records, by their start."""
        return self.spool.requests

    @property
    def request(self) -> Request:
        """The only request record."""
        [found] = self.requests
        return found

    @property
    def errors(self) -> list[Error]:
        """The error records."""
        return self.spool.errors

    def by_route(self) -> dict[str, Request]:
        """The request records by route, of which there must be one each."""
        found = {request.route: request for request in self.requests}
        assert len(found) == len(self.requests), [request.route for request in self.requests]
        return found
