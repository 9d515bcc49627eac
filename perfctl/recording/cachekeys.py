"""The prefix of a cache key: the part that may be shown, the rest may be a credential."""

from __future__ import annotations

import re

OTHER = "(other)"
_MOST_PREFIXES = 200
_PREFIX = re.compile(r"[A-Za-z_.-]{1,40}")


class KeyNames:
    """The prefixes of one cache, at most 200 in a process; what comes later is `(other)`."""

    __slots__ = ("alias", "known", "other")

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.other = (alias, OTHER)
        self.known: dict[str, tuple[str, str]] = {}
        """By prefix, under which (alias, prefix) operations are counted."""

    def cell_of(self, key: object) -> tuple[str, str]:
        """Under which (alias, prefix) an operation on the key is counted."""
        if not isinstance(key, str):
            return self.other
        prefix, colon, _ = key.partition(":")
        if not colon:
            return self.other
        cell = self.known.get(prefix)
        if cell is not None:
            return cell
        if _PREFIX.fullmatch(prefix) and len(self.known) < _MOST_PREFIXES:
            return self.known.setdefault(prefix, (self.alias, prefix))
        return self.other
