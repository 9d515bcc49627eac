"""Reads spool segments as docs/spool-format.md has them, without perfctl's own reader."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from perfctl.recording import check

ERROR, KILLED, PROBE, STREAM, LONG, CUT, CANCELLED, DUPLICATES, BLIND = (1 << n for n in range(9))
_NAME = re.compile(r"\d+-[0-9a-f]{16}\.spool")
_CHECKS = {
    "r": check.is_request,
    "p": check.is_pattern,
    "e": check.is_error,
    "c": check.is_counter,
}


class Header(NamedTuple):
    """The first line of a segment."""

    version: int
    host: str
    instance: str | None
    pid: int
    release: str | None
    environment: str | None
    source: str
    started_ms: int


class Use(NamedTuple):
    """A query pattern in a request; alias and sql are None for the sum of others."""

    alias: str | None
    sql: str | None
    calls: int
    total_us: int
    max_us: int


class Finding(NamedTuple):
    """An N+1 (`n`) or a duplicate (`d`)."""

    kind: str
    sql: str | None
    calls: int
    total_us: int
    site: str | None
    detail: str | None


class Request(NamedTuple):
    """A request record, its tail filled up with the defaults."""

    started_ms: int
    method: str
    route: str
    status: int
    duration_us: int
    response_bytes: int | None
    request_id: str
    flags: int
    cpu_us: int | None
    queue_us: int | None
    rss_kib: int | None
    rss_delta_kib: int | None
    queries: int | None
    db_us: int | None
    user: str | None
    lifetime_us: int | None
    patterns: list[Use]
    findings: list[Finding]
    caches: dict[tuple[str, str], tuple[int, int, int]]
    test: str | None
    spans: dict[str, int]
    pid: int
    caches_us: int
    watches_caches: bool

    @property
    def sql(self) -> dict[str | None, int]:
        """Calls by statement."""
        return {use.sql: use.calls for use in self.patterns}


class Error(NamedTuple):
    """An error record."""

    at_ms: int
    request_id: str | None
    method: str | None
    route: str | None
    status: int | None
    type: str
    frames: list[tuple[str, int, str]]
    message: str | None
    agent: str | None
    user: str | None
    handled: bool


class Spool(NamedTuple):
    """All that stands in a spool folder."""

    headers: list[Header]
    requests: list[Request]
    errors: list[Error]
    counters: dict[str, int]
    lines: list[bytes]


def read(folder: Path) -> Spool:
    """What was recorded; every line is one that perfctl's reader accepts."""
    spool = Spool([], [], [], {}, [])
    paths = sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime_ns)
    for segment in paths if folder.is_dir() else []:
        assert _NAME.fullmatch(segment.name), segment
        _read_segment(segment.read_bytes(), spool)
    spool.requests.sort(key=lambda request: request.started_ms)
    return spool


def _read_segment(data: bytes, spool: Spool) -> None:
    if not data:
        return
    assert data.endswith(b"\n")
    patterns: dict[int, tuple[str, str]] = {}
    header = None
    for line in data.splitlines():
        checksum, _, body = line.partition(b" ")
        assert int(checksum, 16) == zlib.crc32(body), line
        assert len(line) < 65_536
        assert line.isascii()
        spool.lines.append(line)
        record = json.loads(body)
        if header is None:
            assert check.header(record), record
            header = Header(*record[1:])
            spool.headers.append(header)
            continue
        assert _CHECKS[record[0]](record), record
        match record[0]:
            case "p":
                assert record[1] not in patterns, "a pattern stands once in a segment"
                patterns[record[1]] = tuple(record[2:])
            case "r":
                spool.requests.append(_request(record[1:], patterns, header.pid))
            case "e":
                tail = [None, False][len(record) - 11 :] if len(record) < 13 else []
                fields = [*record[1:], *tail][:11]
                fields[6] = [tuple(frame) for frame in fields[6]]
                spool.errors.append(Error(*fields))
            case "c":
                name, n = record[1:]
                spool.counters[name] = spool.counters.get(name, 0) + n


def _request(fields: list[Any], patterns: dict[int, tuple[str, str]], pid: int) -> Request:
    head, tail = fields[:14], fields[14:]
    defaults = [None, None, [], [], [], None, []]
    user, lifetime, uses, findings, caches, test, spans = tail + defaults[len(tail) :]
    watches_caches = not head[7] & BLIND
    head[7] &= ~BLIND
    return Request(
        *head,
        user,
        lifetime,
        [Use(*_pattern(ordinal, patterns), *rest) for ordinal, *rest in uses],
        [Finding(kind, _pattern(ordinal, patterns)[1], *rest) for kind, ordinal, *rest in findings],
        {(alias, prefix): tuple(counts[:3]) for alias, prefix, *counts in caches},
        test,
        {name: calls for name, calls, _ in spans},
        pid,
        sum(use[5] for use in caches),
        watches_caches,
    )


def _pattern(
    ordinal: int, patterns: dict[int, tuple[str, str]]
) -> tuple[str, str] | tuple[None, None]:
    return (None, None) if ordinal == -1 else patterns[ordinal]
