"""`deploy`: what was deployed when, and what each deploy changed in the packages."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from perfctl.answers.answer import Answer, Question, answer
from perfctl.answers.timeline import Placed, share_place, time_line
from perfctl.store import deploys
from perfctl.store.deploys import Deploy, Packages
from perfctl.units import iso_utc


class PackageChange(NamedTuple):
    """A package that an environment held before and after; None where it was not there."""

    name: str
    before: str | None
    after: str | None

    @property
    def text(self) -> str:
        """`django 5.2.1 → 5.2.8`, `orjson 3.11 (new)`, `six 1.17 (removed)`."""
        if self.before is None:
            return f"{self.name} {self.after} (new)"
        if self.after is None:
            return f"{self.name} {self.before} (removed)"
        return f"{self.name} {self.before} → {self.after}"


class DeployRow(NamedTuple):
    """One deploy; what is not known is None, `changes` too where there is no set to compare with."""

    id: int | None
    name: str
    at: str
    state: str
    release: str | None
    ref: str | None
    commit: str | None
    environment: str | None
    host: str | None
    origin: str | None
    first_request_at: str | None
    python_environment: str | None
    packages: int | None
    changes: list[PackageChange] | None


class PackageChanges(NamedTuple):
    """An environment whose packages changed, as `collect` found it."""

    at: str
    host: str
    python_environment: str
    changes: list[PackageChange]


def list_deploys(question: Question) -> Answer:
    """All deploys and the changes of packages between collections, newest first."""
    line = time_line(question.con)
    rows = [describe(question.con, line, placed) for placed in reversed(line)]
    changed = [
        PackageChanges(iso_utc(at_ms), host, target, changes)
        for at_ms, host, target, changes in reversed(package_changes(question.con))
    ]
    data = {"deploys": rows, "package_changes": changed}
    return answer(question, "deploy", data, len(rows))._replace(window=None)


def describe_mark(
    question: Question, deploy: Deploy, origin: str, unreadable: int, *, is_new: bool
) -> Answer:
    """The mark that was set, or the one that stood already; `origin` says whose packages these are."""
    line = time_line(question.con)
    placed = next((item for item in line if item.deploy.id == deploy.id), Placed(deploy))
    warnings = []
    if deploy.package_set_id is None:
        warnings.append(f"no packages were found in {origin}: the mark has no package set")
    if unreadable:
        warnings.append(f"{unreadable} packages could not be read")
    data = {
        "deploy": describe(question.con, line, placed),
        "is_new": is_new,
        "packages_of": origin,
    }
    return answer(question, "deploy.mark", data, 1, warnings=tuple(warnings))._replace(window=None)


def describe(con: sqlite3.Connection, line: list[Placed], placed: Placed) -> DeployRow:
    """A deploy as it is shown."""
    deploy, first_ms = placed
    number = deploy.package_set_id
    return DeployRow(
        id=deploy.id or None,
        name=deploy.name,
        at=iso_utc(deploy.at_ms),
        state=deploy.state,
        release=deploy.release or None,
        ref=deploy.ref or None,
        commit=deploy.commit_id or None,
        environment=deploy.environment or None,
        host=deploy.host or None,
        origin=deploy.origin or None,
        first_request_at=None if first_ms is None else iso_utc(first_ms),
        python_environment=deploy.target,
        packages=None if number is None else len(deploys.packages_of(con, number)),
        changes=changes_of(con, line, deploy),
    )


def changes_of(
    con: sqlite3.Connection, line: Iterable[Placed], deploy: Deploy
) -> list[PackageChange] | None:
    """The packages that a deploy changed; None where one of both sets is not known.

    Against the set of the deploy before it, else against what its environment held before.
    """
    if deploy.package_set_id is None:
        return None
    earlier = [
        placed.deploy.package_set_id
        for placed in line
        if placed.deploy.at_ms < deploy.at_ms
        and placed.deploy.package_set_id is not None
        and share_place(placed.deploy, deploy)
    ]
    if not earlier:
        earlier = [
            sighting.package_set_id
            for sighting in deploys.sightings(con)
            if sighting.at_ms < deploy.at_ms and sighting.target == deploy.target
        ]
    if not earlier:
        return None
    return compare_sets(con, earlier[-1], deploy.package_set_id)


def package_changes(
    con: sqlite3.Connection,
) -> list[tuple[int, str, str, list[PackageChange]]]:
    """(time, host, environment, changes) of each change that was found, oldest first."""
    last: dict[tuple[str, str], int] = {}
    found = []
    for sighting in deploys.sightings(con):
        place = sighting.host, sighting.target
        before = last.get(place)
        if before is not None:
            changes = compare_sets(con, before, sighting.package_set_id)
            found.append((sighting.at_ms, *place, changes))
        last[place] = sighting.package_set_id
    return found


def compare_sets(con: sqlite3.Connection, before: int, after: int) -> list[PackageChange]:
    """What differs between two package sets, by name."""
    if before == after:
        return []
    return compare(deploys.packages_of(con, before), deploys.packages_of(con, after))


def compare(before: Packages, after: Packages) -> list[PackageChange]:
    """What differs, by name."""
    return [
        PackageChange(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
