"""Writes the lines of the spool, as docs/spool-format.md has them: what the reader's checks accept.

The common record is put together as text, not by a JSON encoder: it is on the way of
each request. Whatever comes from outside goes through `quote`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from json.encoder import encode_basestring_ascii
from typing import NamedTuple
from zlib import crc32

from perfctl.model import Flag
from perfctl.recording.cachekeys import OTHER
from perfctl.recording.check import FORMAT_VERSION, MAX_CALLS, MAX_ITEMS, MAX_LINE_BYTES, METHODS
from perfctl.recording.nplus1 import Finding, Tally
from perfctl.recording.patterns import OTHER_ORDINAL, CallPath, Pattern
from perfctl.recording.state import CacheUse, Failure, RequestState, Span

_CUT, _DUPLICATES = int(Flag.CUT), int(Flag.DUPLICATES)
_MOST_PATTERNS = 200
_MOST_FINDINGS = 50
_MOST_FRAMES = 20
_LONGEST_ROUTE = 500
_LONGEST_NAME = 100
_LONGEST_PLACE = 300
_LONGEST_TEST = 500
_LONGEST_MESSAGE = 1000
# Less what stands before it: method and route, which may be 6 bytes a character, and numbers.
_MOST_TAIL = MAX_LINE_BYTES - 6 * _LONGEST_ROUTE - 1000

CacheCell = tuple[str, str]  # alias, prefix


class Segment(NamedTuple):
    """What the first line of a segment says of the process that writes it."""

    host: str
    instance: str | None
    pid: int
    release: str | None
    environment: str | None
    source: str
    started_ms: int


def encode_header(segment: Segment) -> bytes:
    """The first line of a segment."""
    host, instance, pid, release, environment, source, started_ms = segment
    return _line(
        f'["perfctl",{FORMAT_VERSION},{quote(host, 255)},{_quote_or_null(instance, 255)},{pid},'
        f"{_quote_or_null(release, 200)},{_quote_or_null(environment, 200)},{quote(source, 20)},"
        f"{started_ms}]"
    )


def encode_pattern(pattern: Pattern) -> bytes:
    """The line that tells what an ordinal stands for."""
    alias, fingerprint = quote(pattern.alias, _LONGEST_NAME), quote(pattern.fingerprint, 5000)
    return _line(f'["p",{pattern.ordinal},{alias},{fingerprint}]')


def encode_counter(name: str, n: int) -> bytes:
    """The line that adds to a counter of this host."""
    return _line(f'["c",{quote(name, 200)},{n}]')


def encode_head(method: str, route: str) -> str:
    """Method and route as they stand in a record; kept, since they come again and again."""
    return f"{quote(method if method in METHODS else 'OTHER', 10)},{quote(route, _LONGEST_ROUTE)}"


def encode_failure(state: RequestState, failure: Failure) -> bytes:
    """The record of an exception in a request."""
    frames = ",".join(
        f"[{quote(file, 500)},{line},{quote(function, 300)}]"
        for file, line, function in failure.frames[-_MOST_FRAMES:]
    )
    tail = f",{_quote_or_null(state.user, 200)},{'true' if failure.is_handled else 'false'}"
    return _line(
        f'["e",{failure.at_ms},"{state.request_id}",{state.head},{state.status},'
        f"{quote(failure.type, 300)},[{frames}],{_quote_or_null(failure.message, _LONGEST_MESSAGE)},"
        f"{_quote_or_null(state.agent, 200)}{tail}]"
    )


def encode_request(
    state: RequestState, findings: Sequence[Finding] = ()
) -> tuple[bytes, Collection[int]]:
    """The record of a request, and the ordinals of the query patterns that it refers to."""
    db = "0,0" if state.watches_queries else "null,null"
    tail = ""
    ordinals: Collection[int] = ()
    if state.has_more:
        db, tail, ordinals = _encode_tail(state, findings, db)
    data = (
        f'["r",{int(state.started_ms)},{state.head},{state.status},{state.duration_us},'
        f'{state.response_bytes},"{state.request_id}",{state.flags},{state.cpu_us},'
        f"{state.queue_us},{state.rss_kib},{state.rss_delta_kib},{db}{tail}]"
    ).encode()
    return b"%08x %b\n" % (crc32(data), data), ordinals


def quote(text: str, longest: int) -> str:
    """The text as JSON: not empty, not over-long, without what is no character by itself."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return encode_basestring_ascii(text[:longest] or "?")


