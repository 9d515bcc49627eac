"""N+1 and duplicate queries: the same statement again and again from one place.

An N+1 is one statement, along one call path, at least `THRESHOLD` times, with parameters that
differ. A statement run again with the same parameters is a duplicate. What a framework sends in
batches counts once for each call of the batch: fetching in chunks is no N+1, a batch of one called
row by row is.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

from perfctl.recording.fingerprint import Kind, without_offset
from perfctl.recording.patterns import CallPath, Texts, Told
from perfctl.recording.stack import PathReader
from perfctl.recording.state import RequestState

Describe = Callable[[CallPath, FrameType], Told]
Observer = Callable[[RequestState, Any, Any, bool, int], None]

THRESHOLD = 5
_MOST_SEEN = 10_000
_MOST_PATHS = 2_000

# A batch of rows may come as an iterator, whose reading is the driver's.
_unlike_any = itertools.count()


class Tally:
    """How often a statement came along one path, and what that took."""

    __slots__ = (
        "batch_calls",
        "calls",
        "duplicate_ns",
        "duplicates",
        "first",
        "last_batch",
        "max_ns",
        "told",
        "total_ns",
        "varies",
    )

    def __init__(self, first: int) -> None:
        self.calls = 0
        self.total_ns = 0
        self.max_ns = 0
        self.first = first
        self.varies = False
        self.duplicates = 0
        self.duplicate_ns = 0
        self.batch_calls = self.last_batch = 0
        self.told: Told | None = None


class Finding(NamedTuple):
    """An N+1 (`n`) or a duplicate (`d`)."""

    kind: str
    ordinal: int
    calls: int
    total_us: int
    place: str | None
    detail: str | None


def make_observer(  # noqa: C901 - see its docstring
    texts: Texts, paths: PathReader, describe: Describe
) -> Observer:
    """What counts the queries of one database, called by the wrapper of its connections.

    This is on the way of each query, and written flat: a call of a function costs as much as a
    dozen lines. `describe` is asked once a request for each path on which an N+1 is found.
    """
    known = texts.get
    get_frame = sys._getframe

    def observe(  # noqa: C901
        state: RequestState, sql: Any, params: Any, many: bool, took_ns: int
    ) -> None:
        try:
            pattern = known(sql)
        except TypeError:  # not a text, and not hashable
            pattern = None
        if pattern is None:
            pattern, sql = texts.learn(sql)

        batch = None
        for path in pattern.recent:
            try:
                for depth, code, instruction in path.steps:
                    frame = get_frame(depth)
                    if frame.f_code is not code or frame.f_lasti != instruction:
                        break
                else:
                    if path.batch is not None:
                        frame = get_frame(path.batch[0])
                        if frame.f_code is not path.batch[1]:
                            continue
                        batch = frame
                    break
            except ValueError:  # the stack is not that deep
                continue
        else:
            path, batch = paths.read(pattern, get_frame())

        try:
            identity = next(_unlike_any) if many else hash((pattern, sql, params))
        except TypeError:
            identity = hash((pattern, sql, _as_key(params)))
        variant = identity
        if pattern.reads_pages:
            variant = hash((without_offset(sql), _as_key(params)))

        queries = state.queries
        if queries is None:
            queries = state.queries = {}
            state.has_more = True
        tally = queries.get(path)
        if tally is None:
            if len(queries) >= _MOST_PATHS:
                path = pattern.nowhere
            tally = queries.setdefault(path, Tally(variant))
        tally.calls += 1
        tally.total_ns += took_ns
        if took_ns > tally.max_ns:
            tally.max_ns = took_ns
        if variant != tally.first:
            tally.varies = True
        seen = state.seen
        if seen is None:
            state.seen = {identity}
        elif identity in seen:
            tally.duplicates += 1
            tally.duplicate_ns += took_ns
        elif len(seen) < _MOST_SEEN:
            seen.add(identity)
        if batch is not None:
            number = _number_of_call(state, batch)
            if number != tally.last_batch:
                tally.last_batch = number
                tally.batch_calls += 1
        if tally.calls >= THRESHOLD and tally.told is None and is_n_plus_one(path, tally):
            tally.told = describe(path, get_frame())

    return observe


def _number_of_call(state: RequestState, batch: FrameType) -> int:
    """Tells the calls of a batch function apart: one number as long as one call lasts.

    The frame of a call that has ended may come back at the same address, so a call is marked by a
    switch of its frame that is on in each new one, and that debuggers alone look at.
    """
    batches = state.batches
    if batches is None:
        batches = state.batches = {}
    if batch.f_trace_lines or id(batch) not in batches:
        batch.f_trace_lines = False
        state.batch_calls += 1
        batches[id(batch)] = state.batch_calls
    return batches[id(batch)]


def findings(state: RequestState) -> list[Finding]:
    """The request's findings: the N+1 first, the costliest of them first."""
    queries = state.queries or {}
    found = []
    for path, tally in queries.items():
        if is_n_plus_one(path, tally):
            begun = _begun(path, queries)
            calls = tally.calls + sum(first.calls for first in begun)
            total_us = (tally.total_ns + sum(first.total_ns for first in begun)) // 1000
            told = tally.told or Told(path.place, None)
            found.append(Finding("n", path.pattern.ordinal, calls, total_us, *told))
    found.sort(key=lambda finding: -finding.total_us)
    return found + _duplicates(state, {finding.ordinal for finding in found})


def is_n_plus_one(path: CallPath, tally: Tally) -> bool:
    """Whether what came along this path is an N+1."""
    repeats = tally.calls if path.batch is None else tally.batch_calls
    return repeats >= THRESHOLD and tally.varies and path.pattern.kind is not Kind.CONTROL


def _begun(path: CallPath, queries: dict[CallPath, Tally]) -> list[Tally]:
    """The calls that a recursion began with: their path has its steps but for those that go deeper."""
    begun = []
    if path.is_recursive:
        for at, to in itertools.combinations(range(1, len(path.steps) + 1), 2):
            first = path.pattern.paths.get((*path.key[:at], *path.key[to:]))
            tally = queries.get(first) if first is not None else None
            if first is not None and tally is not None and not is_n_plus_one(first, tally):
                begun.append(tally)
    return begun


def _as_key(params: Any) -> Any:
    """What tells one set of parameters from another, where these cannot be hashed."""
    try:
        key = tuple(params.items()) if isinstance(params, dict) else tuple(params)
        hash(key)
    except TypeError:  # a list or a JSON value among them
        return repr(params)
    return key


def _duplicates(state: RequestState, repeated: set[int]) -> list[Finding]:
    """One finding a pattern, over all its paths; its calls are the first and the repetitions."""
    found: dict[int, Finding] = {}
    for path, tally in (state.queries or {}).items():
        pattern = path.pattern
        if tally.duplicates and pattern.kind is Kind.READ and pattern.ordinal not in repeated:
            before = found.get(pattern.ordinal)
            calls = tally.duplicates + (before.calls if before else 1)
            total_us = tally.duplicate_ns // 1000 + (before.total_us if before else 0)
            found[pattern.ordinal] = Finding(
                "d", pattern.ordinal, calls, total_us, path.place, None
            )
    return list(found.values())
