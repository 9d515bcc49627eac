"""What files declare: requirements, pyproject.toml, and the locks of pip, uv and poetry.

Files are only read: no variable is put in, no address asked, no file outside the folder of the first
one followed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from perfctl.deps.inventory import Inventory, Package, pinned
from perfctl.errors import UsageError
from perfctl.visible import visible

LOCKS = {
    "uv.lock": "uv lock --upgrade-package NAME",
    "poetry.lock": "poetry update NAME",
    "pylock.toml": "the tool that wrote pylock.toml",
}
"""Files that are read and not changed, and what changes them."""
_NOT_PINNED = "not pinned"
_MOST_FILES = 100


def read_files(paths: Iterable[Path], environment: Inventory | None = None) -> Inventory:
    """The packages of all files; a range is taken as what the environment has of it.

    UsageError for a file that does not exist or cannot be read.
    """
    files = [path.absolute() for path in paths]
    found: dict[tuple[NormalizedName, str | None], Package] = {}
    remarks: list[str] = []
    read: list[Path] = []
    for path in files:
        reader = _Reader(path, environment)
        for package in reader.packages():
            found.setdefault((package.name, package.installed), package)
        remarks += reader.remarks
        read += reader.read
    packages = tuple(sorted(found.values(), key=lambda p: (p.name, p.installed or "")))
    target = ", ".join(map(str, files))
    python = environment.python if environment is not None else None
    return Inventory(target, "named", packages, python, tuple(read), tuple(remarks))


def is_lock(path: Path) -> bool:
    """Whether a file is written by a tool, which alone may change it."""
    return path.name in LOCKS or (path.name.startswith("pylock.") and path.suffix == ".toml")


class _Reader:
    """Reads one file, and those that it names."""

    def __init__(self, path: Path, environment: Inventory | None) -> None:
        self._first = path
        self._have = environment.by_name() if environment is not None else {}
        self.remarks: list[str] = []
        self.read: list[Path] = []

    def packages(self) -> Iterator[Package]:
        """What the file declares."""
        path = self._first
        self.read.append(path)
        if path.name == "pyproject.toml":
            yield from self._pyproject(_toml(path))
        elif path.name == "uv.lock":
            yield from _of_uv(_toml(path), path)
        elif path.name == "poetry.lock":
            yield from _of_poetry(_toml(path), path)
        elif is_lock(path):
            yield from _of_pylock(_toml(path), path)
        else:
            yield from self._requirements(path)

    def _pyproject(self, data: Mapping[str, Any]) -> Iterator[Package]:
        project = data.get("project") or {}
        groups: dict[str, Any] = {"dependencies": project.get("dependencies") or []}
        groups |= project.get("optional-dependencies") or {}
        groups |= data.get("dependency-groups") or {}
        for name, items in groups.items():
            for item in items:
                if isinstance(item, str):  # else it includes another group, which is read anyway
                    yield self._declared(self._parse(item, name), f"{self._first.name} [{name}]")

    def _parse(self, text: str, where: str) -> Requirement:
        try:
            return Requirement(text)
        except InvalidRequirement as exc:
            raise UsageError(
                f"{self._first} [{where}]: {visible(text)!r:.100} is no requirement"
            ) from exc

    def _requirements(self, path: Path) -> Iterator[Package]:
        from pip_requirements_parser import RequirementsFile

        _text(path)
        found = RequirementsFile.from_file(str(path), include_nested=False)
        for line in found.invalid_lines:
            raise _unreadable(path, line)
        for option in found.options:
            number = option.requirement_line.line_number
            for kind, said in option.options.items():
                if kind in ("requirements", "constraints"):
                    for name in said:
                        yield from self._nested(path, name, number)
                elif kind not in ("hashes", "require_hashes", "pre", "prefer_binary"):
                    option_name = f"--{kind.replace('_', '-')}"
                    self.remarks.append(f"{path.name}:{number}: {option_name} is not followed")
        for item in found.requirements:
            where = f"{path.name}:{item.requirement_line.line_number}"
            yield self._line(item, path, where)

    def _line(self, item: Any, path: Path, where: str) -> Package:
        text = item.requirement_line.line
        if item.req is None and item.link is None:
            raise _unreadable(path, item.requirement_line)
        if item.req is None or item.link is not None:
            name = item.name or str(item.link).rstrip("/").rpartition("/")[2] or "?"
            kind = "editable" if item.is_editable else "a URL or a file"
            return Package(canonicalize_name(visible(name)), None, None, kind, True, place=where)
        return self._declared(self._parse(str(item.req), where), where, text)

    def _nested(self, path: Path, name: str, number: int) -> Iterator[Package]:
        where = f"{path}:{number}"
        if "://" in name or "$" in name:
            raise UsageError(f"{where}: {visible(name)} is not followed: only files beside it are")
        nested = (path.parent / name).resolve()
        if not nested.is_relative_to(self._first.parent.resolve()):
            raise UsageError(f"{where}: {visible(name)} lies outside of {self._first.parent}")
        if len(self.read) >= _MOST_FILES:
            raise UsageError(f"{self._first} names more than {_MOST_FILES} files")
        if nested not in [known.resolve() for known in self.read]:
            self.read.append(nested)
            yield from self._requirements(nested)

    def _declared(self, said: Requirement, where: str, text: str = "") -> Package:
        """A pin, or a range as what is installed of it."""
        name = canonicalize_name(said.name)
        if said.url:
            return Package(name, None, None, "a URL or a file", True, place=where)
        pins = [s for s in said.specifier if s.operator in ("==", "===") and "*" not in s.version]
        if pins:
            return replace(pinned(name, pins[0].version), is_direct=True, place=where)
        have = self._have.get(name)
        if have is None or have.version is None or have.problem is not None:
            return Package(name, None, None, _NOT_PINNED, True, place=where)
        if not said.specifier.contains(have.version, prereleases=True):
            problem = f"{_NOT_PINNED}, and {have.version} is installed, which it excludes"
            return Package(name, None, None, problem, True, place=where)
        return replace(have, is_direct=True, place=where)


def _of_uv(data: Mapping[str, Any], path: Path) -> Iterator[Package]:
    for item in _items(data, path):
        source = item.get("source") or {}
        if "editable" in source or "virtual" in source:  # the project itself, and its members
            continue
        yield _locked(item, path, "registry" in source)


def _of_poetry(data: Mapping[str, Any], path: Path) -> Iterator[Package]:
    for item in _items(data, path):
        kind = (item.get("source") or {}).get("type", "legacy")
        yield _locked(item, path, kind == "legacy")


def _of_pylock(data: Mapping[str, Any], path: Path) -> Iterator[Package]:
    for item in _items(data, path, "packages"):
        yield _locked(item, path, not {"vcs", "directory", "archive"} & item.keys())


def _items(data: Mapping[str, Any], path: Path, name: str = "package") -> list[dict[str, Any]]:
    found = data.get(name, [])
    if not isinstance(found, list) or not all(isinstance(i, dict) and "name" in i for i in found):
        raise UsageError(f"{path} is no lock file that perfctl can read")
    return found


def _locked(item: Mapping[str, Any], path: Path, is_of_index: bool) -> Package:
    package = replace(pinned(str(item["name"]), item.get("version")), place=path.name)
    return package if is_of_index else replace(package, problem="not from an index")


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"{path} is no TOML: {exc}") from exc


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path} is no text in UTF-8") from exc


def _unreadable(path: Path, line: Any) -> UsageError:
    text = visible(str(getattr(line, "line", line)).strip().splitlines()[-1])
    return UsageError(f"{path}:{line.line_number}: {text!r:.100} is no requirement")