def _quote_or_null(text: str | None, longest: int) -> str:
    return quote(text, longest) if text else "null"


def _line(body: str) -> bytes:
    data = body.encode()
    return b"%08x %b\n" % (crc32(data), data)


_TAIL = ("null", "null", "[]", "[]", "[]", "null", "[]")
"""User, lifetime, patterns, findings, caches, test, spans where there are none."""
_USER, _LIFETIME, _PATTERNS, _FINDINGS, _CACHES, _TEST, _SPANS = range(len(_TAIL))


def _encode_tail(
    state: RequestState, findings: Sequence[Finding], db: str
) -> tuple[str, str, Collection[int]]:
    """Queries and their time, the items at the end, and the ordinals that these refer to."""
    parts = list(_TAIL)
    uses: dict[int, Use] = {}
    if _is_too_much(state, findings):
        state.flags |= _CUT
    if state.user is not None:
        parts[_USER] = _quote_or_null(state.user, 200)
    if state.lifetime_us is not None:
        parts[_LIFETIME] = str(state.lifetime_us)
    if state.queries:
        db, uses = _pattern_uses(state.queries)
        parts[_PATTERNS] = _encode_uses(uses.values())
    if findings:
        findings = findings[:_MOST_FINDINGS]
        parts[_FINDINGS] = _encode_findings(findings)
        if any(finding.kind == "d" for finding in findings):
            state.flags |= _DUPLICATES
    if state.caches:
        parts[_CACHES] = _encode_caches(state.caches)
    if state.test is not None:
        parts[_TEST] = _quote_or_null(state.test, _LONGEST_TEST)
    if state.spans:
        parts[_SPANS] = _encode_spans(state.spans)
    ordinals: Collection[int] = uses.keys()
    if findings or OTHER_ORDINAL in uses:
        ordinals = {*uses, *[finding.ordinal for finding in findings]} - {OTHER_ORDINAL}
    tail = _join(parts)
    if len(tail) > _MOST_TAIL:
        ordinals = _shorten(parts, state, uses, findings)
        tail = _join(parts)
    return db, tail, ordinals


def _is_too_much(state: RequestState, findings: Sequence[Finding]) -> bool:
    """Whether there are more items than a record holds."""
    most = max(len(state.caches or ()), len(state.spans or ()))
    return most > MAX_ITEMS or len(findings) > _MOST_FINDINGS


def _join(parts: list[str]) -> str:
    """The items as they follow the others; those at the end are left out where they say nothing."""
    last = len(parts)
    while last and parts[last - 1] == _TAIL[last - 1]:
        last -= 1
    return "," + ",".join(parts[:last]) if last else ""


def _shorten(
    parts: list[str], state: RequestState, uses: dict[int, Use], findings: Sequence[Finding]
) -> Collection[int]:
    """Sum patterns, then caches, and leave out others, until all fits; returns the ordinals left."""
    state.flags |= _CUT
    ordinals: set[int] = set()
    shorter = {
        _PATTERNS: _encode_uses([_sum_of(uses.values())]) if uses else "[]",
        _CACHES: _sum_caches(state.caches or {}),
        _SPANS: "[]",
        _FINDINGS: "[]",
        _TEST: "null",
    }
    for at, text in shorter.items():
        parts[at] = text
        if at == _PATTERNS:
            ordinals = {finding.ordinal for finding in findings}
        elif at == _FINDINGS:
            ordinals = set()
        if len(_join(parts)) <= _MOST_TAIL:
            break
    return ordinals - {OTHER_ORDINAL}


