"""The reader's side of the spool format: whatever passes here may go into the store as it is.

A record is checked item by item for type and range: a line with a good checksum may still come from
a feeder with a fault, or from somebody who means harm.
"""

from __future__ import annotations

from itertools import chain, product
from typing import Any, NamedTuple

FORMAT_VERSION = 1
MAX_LINE_BYTES = 64 << 10
MAX_ITEMS = 400
MAX_MS = 1 << 43  # the rowid keeps 43 bits of time
MAX_US = 1 << 40  # 12 days; eight million such requests still fit into the sums of a cell
MAX_LIFETIME_US = 1 << 45  # a year of a stream
MAX_SIZE = 1 << 40
MAX_KIB = 1 << 42
MAX_CALLS = 1 << 24  # of one pattern or span in a request: a sketch has a word for each million
MAX_NUMBER = 1 << 31
METHODS = frozenset(
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "OTHER"]
)
SOURCES = frozenset(["live", "test", "frontend"])

Record = list[Any]  # decoded JSON: its items are what these functions find out about

REQUEST_HEAD = 15
_MAYBE = (int, type(None))
_SIGNATURES = frozenset(
    (str, int, str, str, int, int, size, str, int, *rest)
    for size, *rest in product(_MAYBE, repeat=7)
)
"""Every accepted row of types of a request's first items: one look-up instead of fifteen."""


class Header(NamedTuple):
    """The first line of a segment."""

    format_version: int
    host: str
    instance: str | None
    pid: int
    release: str
    environment: str
    source: str


def header(record: Record) -> Header | None:
    """The segment's header, or None where the record is none of version 1."""
    if len(record) < 9 or record[0] != "perfctl":
        return None
    _, version, host, instance, pid, release, environment, source = record[:8]
    known = (
        type(version) is int
        and is_text(host, 255)
        and is_text_or_none(instance, 255)
        and type(pid) is int
        and 0 <= pid < MAX_NUMBER
        and is_text_or_none(release, 200)
        and is_text_or_none(environment, 200)
        and type(source) is str
        and source in SOURCES
    )
    if not known:
        return None
    return Header(version, host, instance, pid, release or "", environment or "", source)


def is_request(record: Record) -> bool:
    """Whether a record is a whole request: types and ranges of its first items, and of the rest."""
    if tuple(map(type, record[:REQUEST_HEAD])) not in _SIGNATURES:
        return False
    _, at, method, route, status, duration, size, rid, flags, cpu, queue, rss, delta, n, db = (
        record[:REQUEST_HEAD]
    )
    if not (
        0 < at < MAX_MS
        and method in METHODS
        and 99 < status < 600
        and 0 <= duration < MAX_US
        and 0 <= flags < 65536
        and 0 < len(rid) <= 128
        and rid.isascii()
        and 0 < len(route) <= 1000
    ):
        return False
    if not (
        0 <= (size or 0) < MAX_SIZE
        and 0 <= (cpu or 0) < MAX_US
        and 0 <= (queue or 0) < MAX_US
        and 0 <= (rss or 0) < MAX_KIB
        and -MAX_KIB < (delta or 0) < MAX_KIB
        and 0 <= (n or 0) < MAX_NUMBER
        and 0 <= (db or 0) < MAX_US
    ):
        return False
    return len(record) == REQUEST_HEAD or _is_request_tail(record)


def _is_request_tail(record: Record) -> bool:
    tail = record[REQUEST_HEAD:]
    if len(tail) > 7:
        return False
    user, lifetime, patterns, findings, caches, test, spans = tail + _TAIL_DEFAULTS[len(tail) :]
    return (
        is_text_or_none(user, 200)
        and (lifetime is None or is_number(lifetime, MAX_LIFETIME_US))
        and (not patterns or are_pattern_uses(patterns))
        and (not findings or is_list_of(findings, is_finding))
        and (not caches or is_list_of(caches, is_cache_use))
        and is_text_or_none(test, 1000)
        and (not spans or is_list_of(spans, is_span))
    )


_TAIL_DEFAULTS: list[Any] = [None, None, [], [], [], None, []]


