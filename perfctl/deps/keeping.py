"""Keeps scans in the store, and reads the last one: `--save` and `--last`."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from perfctl.deps.report import PackageRow, RatingRow, Scan, VulnerabilityRow
from perfctl.store import scans
from perfctl.store.connection import transaction, writing
from perfctl.store.scans import ScanRow, VersionRow
from perfctl.units import parse_moment

_COLUMNS = frozenset(VersionRow._fields)


def save(store: Path, host: str, scan: Scan, now_ms: int) -> None:
    """Keep a scan; one that saw not all stands beside the last complete one, never in its place."""
    rest = {
        row.name: {k: v for k, v in asdict(row).items() if k not in _COLUMNS}
        for row in scan.packages
    }
    about = {k: v for k, v in asdict(scan).items() if k != "packages"}
    as_of = scan.advisories_as_of
    row = ScanRow(
        now_ms,
        host,
        scan.target,
        int(scan.is_complete),
        scan.audited,
        scan.total,
        None if as_of is None else parse_moment(as_of, now_ms),
        json.dumps({"scan": about, "packages": rest}),
    )
    with writing(store) as con, transaction(con):
        scans.insert(con, row, [_version(package) for package in scan.packages])


def last(
    con: sqlite3.Connection,
    target: str | None = None,
    host: str | None = None,
    *,
    complete: bool = False,
) -> Scan | None:
    """The last scan that was saved and stands; None where there is none."""
    found = scans.last(con, target, host, complete=complete)
    if found is None:
        return None
    row, versions = found
    detail = json.loads(row.detail)
    packages = [_package(version, detail["packages"][version.name]) for version in versions]
    return Scan(**detail["scan"], packages=packages)


def mark_new(scan: Scan, before: Scan | None) -> Scan:
    """Say of each vulnerability whether the scan before knew it."""
    if before is None:
        return scan
    known = {
        (row.name, name)
        for row in before.packages
        for found in row.vulnerabilities
        for name in (found.id, *found.aliases)
    }
    rows = [
        replace(
            row,
            vulnerabilities=[
                replace(v, is_new=not any((row.name, n) in known for n in (v.id, *v.aliases)))
                for v in row.vulnerabilities
            ],
        )
        for row in scan.packages
    ]
    return replace(scan, packages=rows)


def _version(row: PackageRow) -> VersionRow:
    return VersionRow(
        row.name,
        row.installed,
        row.latest,
        None if row.update_type is None else str(row.update_type),
        str(row.status),
        json.dumps([asdict(found) for found in row.vulnerabilities]),
        None if row.direct is None else int(row.direct),
        None if row.imported is None else str(row.imported),
    )


def _package(version: VersionRow, rest: dict[str, Any]) -> PackageRow:
    said = version._asdict()
    said["vulnerabilities"] = [_vulnerability(v) for v in json.loads(version.vulnerabilities)]
    said["direct"] = None if version.direct is None else bool(version.direct)
    return PackageRow(**said, **rest)


def _vulnerability(said: dict[str, Any]) -> VulnerabilityRow:
    ratings = [RatingRow(**rating) for rating in said.pop("ratings")]
    return VulnerabilityRow(**said, ratings=ratings)
