"""What an index offers of a package: which release one could move to, and what kind of move it is.

Pages are those of the simple API (PEP 503, 691, 700, 792), already read into `Page`.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, sys_tags
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

QUARANTINED = "quarantined"
"""A project that the index keeps from being installed: PEP 792."""


class UpdateType(StrEnum):
    """The first release segment in which two versions differ."""

    MAJOR = "MAJOR"
    MINOR = "MINOR"
    PATCH = "PATCH"


class File(NamedTuple):
    """A file of a page."""

    name: str
    requires_python: str | None = None
    yanked: str | None = None
    """Why it was yanked, `""` without a reason; None where it was not."""
    uploaded_ms: int | None = None


class Page(NamedTuple):
    """What an index says of a project."""

    files: tuple[File, ...]
    status: str | None = None
    """`archived`, `deprecated`, `quarantined`; None for active."""
    reason: str | None = None


class Interpreter(NamedTuple):
    """What a file has to fit."""

    version: str
    tags: frozenset[Tag]


def interpreter_of(python: str | None) -> Interpreter:
    """That of an environment, by its `3.11`; None: the one that runs. The system is this one."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python is None or python == running:
        return Interpreter(platform.python_version(), frozenset(sys_tags()))
    version = tuple(map(int, python.split(".")))
    tags = frozenset((*cpython_tags(version), *compatible_tags(version)))
    return Interpreter(f"{python}.99", tags)  # its newest, since which one it is stands nowhere


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an installed version stands among what is offered."""

    latest: Version | None
    """The newest that could be installed; None where nothing is newer."""
    update_type: UpdateType | None
    yanked: str | None
    """Why the installed version was yanked; None where it was not."""
    held_back: Version | None
    """A newer one that does not fit this interpreter, or is younger than wanted."""


def update_type(installed: Version, newer: Version) -> UpdateType:
    """What kind of move it is; another epoch is MAJOR, all behind the third segment is PATCH."""
    if installed.epoch != newer.epoch:
        return UpdateType.MAJOR
    for segment, kind in enumerate(UpdateType):
        if _segment(installed, segment) != _segment(newer, segment):
            return kind
    return UpdateType.PATCH


def _segment(version: Version, n: int) -> int:
    return version.release[n] if n < len(version.release) else 0


def standing(
    page: Page, installed: Version, interpreter: Interpreter, before_ms: int | None = None
) -> Standing:
    """The newest release that fits, not yanked, uploaded before `before_ms` where that is given.

    A pre-release counts only where one is installed. A local version (`2.1+cpu`) is held against
    the public ones.
    """
    current = Version(installed.public)
    offers = _Offers(interpreter, current, before_ms)
    latest = newest = None
    yanks: list[str | None] = []
    for version, file in _versions(page.files):
        if version == current:
            yanks.append(file.yanked)
        if version > current and file.yanked is None and offers.wants(version):
            newest = max(newest or version, version)
            if offers.fits(file):
                latest = max(latest or version, version)
    is_yanked = bool(yanks) and all(reason is not None for reason in yanks)
    return Standing(
        latest,
        update_type(current, latest) if latest else None,
        next(filter(None, yanks), "") if is_yanked else None,
        newest if newest != latest else None,
    )


class _Offers:
    """What a file must be to be installed."""

    def __init__(self, interpreter: Interpreter, current: Version, before_ms: int | None) -> None:
        self._interpreter = interpreter
        self._takes_pre = current.is_prerelease
        self._before_ms = before_ms
        self._known: dict[str, bool] = {}

    def wants(self, version: Version) -> bool:
        return self._takes_pre or not version.is_prerelease

    def fits(self, file: File) -> bool:
        if self._before_ms is not None and (file.uploaded_ms or 0) >= self._before_ms:
            return False
        if file.name.endswith(".whl"):
            *_, tags = parse_wheel_filename(file.name)
            if self._interpreter.tags.isdisjoint(tags):
                return False
        return self._takes_python(file.requires_python)

    def _takes_python(self, requires: str | None) -> bool:
        if not requires:
            return True
        if requires not in self._known:
            try:
                specifiers = SpecifierSet(requires)
            except InvalidSpecifier:  # as pip: what cannot be read forbids nothing
                self._known[requires] = True
            else:
                version = self._interpreter.version
                self._known[requires] = specifiers.contains(version, prereleases=True)
        return self._known[requires]


def _versions(files: Iterable[File]) -> Iterable[tuple[Version, File]]:
    """The files that pip would install, each with its version."""
    for file in files:
        try:
            if file.name.endswith(".whl"):
                _, version, _, _ = parse_wheel_filename(file.name)
            elif file.name.endswith((".tar.gz", ".zip")):
                _, version = parse_sdist_filename(file.name)
            else:
                continue
        except (InvalidSdistFilename, InvalidWheelFilename, InvalidVersion):
            continue
        yield version, file
