"""The time line of deploys: what is on it, which one a name means, and from when to when it held."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from perfctl import units
from perfctl.errors import NoDataError, UsageError
from perfctl.model import Window
from perfctl.store import deploys
from perfctl.store.deploys import Deploy
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


def time_line(con: sqlite3.Connection) -> list[Placed]:
    """Deploys by time: those marked, and releases that were seen in the requests without a mark."""
    kept = deploys.select(con)
    marks = {deploy: Placed(deploy) for deploy in kept if deploy.state == deploys.MARKED}
    seen = [deploy for deploy in kept if deploy.state == deploys.SEEN]
    seen += [of_appearance(item) for item in deploys.appearances(con)]
    unmarked = []
    for deploy in seen:
        same = [mark for mark in marks if runs(mark, deploy.release) and share_place(mark, deploy)]
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


def share_place(one: Deploy, other: Deploy) -> bool:
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
        and share_place(placed.deploy, deploy)
        and not is_same(placed.deploy, deploy)
    ]
    return before[-1] if before else None


def following(line: Iterable[Placed], deploy: Deploy) -> Placed | None:
    """The first deploy of something else in the same environment after this one."""
    after = (
        placed
        for placed in line
        if placed.deploy.at_ms > deploy.at_ms
        and share_place(placed.deploy, deploy)
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
