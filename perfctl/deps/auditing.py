"""One `perfctl deps`: finds the target, scans it, and makes the answer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from perfctl.answers.answer import Answer
from perfctl.collectors.packages import Environment, find_environment
from perfctl.deps import keeping, scan
from perfctl.deps.declared import read_files
from perfctl.deps.imports import how_imported, imported_modules, packages_by_module
from perfctl.deps.inventory import Inventory, read_environment
from perfctl.deps.pip_audit import need_tool
from perfctl.deps.pipconfig import Indexes, read_indexes
from perfctl.deps.report import PackageRow, Scan, VulnerabilityRow
from perfctl.deps.scan import Progress, Wanted
from perfctl.deps.settings import DepsSettings
from perfctl.deps.threats import read_threats, with_threats
from perfctl.errors import NoDataError
from perfctl.model import Coverage
from perfctl.store.connection import reading

OWN = "perfctl's own environment"
_WORST_FIRST = ("vulnerable", "unverified", "outdated", "ok")


class Asked(NamedTuple):
    """What was said on the command line of the target and of the scan."""

    files: Sequence[Path] = ()
    python: str | None = None
    venv: str | None = None
    offline: Path | None = None
    is_outdated_wanted: bool = True
    kev: Path | None = None
    epss: Path | None = None
    environ: Mapping[str, str] = {}
    folders: Sequence[Path] = ()
    """Where the project may be."""


def audit(
    asked: Asked, settings: DepsSettings, now_ms: int, progress: Progress
) -> tuple[Scan, tuple[str, ...]]:
    """Scan what was asked for; and what somebody should know of it, in words."""
    need_tool()
    threats = read_threats(asked.kev, asked.epss)
    environment = find_environment(
        asked.environ, asked.folders, python=asked.python, venv=asked.venv
    )
    inventory = _inventory(asked, environment)
    wanted = Wanted(
        osv_url=settings.osv_url,
        offline=asked.offline,
        max_age_ms=settings.max_age_ms,
        indexes=_indexes(asked, environment),
        min_age_ms=settings.min_age_ms,
        ignores=settings.ignores,
        allowed=settings.allowed,
    )
    modules = imported_modules(_project(asked))
    imported = how_imported(inventory.packages, modules, packages_by_module(environment))
    found = scan.scan(inventory, wanted, now_ms, imported=imported, progress=progress)
    unused = [f"the ignore of {name} is of no use any more" for name in found.ignores_unused]
    return _in_order(with_threats(found, threats)), (*inventory.remarks, *unused)


def compare(found: Scan, store: Path, host: str) -> Scan:
    """Mark what the last complete scan of the same target did not know, where there is one."""
    if not store.exists():
        return found
    with reading(store) as con:
        return keeping.mark_new(found, keeping.last(con, found.target, host, complete=True))


def read_last(store: Path, host: str | None) -> Scan:
    """The scan that was saved last; NoDataError where there is none."""
    hint = "perfctl deps --save"
    if not store.exists():
        raise NoDataError("no scan is saved yet", hint)
    with reading(store) as con:
        found = keeping.last(con, host=host)
    if found is None:
        raise NoDataError("no scan is saved yet", hint)
    return _in_order(found)


def to_answer(found: Scan, host: str, remarks: Sequence[str]) -> Answer:
    """The scan as every face shows it."""
    return Answer("deps", None, Coverage(found.audited, (host,), 0, 0, None), found, tuple(remarks))


def _inventory(asked: Asked, environment: Environment) -> Inventory:
    if not asked.files:
        return read_environment(environment)
    # What perfctl itself runs with says nothing of the project's ranges.
    have = None if environment.origin == OWN else read_environment(environment)
    return read_files(asked.files, have)


def _indexes(asked: Asked, environment: Environment) -> Indexes | None:
    if not asked.is_outdated_wanted:
        return None
    prefix = Path(environment.target)
    return read_indexes(asked.environ, prefix if prefix.is_dir() else None)


def _project(asked: Asked) -> Path:
    """The folder whose imports count: the nearest with a project in it."""
    for folder in asked.folders:
        for place in (folder, *folder.parents):
            if any((place / name).exists() for name in ("pyproject.toml", "manage.py", ".git")):
                return place
    return asked.folders[0] if asked.folders else Path(os.curdir)


def _in_order(found: Scan) -> Scan:
    """The worst first, what is exploited before all; the same order whenever the same is found."""

    def of_flaw(flaw: VulnerabilityRow) -> tuple[bool, int, float, float, str]:
        rank = 0 if flaw.ignored else int(flaw.rank)
        return not flaw.exploited, -rank, -(flaw.epss or 0), -(flaw.score or 0), flaw.id

    def of_package(row: PackageRow) -> tuple[object, ...]:
        worst = of_flaw(row.vulnerabilities[0])[:3] if row.vulnerabilities else ()
        return _WORST_FIRST.index(row.status), worst, row.name

    rows = [
        replace(row, vulnerabilities=sorted(row.vulnerabilities, key=of_flaw))
        for row in found.packages
    ]
    return replace(found, packages=sorted(rows, key=of_package))