def are_pattern_uses(items: Any) -> bool:
    """A list of `[ordinal, calls, total_us, max_us]`, checked all at once for speed."""
    if type(items) is not list or len(items) > MAX_ITEMS:
        return False
    if not set(map(type, items)) <= _LIST or set(map(len, items)) != _FOUR:
        return False
    numbers = list(chain.from_iterable(items))
    return (
        set(map(type, numbers)) == _INT
        and min(numbers) >= -1
        and max(numbers) < MAX_US
        and max(numbers[0::4]) < MAX_NUMBER
        and min(numbers[1::4]) > 0
        and max(numbers[1::4]) < MAX_CALLS
        and min(numbers[2::4]) >= 0
        and min(numbers[3::4]) >= 0
    )


_LIST, _FOUR, _INT = {list}, {4}, {int}


def is_finding(item: Any) -> bool:
    """`[kind, ordinal, calls, total_us, site, detail]`."""
    return (
        type(item) is list
        and len(item) == 6
        and item[0] in ("n", "d")
        and type(item[1]) is int
        and -1 <= item[1] < MAX_NUMBER
        and is_number(item[2], MAX_CALLS)
        and is_number(item[3], MAX_US)
        and is_text_or_none(item[4], 500)
        and is_text_or_none(item[5], 500)
    )


def is_cache_use(item: Any) -> bool:
    """`[alias, prefix, hits, misses, writes, total_us]`."""
    if type(item) is not list or tuple(map(type, item)) != _CACHE_USE:
        return False
    alias, prefix, *numbers = item
    return (
        min(numbers) >= 0
        and max(numbers[:3]) < MAX_NUMBER
        and numbers[3] < MAX_US
        and is_text(alias, 100)
        and is_text(prefix, 100)
    )


_CACHE_USE = (str, str, int, int, int, int)


def is_span(item: Any) -> bool:
    """`[name, calls, total_us]`."""
    return (
        type(item) is list
        and len(item) == 3
        and is_text(item[0], 200)
        and is_number(item[1], MAX_CALLS)
        and item[1] > 0
        and is_number(item[2], MAX_US)
    )


def is_pattern(record: Record) -> bool:
    """`["p", ordinal, alias, fingerprint]`."""
    return (
        len(record) == 4
        and is_number(record[1], MAX_NUMBER)
        and is_text(record[2], 100)
        and is_text(record[3], 60_000)
    )


def is_error(record: Record) -> bool:
    """`["e", at_ms, request_id, method, route, status, type, frames, message, agent, user, handled]`."""
    if not 10 <= len(record) <= 12:
        return False
    _, at, rid, method, route, status, kind, frames, message, agent = record[:10]
    user, handled = (record[10:] + [None, False][len(record) - 10 :])[:2]
    return (
        is_number(at, MAX_MS)
        and at > 0
        and is_text_or_none(rid, 128)
        and (method is None or (type(method) is str and method in METHODS))
        and (route is None or is_text(route, 1000))
        and (status is None or (type(status) is int and 99 < status < 600))
        and is_text(kind, 300)
        and is_list_of(frames, is_frame)
        and is_text_or_none(message, 10_000)
        and is_text_or_none(agent, 200)
        and is_text_or_none(user, 200)
        and type(handled) is bool
    )


def is_frame(item: Any) -> bool:
    """`[file, line, function]`."""
    return (
        type(item) is list
        and len(item) == 3
        and is_text(item[0], 500)
        and is_number(item[1], MAX_NUMBER)
        and is_text(item[2], 300)
    )


def is_counter(record: Record) -> bool:
    """`["c", name, n]`."""
    return len(record) == 3 and is_text(record[1], 200) and is_number(record[2], MAX_NUMBER)


def is_text(value: Any, longest: int) -> bool:
    """Whether it is a text that SQLite takes: not empty, not over-long, no lone surrogate."""
    if type(value) is not str or not 0 < len(value) <= longest:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_text_or_none(value: Any, longest: int) -> bool:
    """The same, or null, or empty."""
    return value is None or value == "" or is_text(value, longest)


def is_number(value: Any, below: int) -> bool:
    """Whether it is a whole number from 0 to below the limit; `true` is none."""
    return type(value) is int and 0 <= value < below


def is_list_of(value: Any, check: Any) -> bool:
    """Whether it is a list of at most `MAX_ITEMS` items that all pass."""
    return type(value) is list and len(value) <= MAX_ITEMS and all(map(check, value))
