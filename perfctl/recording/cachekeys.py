"""The prefix of a cache key: the part that may be shown, the rest may be a credential."""

from __future__ import annotations

import re

OTHER = "(other)"
_MOST_PREFIXES = 200
_PREFIX = re.compile(r"[A-Za-z_.-]{1,40}")


def prefix_of(key: object) -> str:
    """What stands before the first `:` if it reads like a name, else `(other)`."""
    if not isinstance(key, str):
        return OTHER
    end = key.find(":")
    if end < 0 or not _PREFIX.fullmatch(key, 0, end):
        return OTHER
    return key[:end]


class KeyNames:
    """The prefixes of one cache, at most 200 in a process; what comes later is `(other)`."""

    __slots__ = ("_cells", "_other", "alias")

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._other = (alias, OTHER)
        self._cells: dict[str, tuple[str, str]] = {}

    def cell_of(self, key: object) -> tuple[str, str]:
        """Under which (alias, prefix) an operation on the key is counted."""
        if isinstance(key, str):
            end = key.find(":")
            if end > 0:
                prefix = key[:end]
                cell = self._cells.get(prefix)
                if cell is not None:
                    return cell
                if _PREFIX.fullmatch(prefix) and len(self._cells) < _MOST_PREFIXES:
                    return self._cells.setdefault(prefix, (self.alias, prefix))
        return self._other
