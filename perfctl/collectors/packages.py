"""Which packages an environment holds, read from its site-packages; nothing in it is run."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from perfctl.errors import UsageError

_MOST = 5000
_LONGEST = 300
_KEYS = ("Name", "Version")
_INTERPRETER = re.compile(r"python|pypy")
_METADATA = (".dist-info", ".egg-info")
_HINT = "give a virtual environment with --venv, or its interpreter with --python"


class Environment(NamedTuple):
    """An environment, who says so, and where its packages are."""

    target: str
    origin: str
    paths: tuple[str, ...]

    @property
    def text(self) -> str:
        """`/srv/vault/.venv (VIRTUAL_ENV)`."""
        return f"{self.target} ({self.origin})"


class Contents(NamedTuple):
    """Versions by normalised name, and how many packages could not be read."""

    packages: dict[str, str]
    unreadable: int


def find_environment(
    environ: Mapping[str, str],
    folders: Iterable[Path],
    *,
    python: str | None = None,
    venv: str | None = None,
) -> Environment:
    """The one that is named, else the active one, else the `.venv` of the project, else perfctl's.

    The project is looked for at and above the folders. UsageError where what is named is none.
    """
    if venv is not None:
        return _named(Path(venv).absolute(), "--venv")
    if python is not None:
        return _of_python(python)
    active = environ.get("VIRTUAL_ENV")
    if active and (paths := _site_packages(Path(active))):
        return Environment(active, "VIRTUAL_ENV", paths)
    for folder in folders:
        for place in (folder, *folder.parents):
            if paths := _site_packages(place / ".venv"):
                return Environment(str(place / ".venv"), "the project's .venv", paths)
    own = tuple(filter(None, sys.path))
    return Environment(sys.prefix, "perfctl's own environment", own)


def _named(folder: Path, origin: str) -> Environment:
    paths = _site_packages(folder)
    if not paths:
        raise UsageError(f"{folder} is no Python environment: it has no site-packages", _HINT)
    return Environment(str(folder), origin, paths)


def _of_python(python: str) -> Environment:
    found = shutil.which(python) if os.sep not in python else python
    if found is None or not Path(found).exists():
        raise UsageError(f"there is no interpreter {python!r}", _HINT)
    path = Path(found).absolute()
    if path.is_dir():
        return _named(path, "--python")
    # bin/python of a virtual environment is a link that must not be followed
    prefix = path.parent.parent
    if (prefix / "pyvenv.cfg").exists():
        return _named(prefix, "--python")
    real = path.resolve()
    if not _INTERPRETER.match(path.name) and not _INTERPRETER.match(real.name):
        raise UsageError(f"{python!r} is no Python interpreter", _HINT)
    paths = _system_packages(real)
    if not paths:
        raise UsageError(f"{python!r} has no site-packages", _HINT)
    return Environment(str(real), "--python", paths)


def _site_packages(folder: Path) -> tuple[str, ...]:
    """Those of an environment; with the system's where it takes in those too."""
    found = _distinct(sorted(folder.glob("lib*/python3*/site-packages")))
    return (*found, *_inherited(folder / "pyvenv.cfg")) if found else ()


def _distinct(paths: Iterable[Path]) -> tuple[str, ...]:
    """Each folder once: lib64 is often a link to lib."""
    by_place = {path.resolve(): str(path) for path in reversed(list(paths))}
    return tuple(reversed(by_place.values()))


def _inherited(configuration: Path) -> tuple[str, ...]:
    try:
        text = configuration.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    said = dict(re.findall(r"^([\w-]+) *= *(.*?) *$", text, re.MULTILINE))
    if said.get("include-system-site-packages", "").lower() != "true" or "home" not in said:
        return ()
    version = re.match(r"3\.\d+", said.get("version") or said.get("version_info") or "")
    return _system_packages(Path(said["home"]) / f"python{version[0] if version else '3'}")


def _system_packages(interpreter: Path) -> tuple[str, ...]:
    """Those of an interpreter outside of any environment, Debian's dist-packages among them."""
    version = re.search(r"python(3(?:\.\d+)?)", interpreter.name)
    number = version[1] if version else "3*"
    prefix = interpreter.parent.parent
    patterns = [
        f"{lib}/python{number}{'*' if number == '3' else ''}/{kind}-packages"
        for lib in ("local/lib", "lib*")
        for kind in ("site", "dist")
    ]
    patterns.append("lib/python3/dist-packages")
    return _distinct(path for pattern in patterns for path in sorted(prefix.glob(pattern)))


def read_packages(environment: Environment) -> Contents:
    """All packages with their versions, and beside them `python` with that of its folder."""
    from importlib.metadata import DistributionFinder, MetadataPathFinder

    context = DistributionFinder.Context(path=list(environment.paths))
    packages: dict[str, str] = {}
    unreadable = 0
    for distribution in islice(MetadataPathFinder.find_distributions(context), _MOST):
        try:
            found = dict(distribution.metadata.items())  # type: ignore[attr-defined]  # a Message
            name, version = (str(found.get(key, "")) for key in _KEYS)
        except (OSError, ValueError):  # a file that cannot be read, or is no text
            unreadable += 1
            continue
        if name and version and f"{name}{version}".isprintable() and len(name + version) < _LONGEST:
            # the first on the path is the one that is imported
            packages.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
        else:
            unreadable += 1
    if packages:
        packages.update(_python(environment.paths))
    return Contents(packages, unreadable)


def _python(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        found = re.search(r"/python(3\.\d+)(?:/|$)", path)
        if found:
            yield "python", found[1]
            return


def stamp(environment: Environment) -> str:
    """Changes whenever a package is installed, removed or replaced; far cheaper than to read them."""
    digest = hashlib.sha256()
    for path in environment.paths:
        try:
            with os.scandir(path) as entries:
                found = sorted(
                    (entry.name, entry.stat(follow_symlinks=False).st_mtime_ns)
                    for entry in entries
                    if entry.name.endswith(_METADATA)
                )
        except OSError:
            continue
        digest.update(repr((path, found)).encode())
    return digest.hexdigest()
