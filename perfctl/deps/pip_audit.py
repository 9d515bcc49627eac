"""Runs the real pip-audit, and believes only what it can prove.

pip-audit exits 1 for a finding and for an error alike, and 0 where it looked at nothing. So its exit
code counts for little: its report must be JSON, and name each package that it was asked about.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from perfctl.deps.feed import Record, Release
from perfctl.deps.shim import serving
from perfctl.errors import EnvironmentFault

LEAST = Version("2.10.0")
"""The first that can be told which OSV service to ask."""
TIMEOUT_S = 300.0
_KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")
_HINT = "pip install 'perfctl[audit]'"


class AuditFailed(Exception):
    """pip-audit gave no report that one could go by."""


class Report(NamedTuple):
    """What pip-audit found: the ids of advisories by release, all of those it was asked about."""

    ids: dict[Release, tuple[str, ...]]
    tool: str


def find_tool() -> str | None:
    """The version of pip-audit beside perfctl; None where it is not installed."""
    try:
        return version("pip_audit")
    except PackageNotFoundError:
        return None


def need_tool() -> str:
    """That version; EnvironmentFault with the line to run where there is none that will do."""
    found = find_tool()
    if found is None:
        raise EnvironmentFault("pip-audit is not installed", _HINT)
    if Version(found) < LEAST:
        raise EnvironmentFault(f"pip-audit {found} is too old: {LEAST} is needed", _HINT)
    return found


def audit(known: Mapping[Release, Sequence[Record]]) -> Report:
    """Let pip-audit judge releases by advisories that were looked up. Raises AuditFailed."""
    tool = need_tool()
    if not known:
        return Report({}, tool)
    with tempfile.TemporaryDirectory(prefix="perfctl-audit-") as folder, serving(known) as url:
        found = _run(Path(folder), known, url)
    return Report(_read(found, known), tool)


def _run(folder: Path, releases: Mapping[Release, Sequence[Record]], url: str) -> str:
    """The report's text. Nothing of the working folder, of HOME or of Python's variables counts."""
    pins, report = folder / "pins.txt", folder / "report.json"
    pins.write_text("".join(f"{name}=={number}\n" for name, number in releases))
    command = [sys.executable, "-P", "-m", "pip_audit", "--requirement", str(pins), "--no-deps",
               "--disable-pip", "--vulnerability-service", "osv", "--osv-url", url,
               "--format", "json", "--output", str(report), "--progress-spinner", "off",
               "--cache-dir", str(folder / "cache"), "--desc", "off"]  # fmt: skip
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environ |= {"HOME": str(folder), "PYTHONSAFEPATH": "1", "NO_PROXY": "127.0.0.1"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise AuditFailed(f"pip-audit did not end: {type(exc).__name__}") from exc
    if not report.exists():
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise AuditFailed(
            f"pip-audit ended without a report (exit {done.returncode}): {last[:200]}"
        )
    return report.read_text(encoding="utf-8", errors="replace")


def _read(text: str, asked: Mapping[Release, Sequence[Record]]) -> dict[Release, tuple[str, ...]]:
    try:
        rows = json.loads(text)["dependencies"]
        found = {_release(row): _ids(row) for row in rows if "skip_reason" not in row}
    except (ValueError, KeyError, TypeError, InvalidVersion) as exc:
        raise AuditFailed(f"pip-audit's report cannot be read: {exc!r}") from exc
    if found.keys() != asked.keys():
        missing = sorted(f"{name} {number}" for name, number in asked.keys() - found.keys())
        some = ", ".join(missing[:3]) or "others than it was asked about"
        raise AuditFailed(
            f"pip-audit looked at {len(found)} of {len(asked)} packages, not at {some}"
        )
    return found


def _release(row: Mapping[str, Any]) -> Release:
    return Release(canonicalize_name(row["name"]), Version(row["version"]))


def _ids(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(str(found["id"]) for found in row["vulns"]))
