"""Scans kept in the store: the last complete one stands until another complete one comes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from perfctl import retention
from perfctl.config import Retention
from perfctl.deps import keeping
from perfctl.deps.report import PackageRow, RatingRow, Scan, VulnerabilityRow
from perfctl.store import connection
from tests.segments import NOW_MS

FLAW = VulnerabilityRow(
    id="CVE-1",
    aliases=["PYSEC-1"],
    severity="high",
    score=7.5,
    fixed_in=["3.1.4"],
    summary="A flaw.",
    ratings=[RatingRow("PYSEC-1", "high", 7.5)],
    published=None,
    url="https://osv.dev/vulnerability/CVE-1",
    ignored="no users",
    epss=0.25,
)


def package(name: str = "jinja2", **changes: object) -> PackageRow:
    """A package with a flaw."""
    row = PackageRow(
        name, "3.1.2", "3.1.6", "PATCH", "vulnerable", [FLAW], True, "direct", ["app"], None
    )
    return replace(row, **changes)  # type: ignore[arg-type]  # by name


def scan(*packages: PackageRow, target: str = "/venv", audited: int = 1) -> Scan:
    """A scan of these."""
    return Scan(
        target, "named", list(packages), audited, len(packages), "2026-11-20T00:00:00.000Z",
        "https://osv.invalid", "pip-audit 2.10.1", "2026-11-24T00:00:00.000Z",
    )  # fmt: skip


def last(store: Path, **asked: object) -> Scan | None:
    """The last one that stands."""
    with connection.reading(store) as con:
        return keeping.last(con, **asked)  # type: ignore[arg-type]  # by name


def test_what_is_kept_comes_back(store: Path) -> None:
    """All of it."""
    found = scan(package(), package("six", status="ok", vulnerabilities=[], update_type=None))
    assert last(store) is None
    keeping.save(store, "web1", found, NOW_MS)
    assert last(store) == found
    assert last(store, target="/other") is last(store, host="web2") is None


def test_a_scan_that_saw_not_all_takes_no_place(store: Path) -> None:
    """The complete one stands beside it; a complete one later ends both."""
    whole = scan(package())
    part = scan(package(status="unverified", problem="HTTP 500", vulnerabilities=[]), audited=0)
    other = scan(package("six"), target="/other")
    for at, found in enumerate((whole, other, part)):
        keeping.save(store, "web1", found, NOW_MS + at)
    assert last(store, target="/venv") == part
    assert last(store, target="/venv", complete=True) == whole
    newer = scan(package(installed="3.1.3"))
    keeping.save(store, "web1", newer, NOW_MS + 3)
    assert last(store, target="/venv") == last(store, target="/venv", complete=True) == newer

    retention.prune(store, Retention(), NOW_MS + 4)

    with connection.reading(store) as con:
        assert con.execute("SELECT count(*) FROM dependency_scan").fetchone() == (2,)
        assert con.execute("SELECT count(*) FROM dependency_version").fetchone() == (2,)
        assert con.execute("SELECT count(*) FROM v_dependencies").fetchone() == (2,)


def test_what_is_new_since_then() -> None:
    """By any of its names, in that package."""
    again = replace(FLAW, id="GHSA-1", aliases=["PYSEC-1"])
    fresh = replace(FLAW, id="CVE-2", aliases=[])
    found = keeping.mark_new(scan(package(vulnerabilities=[again, fresh])), scan(package()))
    assert [v.is_new for v in found.packages[0].vulnerabilities] == [False, True]
    assert keeping.mark_new(scan(package()), None).packages[0].vulnerabilities[0].is_new is None
