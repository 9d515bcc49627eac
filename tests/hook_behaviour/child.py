"""The process that projects of these tests run in: one forked for each, of one that knows Django.

To start Python and to import Django takes 0.4 s, to fork 10 ms. Nothing of perfctl or the hook is
imported before the fork. `python child.py` serves; `python child.py FOLDER` runs one project alone.
"""

from __future__ import annotations

import asyncio  # noqa: F401 - preloaded
import importlib
import json
import os
import signal
import sys
import traceback
import types
from pathlib import Path
from typing import Any

_LONGEST_S = 40
ROOT = Path(__file__).resolve().parents[2]
_PRELOADED = (
    "django.core.checks",
    "django.core.handlers.asgi",
    "django.core.handlers.wsgi",
    "django.core.management",
    "django.core.servers.basehttp",
    "django.db.backends.sqlite3.base",
    "django.db.models",
    "django.http",
    "django.template",
    "django.test",
    "django.urls",
)


def perform(folder: Path, env: dict[str, str]) -> int:
    """Run the project in a folder, and leave what it saw in `outcome.json`."""
    own = ("PERFCTL", "DJANGO", "PYTEST")
    for name in list(os.environ):
        if name.startswith(own):
            del os.environ[name]
    os.environ.update(env, PROJECT=str(folder))
    sys.path[:0] = [str(folder), str(ROOT)]
    os.umask(0o022)
    os.chdir(folder / "elsewhere")
    seen: dict[str, Any] = {"told": [], "logs": []}
    error = None
    try:
        seen = importlib.import_module("tests.hook_behaviour.stage").SEEN
        _execute(folder / "project.py")
    except BaseException:
        error = traceback.format_exc()
    (folder / "outcome.json").write_text(json.dumps(seen | {"error": error}))
    return 0 if error is None else 1


def _execute(project: Path) -> None:
    """Run the text as module `project`; an import would lock it for the threads that it starts."""
    module = types.ModuleType("project")
    module.__file__ = str(project)
    sys.modules["project"] = module
    exec(compile(project.read_text(), str(project), "exec"), module.__dict__)


def serve() -> None:
    """Fork for each line of standard input; answer with the exit status."""
    for name in _PRELOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        order = json.loads(line)
        folder = Path(order["folder"])
        pid = os.fork()
        if not pid:
            code = 99
            try:
                signal.alarm(_LONGEST_S)
                output = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                nothing = os.open(os.devnull, os.O_RDONLY)
                os.dup2(nothing, 0)
                os.dup2(output, 1)
                os.dup2(output, 2)
                code = perform(folder, order["env"])
                sys.stdout.flush()
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(perform(Path(sys.argv[1]), json.loads(sys.argv[2])))
    serve()
