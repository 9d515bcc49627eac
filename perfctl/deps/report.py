"""A scan as it is shown, judged and kept: a row a package, and what the whole amounts to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from perfctl.deps.releases import QUARANTINED
from perfctl.deps.severity import Severity


class PackageStatus(StrEnum):
    """How a package ends; never `ok` for what was not looked at."""

    OK = "ok"
    OUTDATED = "outdated"
    VULNERABLE = "vulnerable"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class RatingRow:
    """What one source says of a severity."""

    source: str
    severity: str
    score: float | None


@dataclass(frozen=True, slots=True)
class VulnerabilityRow:
    """A flaw of an installed package."""

    id: str
    aliases: list[str]
    severity: str
    score: float | None
    fixed_in: list[str]
    summary: str
    ratings: list[RatingRow]
    published: str | None
    url: str | None
    ignored: str | None = None
    """Why the project lets it pass; None where it does not."""
    ignore_ended: bool = False
    """Whether it did until lately."""
    is_new: bool | None = None
    """Whether the last complete scan of this target did not know it; None without such a scan."""
    exploited: bool | None = None
    """Whether it is in the list of those that are exploited (KEV); None without such a list."""
    epss: float | None = None
    """How likely it is to be exploited within 30 days (FIRST's EPSS), 0 to 1."""

    @property
    def gates(self) -> bool:
        """Whether it counts against the project."""
        return self.ignored is None

    @property
    def rank(self) -> Severity:
        """Its severity, to compare."""
        return Severity[self.severity.upper()]


@dataclass(frozen=True, slots=True)
class PackageRow:
    """One package of the target."""

    name: str
    installed: str | None
    latest: str | None
    update_type: str | None
    status: str
    vulnerabilities: list[VulnerabilityRow]
    direct: bool | None
    imported: str | None
    required_by: list[str]
    problem: str | None
    """Why it could not be verified."""
    allowed: bool = False
    """Whether it may stay unverified."""
    yanked: str | None = None
    project_status: str | None = None
    held_back: str | None = None
    place: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is unverified and may not be."""
        return self.status == PackageStatus.UNVERIFIED and not self.allowed


@dataclass(frozen=True, slots=True)
class Scan:
    """All packages of a target, at a time."""

    target: str
    origin: str
    packages: list[PackageRow]
    audited: int
    total: int
    advisories_as_of: str | None
    advisories_from: str
    tool: str | None
    """Which auditor judged: `pip-audit 2.10.1`."""
    scanned_at: str
    ignores_unused: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether every package was looked at, but for those that need not be."""
        return not any(row.is_open for row in self.packages)


def exit_code(scan: Scan, fail_on: Severity | None) -> int:
    """1 for a finding at or above `fail_on` (None: for none), 3 where one cannot tell, else 0.

    What has no known severity is above all: nobody knows that it is not.
    """
    if fail_on is not None and any(_fails(row, fail_on) for row in scan.packages):
        return 1
    is_nothing = scan.total == 0
    return 3 if is_nothing or not scan.is_complete else 0


def _fails(row: PackageRow, fail_on: Severity) -> bool:
    if row.project_status == QUARANTINED:
        return True
    return any(found.gates and found.rank >= fail_on for found in row.vulnerabilities)
