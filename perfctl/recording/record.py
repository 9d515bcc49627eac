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
from perfctl.recording.check import FORMAT_VERSION, MAX_ITEMS, MAX_LINE_BYTES, METHODS
from perfctl.recording.nplus1 import Finding
from perfctl.recording.patterns import OTHER_ORDINAL, Pattern
from perfctl.recording.state import Failure, RequestState

_CUT, _DUPLICATES = int(Flag.CUT), int(Flag.DUPLICATES)
_MOST_PATTERNS = 200
_MOST_FINDINGS = 50
_MOST_FRAMES = 20
_LONGEST_ROUTE = 500
_LONGEST_NAME = 100
_LONGEST_PLACE = 300
_LONGEST_TEST = 500
_LONGEST_MESSAGE = 1000
_MAX_BODY = MAX_LINE_BYTES - len("01234567 \n")


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
    body = '["r",%d,%s,%d,%d,%s,"%s",%d,%s,%s,%s,%s,%s%s]' % (  # noqa: UP031 - the quickest
        state.started_ms,
        state.head,
        state.status,
        state.duration_us,
        state.response_bytes,
        state.request_id,
        state.flags,
        state.cpu_us,
        state.queue_us,
        state.rss_kib,
        state.rss_delta_kib,
        db,
        tail,
    )
    return ("%08x %s\n" % (crc32(body.encode()), body)).encode(), ordinals  # noqa: UP031


def quote(text: str, longest: int) -> str:
    """The text as JSON: not empty, not over-long, without what is no character by itself."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return encode_basestring_ascii(text[:longest] or "?")


def _quote_or_null(text: str | None, longest: int) -> str:
    return quote(text, longest) if text else "null"


def _line(body: str) -> bytes:
    return ("%08x %s\n" % (crc32(body.encode()), body)).encode()  # noqa: UP031


class _Part:
    """One item of a request's tail, with what stands for it where it would be too long."""

    __slots__ = ("default", "shorter", "text")

    def __init__(self, default: str, text: str | None = None, shorter: str | None = None) -> None:
        self.default = default
        self.text = default if text is None else text
        self.shorter = default if shorter is None else shorter


def _encode_tail(
    state: RequestState, findings: Sequence[Finding], db: str
) -> tuple[str, str, Collection[int]]:
    tallies = (state.queries or {}).values()
    if tallies:
        calls = sum([tally.calls for tally in tallies])
        db = f"{calls},{sum([tally.total_ns for tally in tallies]) // 1000}"
    uses = _pattern_uses(state)
    user = _Part("null", _quote_or_null(state.user, 200))
    lifetime = _Part("null", "null" if state.lifetime_us is None else str(state.lifetime_us))
    patterns = _Part("[]", _list(uses), _list([_sum_of(uses)]) if uses else "[]")
    found = _Part("[]", _findings(findings[:_MOST_FINDINGS]))
    caches = _Part("[]", _cache_uses(state), _cache_sums(state))
    test = _Part("null", _quote_or_null(state.test, _LONGEST_TEST))
    spans = _Part("[]", _spans(state))
    parts = [user, lifetime, patterns, found, caches, test, spans]
    room = _MAX_BODY - 400 - len(state.head)
    if any(finding.kind == "d" for finding in findings):
        state.flags |= _DUPLICATES
    for part in (patterns, caches, spans, found, test):
        if sum(len(part.text) + 1 for part in parts) <= room:
            break
        if part.text != part.shorter:
            part.text = part.shorter
            state.flags |= _CUT
    while parts and parts[-1].text == parts[-1].default:
        parts.pop()
    kept = {use[0] for use in uses if use[0] >= 0} if patterns.text != patterns.shorter else set()
    if found.text != found.default:
        kept.update(
            finding.ordinal for finding in findings[:_MOST_FINDINGS] if finding.ordinal >= 0
        )
    return db, "".join("," + part.text for part in parts), kept


Use = tuple[int, int, int, int]  # ordinal, calls, total_us, max_us


def _pattern_uses(state: RequestState) -> list[Use]:
    """The costliest patterns; what is one too many is summed under `(other)`."""
    sums: dict[int, Use] = {}
    for path, tally in (state.queries or {}).items():
        ordinal = path.pattern.ordinal
        use = (ordinal, tally.calls, tally.total_ns // 1000, tally.max_ns // 1000)
        before = sums.get(ordinal)
        sums[ordinal] = use if before is None else _sum_of((before, use), ordinal)
    others = [sums.pop(OTHER_ORDINAL)] if OTHER_ORDINAL in sums else []
    uses = sorted(sums.values(), key=_total_us, reverse=True) if len(sums) > 1 else [*sums.values()]
    others += uses[_MOST_PATTERNS - 1 :] if len(uses) > _MOST_PATTERNS - bool(others) else []
    if not others:
        return uses
    return [*uses[: _MOST_PATTERNS - 1], _sum_of(others)]


def _total_us(use: Use) -> int:
    return use[2]


def _sum_of(uses: Iterable[Use], ordinal: int = OTHER_ORDINAL) -> Use:
    _, calls, totals, maxima = zip(*uses, strict=True)
    return ordinal, sum(calls), sum(totals), max(maxima)


def _list(uses: Iterable[Use]) -> str:
    items = (f"[{ordinal},{calls},{total},{most}]" for ordinal, calls, total, most in uses)
    return f"[{','.join(items)}]"


def _findings(findings: Sequence[Finding]) -> str:
    items = (
        f'["{kind}",{ordinal},{calls},{total_us},{_quote_or_null(place, _LONGEST_PLACE)},'
        f"{_quote_or_null(detail, _LONGEST_PLACE)}]"
        for kind, ordinal, calls, total_us, place, detail in findings
    )
    return f"[{','.join(items)}]"


def _cache_uses(state: RequestState) -> str:
    caches = state.caches
    if not caches:
        return "[]"
    if len(caches) > MAX_ITEMS:
        return _cache_sums(state)
    items = [
        f"[{quote(alias, _LONGEST_NAME)},{quote(prefix, _LONGEST_NAME)},"
        f"{use.hits},{use.misses},{use.writes},{use.total_ns // 1000}]"
        for (alias, prefix), use in caches.items()
    ]
    return f"[{','.join(items)}]"


def _cache_sums(state: RequestState) -> str:
    """The same, one item a cache."""
    sums: dict[str, list[int]] = {}
    for (alias, _), use in (state.caches or {}).items():
        numbers = (use.hits, use.misses, use.writes, use.total_ns // 1000)
        before = sums.get(alias, [0, 0, 0, 0])
        sums[alias] = [a + b for a, b in zip(before, numbers, strict=True)]
    items = (
        f"[{quote(alias, _LONGEST_NAME)},{quote(OTHER, 10)},{','.join(map(str, numbers))}]"
        for alias, numbers in list(sums.items())[:MAX_ITEMS]
    )
    return f"[{','.join(items)}]"


def _spans(state: RequestState) -> str:
    items = (
        f"[{quote(name, _LONGEST_NAME)},{span.calls},{span.total_ns // 1000}]"
        for name, span in list((state.spans or {}).items())[:MAX_ITEMS]
    )
    return f"[{','.join(items)}]"
