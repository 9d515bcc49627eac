"""The query patterns of this process, and the call paths that each was seen on.

A path is read from the stack frame by frame, once (3 µs); when the same statement comes again, it is
enough to look at the few frames that make up the path, each at its depth (0.1 µs a frame).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Sequence
from types import CodeType
from typing import Any, NamedTuple

from perfctl.recording import fingerprint as shape
from perfctl.recording.fingerprint import Dialect, Kind
from perfctl.recording.sources import Origin, first_of

OTHER_ORDINAL = -1
_MOST_PATTERNS = 5000
_MOST_TEXTS = 4096
# Longer texts (IN lists of thousands) are known by their hash, so that they take no room.
_LONG_TEXT = 2000
_MOST_PATHS = 64
_RECENT_PATHS = 4


Step = tuple[int, CodeType, int]  # depth, code, instruction


class Told(NamedTuple):
    """Where an N+1 is, `file:line in function`, and what to do about it."""

    place: str | None
    detail: str | None


class Pattern:
    """A statement of one database without its values, and the call paths it was seen on."""

    __slots__ = (
        "alias",
        "fingerprint",
        "kind",
        "nowhere",
        "ordinal",
        "paths",
        "reads_pages",
        "recent",
    )

    def __init__(self, ordinal: int, alias: str, fingerprint: str, kind: Kind) -> None:
        self.ordinal = ordinal
        self.alias = alias
        self.fingerprint = fingerprint
        self.kind = kind
        self.reads_pages = " OFFSET ?" in fingerprint
        self.paths: dict[object, CallPath] = {}
        # For what needs no place: a statement that steers the transaction, one too many.
        self.nowhere = CallPath(self, Origin.SKIPPED, ())
        self.recent: tuple[CallPath, ...] = (self.nowhere,) if kind is Kind.CONTROL else ()

    def keep(self, path: CallPath) -> CallPath:
        """The path to count on: the one already known by this key, moved to the front."""
        if len(self.paths) >= _MOST_PATHS:
            self.paths.clear()
        path = self.paths.setdefault(path.key, path).moved_to(path)
        if path.steps:  # a path without any would be taken for all
            others = [known for known in self.recent if known is not path]
            self.recent = (path, *others[: _RECENT_PATHS - 1])
        return path


class CallPath:
    """The frames that lead to a query, nearest first."""

    __slots__ = ("batch", "is_recursive", "key", "origin", "pattern", "place", "steps", "told")

    def __init__(
        self,
        pattern: Pattern,
        origin: Origin,
        steps: Sequence[Step],
        batch: tuple[int, CodeType] | None = None,
        *,
        is_recursive: bool = False,
    ) -> None:
        self.pattern = pattern
        self.origin = origin
        self.steps = tuple(steps)
        self.batch = batch
        self.is_recursive = is_recursive
        self.place: str | None = None
        self.told: dict[Hashable, Told] = {}
        """What was told of N+1 on this path, by what asks."""
        # By identity: the codes are kept in `steps`, so their ids stay theirs.
        expressions = ((id(code), first_of(code, at)) for _, code, at in steps)
        self.key = (*expressions, id(batch[1]) if batch else 0)

    def moved_to(self, other: CallPath) -> CallPath:
        """Itself, with the depths at which it was seen last (a recursion has several)."""
        self.steps, self.batch = other.steps, other.batch
        return self


class PatternBook:
    """All patterns of a process, at most `_MOST_PATTERNS`; what comes later is `(other)`."""

    def __init__(self) -> None:
        self._patterns: dict[tuple[str, str], Pattern] = {}
        self._by_ordinal: dict[int, Pattern] = {}
        self._ordinals = itertools.count()
        self._others: dict[str, Pattern] = {}

    def __getitem__(self, ordinal: int) -> Pattern:
        return self._by_ordinal[ordinal]

    def find(self, alias: str, fingerprint: str, kind: Kind) -> Pattern:
        """The pattern of a shape, a new one where it is new."""
        key = (alias, fingerprint)
        found = self._patterns.get(key)
        if found is not None:
            return found
        if len(self._patterns) >= _MOST_PATTERNS:
            return self._others.setdefault(
                alias, Pattern(OTHER_ORDINAL, alias, "(other)", Kind.CONTROL)
            )
        new = Pattern(next(self._ordinals), alias, fingerprint, kind)
        # Two threads may come here at once: both get the one that is kept.
        found = self._patterns.setdefault(key, new)
        self._by_ordinal.setdefault(found.ordinal, found)
        return found


class Texts:
    """Finds the pattern of each text that one database is sent."""

    __slots__ = ("_alias", "_book", "_dialect", "get", "known")

    def __init__(self, book: PatternBook, alias: str, dialect: Dialect) -> None:
        self._book = book
        self._alias = alias
        self._dialect = dialect
        self.known: dict[str | int, Pattern] = {}
        # The wrapper asks this for each query.
        self.get: Callable[[Any], Pattern | None] = self.known.get

    def learn(self, sql: Any) -> tuple[Pattern, str]:
        """The pattern of a text not found in `known`, and the text that tells it from others."""
        if type(sql) is not str:
            sql = _as_text(sql)
        if shape.has_comment(sql):
            sql = shape.strip_comments(sql, self._dialect)
        key: str | int = sql if len(sql) <= _LONG_TEXT else hash(sql)
        pattern = self.known.get(key)
        if pattern is None:
            fingerprint = shape.fingerprint(sql, self._dialect)
            pattern = self._book.find(self._alias, fingerprint or "(empty)", shape.kind_of(sql))
            if len(self.known) >= _MOST_TEXTS:
                self.known.clear()
            self.known[key] = pattern
        return pattern, sql


def _as_text(sql: Any) -> str:
    """The text of what a driver composes: bytes, psycopg's `sql.Composed`."""
    if isinstance(sql, bytes):
        return sql.decode("utf-8", "replace")
    compose = getattr(sql, "as_string", None)
    if compose is None:
        return str(sql)
    try:
        return str(compose(None))
    except Exception:  # a driver that composes for a connection only
        return f"({type(sql).__name__})"
