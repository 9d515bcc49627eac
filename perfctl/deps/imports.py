"""How the project comes to a package: by an import of its own, through another package, or never.

Read from the syntax of its files; nothing is imported. What is loaded by name (settings, plug-ins)
does not show: `never` is no proof.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from importlib.metadata import DistributionFinder, MetadataPathFinder
from itertools import islice
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from perfctl.collectors.packages import Environment
from perfctl.deps.inventory import Package

_NOT_OF_IT = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist"})
_MOST_FILES = 20_000
_LARGEST = 2_000_000


class Imported(StrEnum):
    """How a project comes to a package."""

    DIRECT = "direct"
    THROUGH = "through"
    NEVER = "never"


def imported_modules(folder: Path) -> set[str]:
    """The top-level modules that the files of a project import; those that are no Python are left."""
    found: set[str] = set()
    for path in islice(_files(folder), _MOST_FILES):
        try:
            if path.stat().st_size > _LARGEST:
                continue
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        found |= set(_modules(tree))
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Its Python files, but those of environments and of what is hidden."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _NOT_OF_IT or entry.is_symlink():
            continue
        if entry.is_dir():
            if not (entry / "pyvenv.cfg").exists():
                yield from _files(entry)
        elif entry.suffix == ".py":
            yield entry


def _modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def packages_by_module(environment: Environment) -> dict[str, set[NormalizedName]]:
    """Which packages bring a top-level module."""
    context = DistributionFinder.Context(path=list(environment.paths))
    found: dict[str, set[NormalizedName]] = {}
    for distribution in MetadataPathFinder.find_distributions(context):
        try:
            name, said = distribution.metadata["Name"], distribution.read_text("top_level.txt")
            files = distribution.files or []
        except (OSError, ValueError, KeyError):
            continue
        if not name:
            continue
        modules = set(said.split()) if said else {_top_of(str(file)) for file in files}
        for module in modules - {""}:
            found.setdefault(module, set()).add(canonicalize_name(name))
    return found


def _top_of(file: str) -> str:
    """`jinja2/loaders.py` and `six.py` are of `jinja2` and `six`; scripts and metadata of nothing."""
    top, separator, _ = file.partition("/")
    if top.endswith((".dist-info", ".egg-info")) or top in ("..", "__pycache__"):
        return ""
    if separator:
        return top
    return top.partition(".")[0] if top.endswith((".py", ".so")) else ""


def how_imported(
    packages: Iterable[Package],
    modules: Iterable[str],
    by_module: Mapping[str, Iterable[NormalizedName]],
) -> dict[NormalizedName, Imported]:
    """How each package is come to."""
    known = {package.name: package for package in packages}
    direct = {name for module in modules for name in by_module.get(module, ()) if name in known}
    found = dict.fromkeys(known, Imported.NEVER) | dict.fromkeys(direct, Imported.DIRECT)
    todo = list(direct)
    while todo:
        for requirement in known[todo.pop()].requires:
            name = canonicalize_name(requirement.name)
            if found.get(name) is Imported.NEVER:
                found[name] = Imported.THROUGH
                todo.append(name)
    return found
