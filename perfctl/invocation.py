"""How this perfctl is called: the line that a person, or cron, can run."""

import shlex
import shutil
import sys
from pathlib import Path


def called() -> str:
    """How a person at this prompt calls this perfctl: by name where the PATH has it, else by path."""
    script = Path(sys.argv[0])
    if script.name != "perfctl":
        return "python -m perfctl"
    found = shutil.which("perfctl")
    if found is not None and Path(found).samefile(script):
        return "perfctl"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


def program() -> str:
    """How cron calls this perfctl: its PATH does not have what a virtual environment holds."""
    script = Path(sys.argv[0])
    if script.name == "perfctl" and script.exists():
        return shlex.quote(str(script.absolute()))
    return f"{shlex.quote(sys.executable)} -m perfctl"
