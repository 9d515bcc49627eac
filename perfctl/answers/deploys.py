"""`deploy`: what was deployed when, with which packages; and a deploy as an interval."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from perfctl import units
from perfctl.answers.answer import Answer, Question, answer
from perfctl.errors import NoDataError, UsageError
from perfctl.model import Window
from perfctl.store import deploys
from perfctl.store.deploys import Deploy, Packages
from perfctl.units import iso_utc

PREFIX = "deploy:"
_LATEST = "latest"
_PREVIOUS = "previous"
_SHORTEST_COMMIT = 4
_SHORTEST_RELEASE = 7
_MARK_HINT = "perfctl deploy mark REF, at each deploy"


class Placed(NamedTuple):
    """A deploy on the time line, and when its release first answered a request."""

    deploy: Deploy
    first_request_ms: int | None = None


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


def time_line(con: sqlite3.Connection) -> list[Placed]:
    """Deploys by time: those marked, and releases that were seen in the requests without a mark."""
    kept = deploys.select(con)
    marks = {deploy: Placed(deploy) for deploy in kept if deploy.state == deploys.MARKED}
    seen = [deploy for deploy in kept if deploy.state == deploys.SEEN]
    seen += [of_appearance(item) for item in deploys.appearances(con)]
    unmarked = []
    for deploy in seen:
        same = [mark for mark in marks if runs(mark, deploy.release) and _share_place(mark, deploy)]
        if same:
            nearest = min(same, key=lambda mark: abs(mark.at_ms - deploy.at_ms))
            marks[nearest] = Placed(nearest, deploy.at_ms)
        else:
            unmarked.append(Placed(deploy, deploy.at_ms))
    return sorted([*marks.values(), *unmarked], key=lambda placed: placed.deploy.at_ms)


def of_appearance(item: deploys.Appearance) -> Deploy:
    """The deploy that a release stands for which nobody marked."""
    return Deploy(
        0, item.at_ms, deploys.SEEN, item.host, item.environment, item.release, "", "", "requests",
        None, None,
    )  # fmt: skip


def runs(deploy: Deploy, release: str) -> bool:
    """Whether requests of a release run a deploy: by its name or its commit, maybe shortened."""
    if not release:
        return False
    if release in (deploy.release, deploy.ref, deploy.commit_id):
        return True
    short, long = sorted((release.lower(), deploy.commit_id), key=len)
    return len(short) >= _SHORTEST_RELEASE and long.startswith(short)


def _share_place(one: Deploy, other: Deploy) -> bool:
    """Whether both may be of one environment: the same, or one does not say."""
    return not one.environment or not other.environment or one.environment == other.environment


def is_same(one: Deploy, other: Deploy) -> bool:
    """Whether both put the same thing into the same environment."""
    return one[4:8] == other[4:8]


def find(con: sqlite3.Connection, ref: str) -> tuple[list[Placed], Placed]:
    """The newest deploy of a release, a ref or a commit, with the time line that it stands on.

    `latest` and `previous` name the last two. UsageError with the nearest for one that is unknown.
    """
    line = time_line(con)
    if not line:
        raise NoDataError("no deploy is known: none is marked, no request names a release",
                          _MARK_HINT)  # fmt: skip
    for placed in reversed(line):
        deploy = placed.deploy
        if ref and ref in (deploy.release, deploy.ref, deploy.commit_id):
            return line, placed
    if ref == _LATEST:
        return line, line[-1]
    if ref == _PREVIOUS and (before := previous(line, line[-1].deploy)):
        return line, before
    for placed in reversed(line):
        if len(ref) >= _SHORTEST_COMMIT and placed.deploy.commit_id.startswith(ref.lower()):
            return line, placed
    names = list(dict.fromkeys(placed.deploy.name for placed in reversed(line)))
    near = get_close_matches(ref, names, n=3, cutoff=0.4) or names[:3]
    raise UsageError(f"no deploy {ref!r} is known", f"did you mean {', '.join(near)}?")


def previous(line: Iterable[Placed], deploy: Deploy) -> Placed | None:
    """The last deploy of something else in the same environment before this one."""
    before = [
        placed
        for placed in line
        if placed.deploy.at_ms < deploy.at_ms
        and _share_place(placed.deploy, deploy)
        and not is_same(placed.deploy, deploy)
    ]
    return before[-1] if before else None


def following(line: Iterable[Placed], deploy: Deploy) -> Placed | None:
    """The first deploy of something else in the same environment after this one."""
    after = (
        placed
        for placed in line
        if placed.deploy.at_ms > deploy.at_ms
        and _share_place(placed.deploy, deploy)
        and not is_same(placed.deploy, deploy)
    )
    return next(after, None)


def interval(line: Iterable[Placed], deploy: Deploy, now_ms: int) -> Window:
    """From a deploy to the next one of its environment, or to now."""
    after = following(line, deploy)
    until_ms = now_ms if after is None else after.deploy.at_ms
    return Window(deploy.at_ms, max(until_ms, deploy.at_ms + 1))


def parse_window(
    con: sqlite3.Connection, since: str | None, until: str | None, now_ms: int, default_ms: int
) -> Window:
    """The window where an edge is `deploy:REF`: since a deploy and up to the next one, or until it."""
    until_ms = now_ms
    if until is not None:
        until_ms = _moment(con, until, now_ms)
    if since is None:
        return Window(max(0, until_ms - default_ms), until_ms)
    if not since.startswith(PREFIX):
        since_ms = units.parse_moment(since, now_ms)
    else:
        line, placed = find(con, since.removeprefix(PREFIX))
        if until is None:
            return interval(line, placed.deploy, now_ms)
        since_ms = placed.deploy.at_ms
    if since_ms >= until_ms:
        raise UsageError(
            f"the window is empty: it would begin at {iso_utc(since_ms)} "
            f"and end at {iso_utc(until_ms)}",
            "give a --since that lies before --until; perfctl deploy lists when deploys were",
        )
    return Window(since_ms, until_ms)


def _moment(con: sqlite3.Connection, text: str, now_ms: int) -> int:
    if not text.startswith(PREFIX):
        return units.parse_moment(text, now_ms)
    _, placed = find(con, text.removeprefix(PREFIX))
    return placed.deploy.at_ms


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
        and _share_place(placed.deploy, deploy)
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
