"""Drives the example site through the real middlewares, in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from perfctl.errors import EnvironmentFault
from perfctl.settings import state_folder

VISITS = 700
SEED = 20
_PACKAGE = Path(__file__).parent

_DRIVE = """
import sys
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("seed_vault", verbosity=0, stdout=sys.stderr)
from vault import traffic
n, seed = int(sys.argv[1]), int(sys.argv[2])
for i, _ in enumerate(traffic.run(traffic.visits(n, seed)), 1):
    if i % 10 == 0 or i == n:
        print(i, flush=True)
"""


def own_folder(environ: Mapping[str, str]) -> Path:
    """Where the demo's store and site live: beside the user's store, never in its place."""
    return state_folder(environ) / "perfctl-demo"


def find_vault() -> Path:
    """The folder of the example site: in the wheel beside this package, else in the checkout."""
    for candidate in (
        _PACKAGE / "examples" / "vault",
        _PACKAGE.parent / "examples" / "vault",
        Path(sys.prefix) / "perfctl" / "examples" / "vault",
    ):
        if (candidate / "manage.py").exists():
            return candidate
    raise EnvironmentFault(
        "the example site is not installed", "pip install --force-reinstall perfctl"
    )


def clear(folder: Path) -> None:
    """Remove what an earlier demo left in its own folder; nothing else lies there."""
    if (folder / "perfctl.db").is_symlink() or folder.is_symlink():
        raise EnvironmentFault(f"{folder} is a link: the demo does not follow it")
    for name in ("vault.db", "perfctl.db", "perfctl.db-wal", "perfctl.db-shm", "perfctl.db.lock"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "perfctl.db.spool", ignore_errors=True)


def drive(folder: Path, store: Path, progress: Callable[[str], None], visits: int = VISITS) -> int:
    """Visit the site so often, recording into the store's spool; returns the visits made."""
    if find_spec("django") is None:
        raise EnvironmentFault("the example site needs Django", "pip install 'perfctl[django]'")
    site = find_vault()
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _DRIVE, str(visits), str(SEED)],
        env=_environment(site, folder, store),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    made = 0
    assert child.stdout is not None  # noqa: S101  # a pipe was asked for
    for line in child.stdout:
        made = int(line)
        progress(f"visiting the example site: {made} of {visits}")
    _, errors = child.communicate()
    if child.returncode or made != visits:
        last = (errors.strip().splitlines() or ["no message"])[-1]
        raise EnvironmentFault(f"the example site stopped after {made} visits: {last}")
    return made


def _environment(site: Path, folder: Path, store: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PERFCTL")}
    here = str(_PACKAGE.parent)
    return own | {
        "PYTHONPATH": os.pathsep.join([str(site), here]),
        "DJANGO_SETTINGS_MODULE": "vault.settings",
        "VAULT_DB": str(folder / "vault.db"),
        "VAULT_BACKUP_SECONDS": "0.25",
        "VAULT_BREACH_SECONDS": "0.02",
        "PERFCTL_DB": str(store),
    }
