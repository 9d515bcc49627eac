"""Scans of dependencies: the packages of a target, and which scan was the last that saw all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple


class ScanRow(NamedTuple):
    """A scan, in the order of its columns; times in unix milliseconds."""

    at_ms: int
    host: str
    target: str
    complete: int
    audited: int
    total: int
    advisories_ms: int | None
    detail: str
    """JSON: what has no column of its own."""


class VersionRow(NamedTuple):
    """A package of a scan, in the order of its columns; `vulnerabilities` is JSON."""

    name: str
    installed: str | None
    latest: str | None
    update_type: str | None
    status: str
    vulnerabilities: str
    direct: int | None
    imported: str | None


def insert(con: sqlite3.Connection, scan: ScanRow, packages: Iterable[VersionRow]) -> None:
    """Keep a scan; one that is complete takes the place of those before it of the same target."""
    at_ms, host, target, complete, audited, total, advisories_ms, detail = scan
    number = con.execute(
        "INSERT INTO dependency_scan"
        "(at_ms, host, target, complete, audited, total, advisories_ms, superseded_ms, detail)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, NULL, ?)",
        (at_ms, host, target, complete, audited, total, advisories_ms, detail),
    ).lastrowid
    con.executemany(
        "INSERT INTO dependency_version(scan_id, name, installed, latest, update_type, status,"
        " vulnerabilities, direct, imported) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(number, *package) for package in packages],
    )
    if complete:
        con.execute(
            "UPDATE dependency_scan SET superseded_ms = ?"
            " WHERE host = ? AND target = ? AND id != ? AND superseded_ms IS NULL",
            (at_ms, host, target, number),
        )


_LAST = """
SELECT id, at_ms, host, target, complete, audited, total, advisories_ms, detail
FROM dependency_scan
WHERE superseded_ms IS NULL AND (:target IS NULL OR target = :target)
  AND (:host IS NULL OR host = :host) AND (complete OR NOT :complete)
ORDER BY at_ms DESC, id DESC LIMIT 1
"""
_PACKAGES = """
SELECT name, installed, latest, update_type, status, vulnerabilities, direct, imported
FROM dependency_version WHERE scan_id = ? ORDER BY name
"""


def last(
    con: sqlite3.Connection, target: str | None, host: str | None, *, complete: bool
) -> tuple[ScanRow, list[VersionRow]] | None:
    """The last scan that stands, of a target and a host where these are given, with its packages."""
    values = {"target": target, "host": host, "complete": complete}
    row = con.execute(_LAST, values).fetchone()
    if row is None:
        return None
    number, *scan = row
    packages = [VersionRow(*package) for package in con.execute(_PACKAGES, (number,))]
    return ScanRow(*scan), packages
