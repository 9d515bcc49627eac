"""Vulnerabilities: what several databases say of one flaw, made one.

Records that share a name (CVE, GHSA, PYSEC) are about one flaw. Where they rate it differently, the
highest gates and all are shown; a fix is one that none of them is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.utils import NormalizedName
from packaging.version import Version

from perfctl.deps.advisories import Advisory
from perfctl.deps.severity import Rating, Severity, highest

_NAMED_FIRST = ("CVE-", "GHSA-", "PYSEC-")


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One flaw of a package in the version that is installed."""

    id: str
    aliases: tuple[str, ...]
    """Its other names, in order."""
    summary: str
    severity: Severity
    score: float | None
    ratings: tuple[Rating, ...]
    """What each source says, where any says something."""
    fixed_in: Version | None
    published: str | None
    references: tuple[str, ...]

    @property
    def ids(self) -> frozenset[str]:
        """All its names."""
        return frozenset((self.id, *self.aliases))


def vulnerabilities_of(
    package: NormalizedName, version: Version, advisories: Iterable[Advisory]
) -> list[Vulnerability]:
    """The flaws of a version, by the advisories that are about it; the most severe first."""
    found = [_merge(package, version, group) for group in groups_of(advisories)]
    return sorted(found, key=lambda v: (-v.severity, -(v.score or 0), v.id))


def groups_of(advisories: Iterable[Advisory]) -> list[list[Advisory]]:
    """Advisories that are about one flaw, by the names that they share, also through a third."""
    groups: list[tuple[set[str], list[Advisory]]] = []
    for advisory in advisories:
        names, members = set(advisory.ids), [advisory]
        apart = []
        for known, others in groups:
            if names.isdisjoint(known):
                apart.append((known, others))
            else:
                names |= known
                members = [*others, *members]
        groups = [*apart, (names, members)]
    return [members for _, members in groups]


def _merge(package: NormalizedName, version: Version, group: Sequence[Advisory]) -> Vulnerability:
    names = sorted({name for advisory in group for name in advisory.ids}, key=_rank)
    ratings = sorted(
        {rating for advisory in group for rating in advisory.ratings},
        key=lambda r: (-r.severity, -(r.score or 0), r.source),
    )
    gating = highest(ratings)
    return Vulnerability(
        id=names[0],
        aliases=tuple(names[1:]),
        summary=next((a.summary for a in group if a.summary), ""),
        severity=Severity.UNKNOWN if gating is None else gating.severity,
        score=None if gating is None else gating.score,
        ratings=tuple(ratings),
        fixed_in=_fixed_in(package, version, group),
        published=min(filter(None, (a.published for a in group)), default=None),
        references=tuple(dict.fromkeys(url for a in group for url in a.references)),
    )


def _fixed_in(
    package: NormalizedName, version: Version, group: Sequence[Advisory]
) -> Version | None:
    """The smallest version above that none of them is about."""
    fixes = sorted({fix for a in group for fix in a.fixes(package) if fix > version})
    return next((fix for fix in fixes if not any(a.affects(package, fix) for a in group)), None)


def _rank(name: str) -> tuple[int, str]:
    rank = next((n for n, p in enumerate(_NAMED_FIRST) if name.startswith(p)), len(_NAMED_FIRST))
    return rank, name
