"""Scans a target: advisories and pip-audit for what is wrong, the index for what is newer.

Each package ends as ok, outdated, vulnerable or unverified. A question that nobody answered makes it
unverified, whichever question it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.utils import NormalizedName

from perfctl.deps import feed, index, pip_audit
from perfctl.deps.feed import Feed, Record, Release
from perfctl.deps.http import Refused
from perfctl.deps.ignores import Ignore, ignore_of
from perfctl.deps.imports import Imported
from perfctl.deps.index import NotListed
from perfctl.deps.inventory import Inventory, Package, requirers_of
from perfctl.deps.pip_audit import AuditFailed
from perfctl.deps.pipconfig import Indexes
from perfctl.deps.releases import Page, Standing, interpreter_of, standing
from perfctl.deps.report import PackageRow, PackageStatus, RatingRow, Scan, VulnerabilityRow
from perfctl.deps.vulnerabilities import Vulnerability, groups_of, vulnerabilities_of
from perfctl.errors import NoDataError, UsageError
from perfctl.units import format_duration, iso_utc

Progress = Callable[[str, int, int], None]
"""Hears what is done: a word, how many, of how many."""


def _quiet(what: str, done: int, total: int) -> None:
    pass


class Wanted(NamedTuple):
    """How to scan."""

    osv_url: str = feed.PUBLIC_OSV
    offline: Path | None = None
    """A database to use in place of the service."""
    max_age_ms: int | None = None
    """How old that may be."""
    indexes: Indexes | None = Indexes()
    """None: do not look for what is newer."""
    min_age_ms: int | None = None
    """How long a release must have lain on the index to count."""
    ignores: tuple[Ignore, ...] = ()
    allowed: frozenset[NormalizedName] = frozenset()
    """What may stay unverified."""


def scan(
    inventory: Inventory,
    wanted: Wanted,
    now_ms: int,
    *,
    imported: Mapping[NormalizedName, Imported] | None = None,
    progress: Progress = _quiet,
) -> Scan:
    """Look up every package of the target."""
    releases = sorted({p.release for p in inventory.packages if p.release is not None})
    found = _advisories(releases, wanted, now_ms, progress)
    judged, tool = _judge(found)
    standings = _standings(inventory, wanted, now_ms, progress)
    looker = _Looker(inventory, wanted, now_ms, found, judged, standings, imported or {})
    rows = [looker.row(package) for package in inventory.packages]
    audited = sum(p.release in judged for p in inventory.packages if p.release is not None)
    used = looker.used
    return Scan(
        target=inventory.target,
        origin=inventory.origin,
        packages=rows,
        audited=audited,
        total=len(rows),
        advisories_as_of=None if found.as_of_ms is None else iso_utc(found.as_of_ms),
        advisories_from=str(wanted.offline or wanted.osv_url),
        tool=tool,
        scanned_at=iso_utc(now_ms),
        ignores_unused=[ignore.id for ignore in wanted.ignores if ignore not in used],
    )


def _advisories(
    releases: Sequence[Release], wanted: Wanted, now_ms: int, progress: Progress
) -> Feed:
    if wanted.offline is None:
        progress("advisories", 0, len(releases))
        found = feed.ask_service(
            wanted.osv_url, releases, lambda done, total: progress("advisories", done, total)
        )
        found.as_of_ms = now_ms if found.known else None
        return found
    try:
        found = feed.ask_database(wanted.offline, releases)
    except feed.NoDatabase as exc:
        raise UsageError(str(exc), "--offline takes a folder or a zip of OSV records") from exc
    age_ms = now_ms - (found.as_of_ms or 0)
    if wanted.max_age_ms is not None and age_ms > wanted.max_age_ms:
        raise NoDataError(
            f"the advisories of {wanted.offline} are {format_duration(age_ms * 1000)} old",
            "fetch them anew, or give a larger --max-age",
        )
    return found


def _judge(found: Feed) -> tuple[dict[Release, tuple[str, ...]], str | None]:
    """What pip-audit says; where it fails, nothing is known."""
    try:
        report = pip_audit.audit(found.known)
    except AuditFailed as exc:
        found.failed |= dict.fromkeys(found.known, str(exc))
        return {}, None
    return report.ids, f"pip-audit {report.tool}"


def _standings(
    inventory: Inventory, wanted: Wanted, now_ms: int, progress: Progress
) -> dict[NormalizedName, Standing | Page | Refused | NotListed]:
    if wanted.indexes is None:
        return {}
    names = sorted({p.name for p in inventory.packages if p.release is not None})
    done: list[NormalizedName] = []

    def note(name: NormalizedName) -> None:
        done.append(name)
        progress("index", len(done), len(names))

    return dict(index.ask(wanted.indexes, names, note=note))


class _Looker:
    """Puts together what is known of each package."""

    def __init__(
        self,
        inventory: Inventory,
        wanted: Wanted,
        now_ms: int,
        found: Feed,
        judged: Mapping[Release, tuple[str, ...]],
        pages: Mapping[NormalizedName, object],
        imported: Mapping[NormalizedName, Imported],
    ) -> None:
        self._wanted = wanted
        self._now_ms = now_ms
        self._found = found
        self._judged = judged
        self._pages = pages
        self._imported = imported
        self._requirers = requirers_of(inventory.packages)
        self._interpreter = interpreter_of(inventory.python)
        self.used: set[Ignore] = set()

    def row(self, package: Package) -> PackageRow:
        """All that is known of one."""
        flaws, problem = self._flaws(package)
        rows = [self._flaw(package, flaw) for flaw in flaws]
        stands, page, index_problem = self._standing(package)
        problem = problem or index_problem
        by = {p.name for p in self._requirers.get(package.name, ())}
        return PackageRow(
            name=package.name,
            installed=package.installed,
            latest=None if stands is None or stands.latest is None else str(stands.latest),
            update_type=None if stands is None else stands.update_type,
            status=_status(rows, problem, stands),
            vulnerabilities=rows,
            direct=package.is_direct,
            imported=self._imported.get(package.name),
            required_by=sorted(by),
            problem=problem,
            allowed=problem is not None and package.name in self._wanted.allowed,
            yanked=None if stands is None else stands.yanked,
            project_status=None if page is None else page.status,
            held_back=None if stands is None or stands.held_back is None else str(stands.held_back),
            place=package.place,
        )

    def _flaws(self, package: Package) -> tuple[list[Vulnerability], str | None]:
        release = package.release
        if release is None:
            return [], package.problem or "no version is known"
        if release in self._found.failed:
            return [], self._found.failed[release]
        records = self._found.known.get(release, [])
        if not _agree(records, self._judged.get(release, ())):
            return [], "pip-audit and the advisories do not agree"
        return vulnerabilities_of(*release, [record.advisory for record in records]), None

    def _flaw(self, package: Package, flaw: Vulnerability) -> VulnerabilityRow:
        ignore = ignore_of(self._wanted.ignores, package.name, flaw)
        is_over = ignore is not None and ignore.is_over(self._now_ms)
        if ignore is not None:
            self.used.add(ignore)
        return VulnerabilityRow(
            id=flaw.id,
            aliases=list(flaw.aliases),
            severity=flaw.severity.word,
            score=flaw.score,
            fixed_in=[] if flaw.fixed_in is None else [str(flaw.fixed_in)],
            summary=flaw.summary,
            ratings=[RatingRow(r.source, r.severity.word, r.score) for r in flaw.ratings],
            published=flaw.published,
            url=f"https://osv.dev/vulnerability/{flaw.id}",
            ignored=None if ignore is None or is_over else ignore.reason,
            ignore_ended=is_over,
        )

    def _standing(self, package: Package) -> tuple[Standing | None, Page | None, str | None]:
        if package.release is None or self._wanted.indexes is None:
            return None, None, None
        match self._pages.get(package.name):
            case Page() as page:
                before_ms = None
                if self._wanted.min_age_ms is not None:
                    before_ms = self._now_ms - self._wanted.min_age_ms
                return (
                    standing(page, package.release.version, self._interpreter, before_ms),
                    page,
                    None,
                )
            case NotListed():
                return None, None, "no index has it"
            case reason:
                return None, None, f"the index did not answer: {reason}"


def _agree(records: Sequence[Record], ids: Sequence[str]) -> bool:
    """Whether pip-audit names each flaw of the records, and no other."""
    groups = groups_of([record.advisory for record in records])
    flaws = [{name for advisory in group for name in advisory.ids} for group in groups]
    named = set(ids)
    return named <= set().union(*flaws) and not any(names.isdisjoint(named) for names in flaws)


def _status(
    flaws: Sequence[VulnerabilityRow], problem: str | None, stands: Standing | None
) -> PackageStatus:
    if any(flaw.gates for flaw in flaws):
        return PackageStatus.VULNERABLE
    if problem is not None:
        return PackageStatus.UNVERIFIED
    is_outdated = stands is not None and stands.latest is not None
    return PackageStatus.OUTDATED if is_outdated else PackageStatus.OK
