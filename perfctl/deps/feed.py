"""Looks up advisories for many packages at once: at an OSV service, or in a database on disk.

The service is asked by `querybatch` (https://google.github.io/osv.dev/post-v1-querybatch/) and then
for each record once. What could not be looked up is named, with the reason: never taken for clean.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import NormalizedName
from packaging.version import Version

from perfctl.deps.advisories import Advisory, parse_advisory
from perfctl.deps.http import Refused, get_json, open_session, post_json

if TYPE_CHECKING:
    import requests

PUBLIC_OSV = "https://api.osv.dev"
BATCH = 1000
JOBS = 16
_MOST_PAGES = 100
_LARGEST_RECORD = 20_000_000


class Release(NamedTuple):
    """A package in a version; what is local in the version is left out."""

    name: NormalizedName
    version: Version


@dataclass(frozen=True, slots=True)
class Record:
    """An advisory, and as the database has it."""

    advisory: Advisory
    raw: dict[str, Any]


@dataclass(slots=True)
class Feed:
    """What was found of the releases that were looked up."""

    known: dict[Release, list[Record]] = field(default_factory=dict)
    """Each that was looked up, with the advisories about it."""
    failed: dict[Release, str] = field(default_factory=dict)
    """Each that was not, with the reason."""
    as_of_ms: int | None = None
    """When the database last changed, where that is known."""
    remarks: list[str] = field(default_factory=list)


Note = Callable[[int, int], None]
"""Hears how much is done of how much."""


def _quiet(done: int, total: int) -> None:
    pass


def ask_service(url: str, releases: Sequence[Release], note: Note = _quiet) -> Feed:
    """What an OSV service knows; `url` is its base, with or without `/v1`."""
    base = url.rstrip("/").removesuffix("/v1")
    feed = Feed()
    ids: dict[Release, list[str]] = {}
    with open_session(JOBS) as session:
        for at in range(0, len(releases), BATCH):
            chunk = releases[at : at + BATCH]
            try:
                ids |= _query(session, base, chunk)
            except Refused as exc:
                feed.failed |= dict.fromkeys(chunk, str(exc))
        wanted = sorted({name for names in ids.values() for name in names})
        records = _fetch(session, base, wanted, note)
    for release, names in ids.items():
        found = [records[name] for name in names]
        bad = next((item for item in found if isinstance(item, Refused)), None)
        if bad is not None:
            feed.failed[release] = str(bad)
        else:
            feed.known[release] = [item for item in found if isinstance(item, Record)]
    return feed


def _query(
    session: requests.Session, base: str, chunk: Sequence[Release]
) -> dict[Release, list[str]]:
    """The ids of each release, over all pages."""
    ids: dict[Release, list[str]] = {release: [] for release in chunk}
    todo: list[tuple[Release, str | None]] = [(release, None) for release in chunk]
    for _ in range(_MOST_PAGES):
        if not todo:
            return ids
        queries = [_as_query(release, token) for release, token in todo]
        results = post_json(session, f"{base}/v1/querybatch", {"queries": queries}).get("results")
        if not isinstance(results, list) or len(results) != len(todo):
            raise Refused(f"{base} answered for other packages than it was asked for")
        pages, todo = zip(todo, results, strict=True), []
        for (release, _), result in pages:
            ids[release] += [str(item["id"]) for item in result.get("vulns") or ()]
            if result.get("next_page_token"):
                todo.append((release, str(result["next_page_token"])))
    raise Refused(f"{base} has no end of pages")


def _as_query(release: Release, token: str | None) -> dict[str, Any]:
    package = {"name": release.name, "ecosystem": "PyPI"}
    query: dict[str, Any] = {"package": package, "version": str(release.version)}
    return query if token is None else {**query, "page_token": token}


def _fetch(
    session: requests.Session, base: str, ids: Sequence[str], note: Note
) -> dict[str, Record | Refused | None]:
    """The record of each id; None for one that is withdrawn."""

    def fetch(name: str) -> Record | Refused | None:
        try:
            raw = get_json(session, f"{base}/v1/vulns/{name}")
            advisory = parse_advisory(raw)
        except (Refused, ValueError) as exc:
            return Refused(f"advisory {name} could not be read: {exc}")
        return None if advisory is None else Record(advisory, raw)

    with ThreadPoolExecutor(JOBS) as pool:
        found: dict[str, Record | Refused | None] = {}
        for name, record in zip(ids, pool.map(fetch, ids), strict=True):
            found[name] = record
            note(len(found), len(ids))
    return found


class NoDatabase(Exception):
    """What is given as a database is none."""


def ask_database(place: Path, releases: Sequence[Release]) -> Feed:
    """What a folder or a zip of OSV records knows: JSON, or YAML as PyPA keeps them.

    Raises NoDatabase where it holds no record. Records that cannot be read make the answer about the
    packages that they may be about unknown, so any of them raises too.
    """
    wanted = {release.name for release in releases}
    by_name: dict[NormalizedName, list[Record]] = {}
    newest: int | None = None
    total = 0
    for name, raw in _records(place):
        total += 1
        try:
            advisory = parse_advisory(raw)
        except ValueError as exc:
            raise NoDatabase(f"{place}: {name} is {exc}") from exc
        changed = _time_ms(raw.get("modified"))
        newest = max(newest or 0, changed) if changed else newest
        if advisory is not None:
            for package in {a.package for a in advisory.affected} & wanted:
                by_name.setdefault(package, []).append(Record(advisory, raw))
    if not total:
        raise NoDatabase(f"{place} holds no record of OSV")
    known = {
        release: [r for r in by_name.get(release.name, []) if r.advisory.affects(*release)]
        for release in releases
    }
    return Feed(known, as_of_ms=newest)


def _records(place: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, text in _texts(place):
        try:
            found = _load(name, text)
        except ValueError as exc:
            raise NoDatabase(f"{place}: {name} cannot be read: {exc}") from exc
        yield from ((name, item) for item in (found if isinstance(found, list) else [found]))


def _texts(place: Path) -> Iterable[tuple[str, bytes]]:
    kinds = (".json", ".yaml", ".yml")
    try:
        if place.is_dir():
            paths = sorted(p for p in place.rglob("*") if p.suffix in kinds and p.is_file())
            for path in paths:
                name = path.relative_to(place)
                if not any(part.startswith(".") for part in name.parts):
                    yield str(name), path.read_bytes()
            return
        with zipfile.ZipFile(place) as archive:
            for item in archive.infolist():
                if item.filename.endswith(kinds) and item.file_size < _LARGEST_RECORD:
                    yield item.filename, archive.read(item)
    except (OSError, zipfile.BadZipFile) as exc:
        raise NoDatabase(f"{place} cannot be read: {exc}") from exc


def _load(name: str, text: bytes) -> Any:
    if name.endswith(".json"):
        return json.loads(text)
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as exc:
        raise ValueError(str(exc).partition("\n")[0]) from exc


def _time_ms(text: object) -> int | None:
    if isinstance(text, datetime):
        return int(text.timestamp() * 1000)
    try:
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except ValueError:
        return None
