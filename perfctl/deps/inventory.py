"""What is to be audited: each package with its version, or with the reason why it has none.

An environment is read from its site-packages; nothing in it is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import Distribution, DistributionFinder, MetadataPathFinder
from pathlib import Path

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName, default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from perfctl.collectors.packages import Environment
from perfctl.deps.feed import Release

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the target."""

    name: NormalizedName
    installed: str | None
    """The version as it stands there; None where none is said."""
    version: Version | None = None
    """The same, if it is one that can be looked up."""
    problem: str | None = None
    """Why it cannot be looked up."""
    is_direct: bool | None = None
    """Whether somebody asked for it, and not only another package."""
    requires: tuple[Requirement, ...] = ()
    """What it requires here: extras and other systems left out."""
    place: str = ""
    """Where it stands: a folder, or `requirements.txt:12`."""

    @property
    def release(self) -> Release | None:
        """What to look up: without the local part of the version."""
        if self.version is None or self.problem is not None:
            return None
        return Release(self.name, Version(self.version.public))


@dataclass(frozen=True, slots=True)
class Inventory:
    """All packages of a target, by name."""

    target: str
    origin: str
    """Who says that it is this one."""
    packages: tuple[Package, ...]
    python: str | None = None
    """`3.11`, where that is known."""
    files: tuple[Path, ...] = ()
    """The files that it was read from."""
    remarks: tuple[str, ...] = field(default=())

    def by_name(self) -> dict[NormalizedName, Package]:
        """The packages by name."""
        return {package.name: package for package in self.packages}


def read_environment(environment: Environment) -> Inventory:
    """What an environment holds; the first of a name on its path is the one that is imported."""
    context = DistributionFinder.Context(path=list(environment.paths))
    python = _python_of(environment.paths)
    found: dict[NormalizedName, Package] = {}
    unreadable = 0
    for distribution in MetadataPathFinder.find_distributions(context):
        package = _package(distribution, python)
        if package is None:
            unreadable += 1
        else:
            found.setdefault(package.name, package)
    remarks = (f"{unreadable} packages without a name or version",) if unreadable else ()
    packages = _with_directness(found)
    return Inventory(environment.target, environment.origin, packages, python, remarks=remarks)


def requirers_of(packages: Iterable[Package]) -> dict[NormalizedName, list[Package]]:
    """Who requires each package."""
    found: dict[NormalizedName, list[Package]] = {}
    for package in packages:
        for requirement in package.requires:
            found.setdefault(canonicalize_name(requirement.name), []).append(package)
    return found


def pinned(name: str, version: str | None) -> Package:
    """A package in the version that a file or its metadata says."""
    shown = None if version is None else version[:_LONGEST]
    known: Version | None = None
    problem = None
    try:
        known = Version(version or "")
    except InvalidVersion:
        problem = "no version is said" if not version else f"{shown!r} is no version of PEP 440"
    return Package(canonicalize_name(name), shown, known, problem)


def _package(distribution: Distribution, python: str | None) -> Package | None:
    try:
        metadata = distribution.metadata
        name, version = metadata["Name"], metadata["Version"]
        requires = distribution.requires or []
        origin = distribution.read_text("direct_url.json")
        is_requested = distribution.read_text("REQUESTED") is not None
    except (OSError, ValueError, KeyError):
        return None
    if not name or not name.isprintable() or not re.fullmatch(r"[\w.-]+", name):
        return None
    package = replace(
        pinned(name, version),
        is_direct=is_requested,
        requires=tuple(_requirements(requires, python)),
        place=str(distribution.locate_file("")),
    )
    problem = _problem_of(origin)
    if problem is None:
        return package
    return replace(package, problem=problem, is_direct=True)


def _problem_of(origin: str | None) -> str | None:
    """Why a package from elsewhere cannot be looked up: its version may be anything."""
    if origin is None:
        return None
    try:
        said = json.loads(origin)
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    if "dir_info" in said:
        editable = (said.get("dir_info") or {}).get("editable")
        return "installed from a folder, editable" if editable else "installed from a folder"
    if "vcs_info" in said:
        return "installed from a repository"
    return "installed from a URL" if "archive_info" in said else None


def _requirements(texts: Iterable[str], python: str | None) -> Iterable[Requirement]:
    environment = environment_of(python)
    for text in texts:
        try:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                yield requirement
        except (InvalidRequirement, UndefinedEnvironmentName, UndefinedComparison):
            continue


def environment_of(python: str | None) -> dict[str, str]:
    """What markers are judged by: this system, with the Python of the target."""
    environment: dict[str, str] = {
        name: str(value) for name, value in default_environment().items()
    }
    environment["extra"] = ""
    if python is not None and environment["python_version"] != python:
        environment |= {"python_version": python, "python_full_version": f"{python}.0"}
    return environment


def _python_of(paths: Iterable[str]) -> str | None:
    for path in paths:
        found = re.search(r"/python(3\.\d+)(?:/|$)", path)
        if found:
            return found[1]
    return None


def _with_directness(found: Mapping[NormalizedName, Package]) -> tuple[Package, ...]:
    """By what the installer has noted; where it notes nothing, what nobody requires is direct."""
    packages = sorted(found.values(), key=lambda package: package.name)
    if any(package.is_direct for package in packages):
        return tuple(packages)
    required = requirers_of(packages)
    return tuple(replace(p, is_direct=p.name not in required) for p in packages)
