"""Puts deploys and changes of packages on the time line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from perfctl.answers import timeline
from perfctl.collectors import packages
from perfctl.collectors.packages import Contents, Environment
from perfctl.collectors.release import Release
from perfctl.store import deploys, systems
from perfctl.store.connection import reading, transaction, writing
from perfctl.store.deploys import Deploy, Sighting

_COLLECTOR = "packages"


class Marked(NamedTuple):
    """The deploy as it is kept, and whether it is new."""

    deploy: Deploy
    is_new: bool


def places(store: Path, cwd: Path) -> tuple[Path, ...]:
    """Where the project may be: around a store in its `.perfctl`, then where the command was run."""
    project = (store.parent.parent,) if store.parent.name == ".perfctl" else ()
    return (*project, cwd)


def mark(
    store: Path,
    release: Release,
    environment: Environment,
    contents: Contents,
    host: str,
    at_ms: int,
) -> Marked:
    """Put a release with the packages of an environment on the time line.

    The same again, with the same packages, is no other deploy: the mark that stands is returned.
    """
    with writing(store) as con, transaction(con):
        number = deploys.keep_packages(con, contents.packages) if contents.packages else None
        deploy = Deploy(
            id=0,
            at_ms=at_ms,
            state=deploys.MARKED,
            host=host,
            environment=release.environment,
            release=release.release,
            ref=release.ref,
            commit_id=release.commit_id,
            origin=release.origin,
            target=None if number is None else environment.target,
            package_set_id=number,
        )
        last = _standing(deploys.select(con), deploy)
        if last is not None:
            return Marked(last, is_new=False)
        if number is not None:
            deploys.sight(con, Sighting(at_ms, host, environment.target, number))
        return Marked(deploy._replace(id=deploys.add(con, deploy)), is_new=True)


def _standing(known: Iterable[Deploy], deploy: Deploy) -> Deploy | None:
    """The mark before this one in its environment, if it is of the same release and packages."""
    marks = [
        other
        for other in known
        if other.state == deploys.MARKED
        and other.environment == deploy.environment
        and other.at_ms <= deploy.at_ms
    ]
    if not marks or not timeline.is_same(marks[-1], deploy):
        return None
    return marks[-1] if marks[-1].package_set_id == deploy.package_set_id else None


def note_seen(store: Path) -> int:
    """Keep when each new release first answered a request, while its minute is known; how many."""
    with reading(store) as con:
        if not deploys.appearances(con):
            return 0
    with writing(store) as con, transaction(con):
        found = deploys.appearances(con)
        for item in found:
            deploys.add(con, timeline.of_appearance(item))
    return len(found)


def note_packages(
    store: Path, host: str, now_ms: int, environ: Mapping[str, str], folders: Iterable[Path]
) -> bool:
    """Keep the package set of the project's environment where it changed; True if it did."""
    environment = packages.find_environment(environ, folders)
    state = json.dumps([environment.target, packages.stamp(environment)])
    with reading(store) as con:
        known = {item.host: item.state for item in systems.collectors(con, _COLLECTOR)}
    if known.get(host) == state:
        return False
    contents = packages.read_packages(environment)
    if not contents.packages:
        return False
    with writing(store) as con, transaction(con):
        number = deploys.keep_packages(con, contents.packages)
        is_news = deploys.sight(con, Sighting(now_ms, host, environment.target, number))
        systems.note_collector(con, host, now_ms, None, state, _COLLECTOR)
    return is_news
