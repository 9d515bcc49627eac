"""Advisories as OSV has them: which versions one affects, and which version ends it.

The schema is https://ossf.github.io/osv-schema/; `affects` is its evaluation algorithm for the
ecosystem PyPI, whose versions are ordered by PEP 440.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from perfctl.deps.severity import Rating, Severity, of_vector, of_word

_ECOSYSTEM = "PyPI"
_BEFORE_ALL = Version("0.dev0")


@dataclass(frozen=True, slots=True)
class Event:
    """Where a range begins (`introduced`) or ends (`fixed`, `last_affected`)."""

    kind: str
    version: Version


@dataclass(frozen=True, slots=True)
class Affected:
    """The versions of one package that an advisory is about."""

    package: NormalizedName
    versions: frozenset[Version]
    ranges: tuple[tuple[Event, ...], ...]

    def holds(self, version: Version) -> bool:
        """Whether a version is affected: one that is listed is, whatever the ranges say."""
        return version in self.versions or any(
            _is_within(events, version) for events in self.ranges
        )


@dataclass(frozen=True, slots=True)
class Advisory:
    """One record of a database."""

    id: str
    aliases: frozenset[str]
    summary: str
    published: str | None
    modified: str | None
    ratings: tuple[Rating, ...]
    affected: tuple[Affected, ...]
    references: tuple[str, ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        """All names of the flaw that the record knows."""
        return self.aliases | {self.id}

    def affects(self, package: NormalizedName, version: Version) -> bool:
        """Whether it is about that version of a package."""
        return any(a.package == package and a.holds(version) for a in self.affected)

    def fixes(self, package: NormalizedName) -> set[Version]:
        """The versions of a package that it names as fixed, of all its branches."""
        return {
            event.version
            for affected in self.affected
            if affected.package == package
            for events in affected.ranges
            for event in events
            if event.kind == "fixed"
        }


def parse_advisory(record: Mapping[str, Any]) -> Advisory | None:
    """A record of OSV; None for one that is withdrawn or about no package of PyPI.

    Raises ValueError where it is none at all.
    """
    try:
        if record.get("withdrawn"):
            return None
        affected = tuple(_affected(record["affected"]))
        if not affected:
            return None
        return Advisory(
            id=str(record["id"]),
            aliases=frozenset(map(str, record.get("aliases") or ())),
            summary=_summary(record),
            published=record.get("published"),
            modified=record.get("modified"),
            ratings=tuple(_ratings(record)),
            affected=affected,
            references=tuple(str(r["url"]) for r in record.get("references") or () if "url" in r),
        )
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"not a record of OSV: {exc!r}") from exc


def _affected(items: Iterable[Mapping[str, Any]]) -> Iterable[Affected]:
    for item in items:
        package = item.get("package") or {}
        if package.get("ecosystem") != _ECOSYSTEM:
            continue
        ranges = tuple(
            _events(span["events"])
            for span in item.get("ranges") or ()
            if span.get("type") == "ECOSYSTEM"
        )
        versions = frozenset(filter(None, map(_version, item.get("versions") or ())))
        yield Affected(canonicalize_name(package["name"]), versions, ranges)


def _events(items: Iterable[Mapping[str, str]]) -> tuple[Event, ...]:
    """In the order of their versions; one that cannot be read never makes a range smaller."""
    events = []
    for item in items:
        for kind, text in item.items():
            version = _version(text)
            if kind == "introduced" and version is None:
                version = _BEFORE_ALL
            if version is not None:
                events.append(Event(kind, _BEFORE_ALL if text == "0" else version))
    return tuple(sorted(events, key=lambda event: event.version))


def _is_within(events: tuple[Event, ...], version: Version) -> bool:
    is_affected = False
    for event in events:
        match event.kind:
            case "introduced" if version >= event.version:
                is_affected = True
            case "fixed" if version >= event.version:
                is_affected = False
            case "last_affected" if version > event.version:
                is_affected = False
            case _:
                pass
    return is_affected


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _summary(record: Mapping[str, Any]) -> str:
    text = str(record.get("summary") or record.get("details") or "")
    return text.strip().partition("\n")[0][:300]


def _ratings(record: Mapping[str, Any]) -> Iterable[Rating]:
    """What the record says of its severity: vectors, else the database's own word."""
    source = str(record["id"])
    items = list(record.get("severity") or ())
    items += [s for item in record["affected"] for s in item.get("severity") or ()]
    vectors = list(dict.fromkeys(str(item["score"]) for item in items))
    found = [(vector, of_vector(vector)) for vector in vectors]
    rated = [Rating(source, band[0], band[1], vector) for vector, band in found if band]
    word = (record.get("database_specific") or {}).get("severity")
    if not rated and isinstance(word, str) and of_word(word) is not Severity.UNKNOWN:
        rated = [Rating(source, of_word(word), None, None)]
    return rated
