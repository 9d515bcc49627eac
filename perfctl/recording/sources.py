"""Whose code a file is, and by which name people know it.

Own is what lies neither in Django, the standard library, site-packages nor in perfctl.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from functools import lru_cache
from types import CodeType

_CODE_UNIT = 2  # bytes an instruction
_PACKAGE_FOLDERS = ("/site-packages/", "/dist-packages/")


class Origin(IntEnum):
    """Whose code a frame is."""

    SKIPPED = 0  # says nothing about where: standard library, Django's database layer, perfctl
    OWN = 1
    LIBRARY = 2
    FRAMEWORK = 3
    MARKED = 4  # a file some of whose functions mean something to the reader of a stack


class Mark(IntEnum):
    """What a function on the stack means."""

    STOP = 1  # the request begins here
    BATCH = 2  # sends several statements for one call
    CROSSING = 3  # runs for a task elsewhere, which waits


class SourceMap:
    """Tells whose code a file is, and by which name people know it.

    `roots` are folders whose files are not the project's, `standard_library` holds files that say
    nothing about where, but may hold packages too; `search_path` is where modules are imported from.
    """

    def __init__(
        self,
        *,
        project: str | None = None,
        roots: Mapping[str, Origin] | None = None,
        standard_library: Iterable[str] = (),
        search_path: Iterable[str] = (),
        marks: Mapping[str, Mapping[str, Mark]] | None = None,
    ) -> None:
        self._project = _as_folder(project) if project else None
        folders = {_as_folder(root): origin for root, origin in (roots or {}).items()}
        self._roots = sorted(folders.items(), key=lambda root: -len(root[0]))
        self._standard_library = tuple(map(_as_folder, standard_library))
        entries = {_as_folder(entry) for entry in search_path if entry}
        self._search_path = sorted(entries, key=len, reverse=True)
        self.marks = dict(marks or {})
        self.origins: dict[str, Origin] = {}

    def origin_of(self, filename: str) -> Origin:
        """Whose code the file is; remembered in `origins`."""
        origin = self.origins[filename] = self._classify(filename)
        return origin

    def _classify(self, filename: str) -> Origin:
        if filename in self.marks:
            return Origin.MARKED
        if filename.startswith("<"):
            return Origin.SKIPPED
        for root, origin in self._roots:
            if self._is_theirs(filename, root):
                return origin
        if any(folder in self._below_project(filename) for folder in _PACKAGE_FOLDERS):
            return Origin.LIBRARY
        if any(self._is_theirs(filename, root) for root in self._standard_library):
            return Origin.SKIPPED
        return Origin.OWN

    def _is_theirs(self, filename: str, root: str) -> bool:
        """Whether a file is of that folder, and not of a project that lies in it.

        perfctl's example lies in perfctl's folder, and is a project all the same.
        """
        project = self._project
        if project is not None and project.startswith(root) and filename.startswith(project):
            return False
        return filename.startswith(root)

    def _below_project(self, filename: str) -> str:
        project = self._project
        return (
            filename[len(project) - 1 :] if project and filename.startswith(project) else filename
        )

    def shorten(self, filename: str) -> str:
        """The file as people name it: below the project's folder, else below its import path."""
        for root in (self._project, *self._search_path):
            if root and filename.startswith(root):
                return filename[len(root) :]
        return filename

    def place_of(self, code: CodeType, instruction: int) -> str:
        """`file:line in function` of an instruction."""
        line = line_of(code, instruction)
        return f"{self.shorten(code.co_filename)}:{line} in {function_name(code)}"


@lru_cache(maxsize=4096)
def first_of(code: CodeType, instruction: int) -> int:
    """The first instruction of the same expression: CPython 3.11 calls from either of two."""
    positions = list(code.co_positions())
    at = instruction // _CODE_UNIT
    return positions.index(positions[at]) * _CODE_UNIT if 0 <= at < len(positions) else instruction


def line_of(code: CodeType, instruction: int) -> int:
    """The source line that an instruction belongs to."""
    for start, end, line in code.co_lines():
        if start <= instruction < end and line is not None:
            return line
    return code.co_firstlineno


def function_name(code: CodeType) -> str:
    """The name of the function as written, of a comprehension the one around it."""
    parts = [part for part in code.co_qualname.split(".") if part != "<locals>"]
    named = [part for part in parts if not part.startswith("<")]
    return ".".join(named) or "<module>"


def _as_folder(path: str) -> str:
    return path if path.endswith("/") else path + "/"