Use = tuple[int, int, int, int]  # ordinal, calls, total_us, max_us


def _pattern_uses(queries: dict[CallPath, Tally]) -> tuple[str, dict[int, Use]]:
    """Number and time of all queries, and the uses of each pattern over its paths."""
    uses: dict[int, Use] = {}
    n_calls = total_us = 0
    for path, tally in queries.items():
        ordinal, calls, us = path.pattern.ordinal, tally.calls, tally.total_ns // 1000
        n_calls += calls
        total_us += us
        use = (ordinal, calls, us, tally.max_ns // 1000)
        before = uses.get(ordinal)
        uses[ordinal] = use if before is None else _sum_of((before, use), ordinal)
    if len(uses) > _MOST_PATTERNS or OTHER_ORDINAL in uses:
        uses = _costliest(uses)
    return f"{n_calls},{total_us}", uses


def _costliest(uses: dict[int, Use]) -> dict[int, Use]:
    """The costliest patterns; what is one too many is summed under `(other)`, which stands last."""
    others = [uses.pop(OTHER_ORDINAL)] if OTHER_ORDINAL in uses else []
    by_cost = sorted(uses.values(), key=_total_us, reverse=True)
    room = _MOST_PATTERNS - 1 if others or len(by_cost) > _MOST_PATTERNS else _MOST_PATTERNS
    others += by_cost[room:]
    kept = {use[0]: use for use in by_cost[:room]}
    if others:
        kept[OTHER_ORDINAL] = _sum_of(others)
    return kept


def _total_us(use: Use) -> int:
    return use[2]


def _sum_of(uses: Iterable[Use], ordinal: int = OTHER_ORDINAL) -> Use:
    _, calls, totals, maxima = zip(*uses, strict=True)
    return ordinal, min(sum(calls), MAX_CALLS - 1), sum(totals), max(maxima)


def _encode_uses(uses: Iterable[Use]) -> str:
    items = [f"[{ordinal},{calls},{total},{most}]" for ordinal, calls, total, most in uses]
    return f"[{','.join(items)}]"


def _encode_findings(findings: Sequence[Finding]) -> str:
    items = [
        f'["{kind}",{ordinal},{calls},{total_us},{_quote_or_null(place, _LONGEST_PLACE)},'
        f"{_quote_or_null(detail, _LONGEST_PLACE)}]"
        for kind, ordinal, calls, total_us, place, detail in findings
    ]
    return f"[{','.join(items)}]"


def _encode_caches(caches: dict[CacheCell, CacheUse]) -> str:
    if len(caches) > MAX_ITEMS:
        return _sum_caches(caches)
    items = [
        f"[{quote(alias, _LONGEST_NAME)},{quote(prefix, _LONGEST_NAME)},"
        f"{use.hits},{use.misses},{use.writes},{use.total_ns // 1000}]"
        for (alias, prefix), use in caches.items()
    ]
    return f"[{','.join(items)}]"


def _sum_caches(caches: dict[CacheCell, CacheUse]) -> str:
    """The same, one item a cache."""
    sums: dict[str, list[int]] = {}
    for (alias, _), use in caches.items():
        numbers = (use.hits, use.misses, use.writes, use.total_ns // 1000)
        before = sums.get(alias, [0, 0, 0, 0])
        sums[alias] = [a + b for a, b in zip(before, numbers, strict=True)]
    items = [
        f"[{quote(alias, _LONGEST_NAME)},{quote(OTHER, 10)},{','.join(map(str, numbers))}]"
        for alias, numbers in list(sums.items())[:MAX_ITEMS]
    ]
    return f"[{','.join(items)}]"


def _encode_spans(spans: dict[str, Span]) -> str:
    items = [
        f"[{quote(name, _LONGEST_NAME)},{span.calls},{span.total_ns // 1000}]"
        for name, span in list(spans.items())[:MAX_ITEMS]
    ]
    return f"[{','.join(items)}]"
