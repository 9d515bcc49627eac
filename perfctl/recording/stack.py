"""Reads from the stack how the project's own frames lead to a query.

A path without own frames goes by its nearest frames outside Django, else by Django's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import Final

from perfctl.recording.patterns import CallPath, Pattern, Step
from perfctl.recording.sources import Mark, Origin, SourceMap, first_of

_DEEPEST = 400
_LIBRARY_FRAMES = 5
_FRAMEWORK_FRAMES = 3
_ELSEWHERE = -1  # on another stack

Crossing = Callable[[FrameType], Iterable[FrameType]]
"""From the frame that runs for a waiting task to that task's frames, nearest first."""


class PathReader:
    """Reads call paths from the stack, by a source map."""

    def __init__(self, sources: SourceMap, crossing: Crossing | None = None) -> None:
        self.sources: Final = sources
        self._crossing: Final = crossing or _nobody_waits

    def read(self, pattern: Pattern, frame: FrameType) -> tuple[CallPath, FrameType | None]:
        """The path that leads to this frame, which stands at depth 0, and the batch on it."""
        found = _Found()
        depth, at = 0, frame.f_back
        while at is not None and depth < _DEEPEST:
            depth += 1
            mark = self._take(found, depth, at)
            if mark is Mark.STOP:
                break
            if mark is Mark.CROSSING:
                for waiting in self._crossing(at):
                    if self._take(found, _ELSEWHERE, waiting) is Mark.STOP:
                        break
                break
            at = at.f_back
        path = CallPath(pattern, *found.nearest(), found.batch, is_recursive=found.is_recursive)
        if path.key not in pattern.paths and path.steps:
            _, code, instruction = path.steps[0]
            path.place = self.sources.place_of(code, instruction)
        return pattern.keep(path), found.batch_frame

    def _take(self, found: _Found, depth: int, frame: FrameType) -> Mark | None:
        code = frame.f_code
        origin = self.sources.origins.get(code.co_filename)
        if origin is None:
            origin = self.sources.origin_of(code.co_filename)
        if origin is Origin.SKIPPED:
            return None
        if origin is Origin.MARKED:
            mark = self.sources.marks[code.co_filename].get(code.co_name)
            if mark is Mark.BATCH and not found.own:
                found.batch, found.batch_frame = (depth, code), frame
            return mark
        if origin is Origin.OWN:
            found.add(found.own, (depth, code, frame.f_lasti))
        elif not found.own:
            if origin is Origin.LIBRARY:
                if len(found.library) < _LIBRARY_FRAMES:
                    found.add(found.library, (depth, code, frame.f_lasti))
            elif len(found.framework) < _FRAMEWORK_FRAMES:
                found.add(found.framework, (depth, code, frame.f_lasti))
        return None


class _Found:
    """What a reading of the stack has come by so far."""

    __slots__ = (
        "batch",
        "batch_frame",
        "framework",
        "functions",
        "is_recursive",
        "library",
        "own",
        "seen",
    )

    def __init__(self) -> None:
        self.own: list[Step] = []
        self.library: list[Step] = []
        self.framework: list[Step] = []
        self.batch: tuple[int, CodeType] | None = None
        self.batch_frame: FrameType | None = None
        self.seen: set[tuple[int, int]] = set()
        self.functions: set[int] = set()
        self.is_recursive = False

    def add(self, steps: list[Step], step: Step) -> None:
        """Put a frame on the path; a recursion's frames once, so that its levels share a path."""
        function = id(step[1])
        if function in self.functions:
            self.is_recursive = True
        self.functions.add(function)
        key = (function, first_of(step[1], step[2]))
        if key not in self.seen:
            self.seen.add(key)
            steps.append(step)

    def nearest(self) -> tuple[Origin, list[Step]]:
        """The project's own steps, else a library's, else the framework's."""
        if self.own:
            return Origin.OWN, self.own
        if self.library:
            return Origin.LIBRARY, self.library
        return (Origin.FRAMEWORK if self.framework else Origin.SKIPPED), self.framework


def _nobody_waits(frame: FrameType) -> Iterable[FrameType]:
    return ()
