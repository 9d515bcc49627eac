"""The checks of `check`, for many requests at once: column by column, at the speed of C.

What passes here passes `check.is_request` one by one. Where anything does not, the answer is only
that the records have to be looked at singly.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from perfctl.recording import check
from perfctl.recording.check import MAX_ITEMS, METHODS, Record

Column = Sequence[Any]


class Columns(NamedTuple):
    """Requests as columns; an item that a record leaves out is None."""

    kind: Column
    started_ms: Column
    method: Column
    route: Column
    status: Column
    duration_us: Column
    response_bytes: Column
    request_id: Column
    flags: Column
    cpu_us: Column
    queue_us: Column
    rss_kib: Column
    rss_delta_kib: Column
    queries: Column
    db_us: Column
    user: Column
    lifetime_us: Column
    patterns: Column
    findings: Column
    caches: Column
    test: Column
    spans: Column


class PatternUses(NamedTuple):
    """The pattern uses of several requests, one behind the other."""

    counts: Sequence[int]
    """How many each request has; empty where none has any."""
    ordinals: tuple[int, ...] = ()
    numbers: array[int] = array("Q")
    """Four each: something, calls, total and maximum in microseconds."""


class CacheUses(NamedTuple):
    """The cache uses of several requests, one behind the other, as columns."""

    counts: Sequence[int]
    """How many each request has; empty where none has any."""
    names: Sequence[tuple[str, str]] = ()
    """(alias, prefix)"""
    hits: Sequence[int] = ()
    misses: Sequence[int] = ()
    writes: Sequence[int] = ()
    totals_us: Sequence[int] = ()


def requests_of(records: Sequence[Record]) -> Columns | None:
    """The columns of request records but for what stands in their lists; None where one fails."""
    try:
        lengths = set(map(len, records))
        if min(lengths) < check.REQUEST_HEAD or max(lengths) > len(Columns._fields):
            return None
        columns = list(zip_longest(*records))
        absent = (None,) * len(records)
        found = Columns(*columns, *[absent] * (len(Columns._fields) - len(columns)))
        return found if _pass(found) else None
    except TypeError:  # what has no hash, or does not compare
        return None


def _pass(columns: Columns) -> bool:
    return (
        _are_whole(columns.started_ms, 1, check.MAX_MS)
        and set(columns.method) <= METHODS
        and _are_texts(columns.route, 1000)
        and _are_whole(columns.status, 100, 600)
        and _are_numbers(columns.duration_us, check.MAX_US)
        and _are_ids(columns.request_id)
        and _are_numbers(columns.flags, 65536)
        and _are_numbers_or_none(columns.response_bytes, check.MAX_SIZE)
        and _are_numbers_or_none(columns.cpu_us, check.MAX_US)
        and _are_numbers_or_none(columns.queue_us, check.MAX_US)
        and _are_numbers_or_none(columns.rss_kib, check.MAX_KIB)
        and _are_deltas(columns.rss_delta_kib)
        and _are_numbers_or_none(columns.queries, check.MAX_NUMBER)
        and _are_numbers_or_none(columns.db_us, check.MAX_US)
        and _are_texts_or_none(columns.user, 200)
        and _are_numbers_or_none(columns.lifetime_us, check.MAX_LIFETIME_US)
        and _are_texts_or_none(columns.test, 1000)
        and _are_lists(columns.findings, check.is_finding)
        and _are_lists(columns.spans, check.is_span)
    )


def _are_deltas(column: Column) -> bool:
    known = [delta for delta in column if delta is not None]
    return not known or _are_whole(known, 1 - check.MAX_KIB, check.MAX_KIB)


def pattern_uses_of(lists: Column) -> PatternUses | None:
    """The pattern uses of requests; None where one fails."""
    items = _items_of(lists, 4)
    if not items:
        return None if items is None else PatternUses([])
    numbers = list(chain.from_iterable(items))
    if list(map(type, numbers)).count(int) < len(numbers):
        return None
    ordinals = tuple(numbers[0::4])
    if -1 in ordinals:  # what stands for the rest of many patterns
        numbers[0::4] = [0 if ordinal == -1 else ordinal for ordinal in ordinals]
    try:
        packed = array("Q", numbers)
    except OverflowError:
        return None
    calls = numbers[1::4]
    passes = (
        0 not in calls
        and _are_below(calls, check.MAX_CALLS)
        and _are_below(ordinals, check.MAX_NUMBER)
        and _are_below(numbers, check.MAX_US)
    )
    if not passes:
        return None
    return PatternUses([len(items) if items else 0 for items in lists], ordinals, packed)


def cache_uses_of(lists: Column) -> CacheUses | None:
    """The cache uses of requests as columns; None where one fails."""
    items = _items_of(lists, 6)
    if not items:
        return None if items is None else CacheUses([])
    aliases, prefixes, *numbers = zip(*items, strict=True)
    if list(map(type, aliases + prefixes)).count(str) < 2 * len(items):
        return None
    names = list(zip(aliases, prefixes, strict=True))
    passes = all(
        check.is_text(alias, 100) and check.is_text(prefix, 100) for alias, prefix in set(names)
    ) and all(map(_are_numbers, numbers, _CACHE_LIMITS))
    if not passes:
        return None
    return CacheUses([len(items) if items else 0 for items in lists], names, *numbers)


_CACHE_LIMITS = (check.MAX_NUMBER, check.MAX_NUMBER, check.MAX_NUMBER, check.MAX_US)


def _items_of(lists: Column, width: int) -> list[Any] | None:
    """The items of all lists, one behind the other; None where one has not this width.

    An item may still be a text or an object of that length: their parts are texts.
    """
    lists = list(filter(None, lists))
    try:
        if max(map(len, lists), default=0) > MAX_ITEMS:
            return None
        items = list(chain.from_iterable(lists))
        return items if list(map(len, items)).count(width) == len(items) else None
    except TypeError:  # what has no length
        return None


def _are_numbers(column: Column, below: int) -> bool:
    """Whether all are whole numbers from 0 to below the limit; `true` is none."""
    if list(map(type, column)).count(int) < len(column):
        return False
    try:
        array("Q", column)  # half the cost of `min`: it takes no negative number
    except OverflowError:
        return False
    return _are_below(column, below)


def _are_below(column: Column, below: int) -> bool:
    total: int = sum(column)  # a third of the cost of `max`
    return total < below or bool(max(column) < below)


def _are_numbers_or_none(column: Column, below: int) -> bool:
    absent = column.count(None)
    if absent == len(column):
        return True
    if absent:
        column = [number for number in column if number is not None]
    return _are_numbers(column, below)


def _are_whole(column: Column, least: int, below: int) -> bool:
    return (
        list(map(type, column)).count(int) == len(column)
        and min(column) >= least
        and max(column) < below
    )


def _are_texts(column: Column, longest: int) -> bool:
    return all(check.is_text(text, longest) for text in set(column))


def _are_texts_or_none(column: Column, longest: int) -> bool:
    absent = column.count(None)
    if absent == len(column):
        return True
    if list(map(type, column)).count(str) + absent < len(column):
        return False
    texts = list(filter(None, set(column)))
    if "".join(texts).isascii():
        return max(map(len, texts), default=0) <= longest
    return all(check.is_text(text, longest) for text in texts)


def _are_ids(column: Column) -> bool:
    lengths = set(map(len, column))
    return min(lengths) > 0 and max(lengths) <= 128 and "".join(column).isascii()


def _are_lists(column: Column, passes: Callable[[Any], bool]) -> bool:
    return not any(column) or all(check.is_list_of(items, passes) for items in column if items)
