"""Counts by name that threads add to without a lock."""

from __future__ import annotations

from collections import deque


class Counts:
    """Counts by name, exact whichever threads add to them.

    A thread takes a whole part for itself, adds to it and gives it back: `pop` and `append` of a
    deque are atomic, a read-modify-write of a shared dict is not.
    """

    def __init__(self) -> None:
        self.parts: deque[dict[str, int]] = deque()
        """Empty while nothing is counted."""

    def add(self, name: str, n: int = 1) -> None:
        """Add `n` to what is counted under `name`."""
        try:
            part = self.parts.pop()
        except IndexError:
            part = {}
        part[name] = part.get(name, 0) + n
        self.parts.append(part)

    def take(self) -> dict[str, int]:
        """All that was counted, which is forgotten here."""
        taken: dict[str, int] = {}
        while self.parts:
            try:
                _merge(taken, self.parts.pop())
            except IndexError:  # another thread took the last part
                break
        return taken

    def total(self) -> dict[str, int]:
        """All that was counted, without what another thread is adding at this moment."""
        merged: dict[str, int] = {}
        for part in list(self.parts):
            _merge(merged, part.copy())
        return merged


def _merge(into: dict[str, int], part: dict[str, int]) -> None:
    for name, n in part.items():
        into[name] = into.get(name, 0) + n
