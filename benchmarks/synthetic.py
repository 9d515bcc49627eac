"""Made-up traffic: 100 endpoints by Zipf's law, log-normal durations with 1 % of slow ones."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from perfctl.spool.writer import MAX_FILE_BYTES

NOW_MS = 1_764_000_000_000
"""When the made-up present is: 2025-11-24T16:00:00Z."""
ENDPOINTS = 100
PATTERNS_EACH = 5
_METHODS = ("GET", "GET", "GET", "POST")
_WEIGHTS = list(accumulate((rank + 1) ** -1.1 for rank in range(ENDPOINTS)))
_MEDIAN_US = [int(4000 * 1.04**rank) for rank in range(ENDPOINTS)]


def endpoint(rank: int) -> tuple[str, str]:
    """Method and route of the endpoint of that rank."""
    return _METHODS[rank % 4], f"/api/v1/resource-{rank}/<int:pk>/"


def draw_durations(draw: random.Random, ranks: list[int]) -> list[int]:
    """A duration in microseconds for each rank; 1 % of them 2 to 10 s."""
    uniform, log_normal = draw.random, draw.lognormvariate
    return [
        int(2e6 + 8e6 * uniform())
        if uniform() < 0.01
        else max(200, int(_MEDIAN_US[rank] * log_normal(0, 0.7)))
        for rank in ranks
    ]


def draw_ranks(draw: random.Random, count: int) -> list[int]:
    """So many endpoints, by Zipf's law."""
    return draw.choices(range(ENDPOINTS), cum_weights=_WEIGHTS, k=count)


def draw_statuses(draw: random.Random, count: int) -> list[int]:
    """Statuses with 1.2 % of failures and 5 % of client errors."""
    return draw.choices((200, 404, 500), weights=(938, 50, 12), k=count)


def requests(
    count: int, per_minute: int, *, is_full: bool, seed: int = 1, until_ms: int = NOW_MS
) -> Iterator[list[Any]]:
    """Request records in the order of time, the last just before `until_ms`.

    A full one has five query patterns and one cache prefix; a lean one has no queries at all.
    """
    draw = random.Random(seed)
    ranks = draw_ranks(draw, count)
    durations = draw_durations(draw, ranks)
    statuses = draw_statuses(draw, count)
    step_ms = 60_000 / per_minute
    for number, (rank, duration, status) in enumerate(zip(ranks, durations, statuses, strict=True)):
        at_ms = until_ms - int((count - number) * step_ms)
        record = ["r", at_ms, *endpoint(rank), status, duration, draw.getrandbits(14),
                  f"{draw.getrandbits(64):016x}", int(status >= 500), duration // 3, 1800,
                  61_440 + (number & 1023), (number & 3) * 4]  # fmt: skip
        if is_full:
            each_us = duration // 12
            uses = [
                [ordinal, 1, each_us + ordinal % 7, each_us + ordinal % 7]
                for ordinal in range(rank * PATTERNS_EACH, (rank + 1) * PATTERNS_EACH)
            ]
            caches = [["default", "item", number & 1, 1 - (number & 1), 0, 35]]
            record += [PATTERNS_EACH, each_us * 5, str(number % 997), None, uses, [], caches]
        else:
            record += [0, 0]
        yield record


def line(record: list[Any]) -> bytes:
    """A record as a line of a segment."""
    body = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def head(pid: int) -> list[bytes]:
    """The lines that a segment begins with: its header, and all query patterns."""
    header = ["perfctl", 1, "web1", None, pid, "2026.11", "production", "live", NOW_MS]
    patterns = [
        ["p", ordinal, "default", f"SELECT c{ordinal} FROM vault_item WHERE owner_id = ?"]
        for ordinal in range(ENDPOINTS * PATTERNS_EACH)
    ]
    return [line(header), *map(line, patterns)]


def write_spool(folder: Path, records: Iterator[list[Any]]) -> int:
    """Write records into segments of the usual size in `folder`; returns their bytes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    total = 0
    pid = 1000
    lines: list[bytes] = []
    size = MAX_FILE_BYTES
    for record in records:
        if size >= MAX_FILE_BYTES:
            _write_segment(folder, pid, lines)
            pid += 1
            lines = head(pid)
            size = sum(map(len, lines))
        lines.append(line(record))
        size += len(lines[-1])
        total += len(lines[-1])
    _write_segment(folder, pid, lines)
    return total


def _write_segment(folder: Path, pid: int, lines: list[bytes]) -> None:
    if lines:
        (folder / f"{pid}-{pid:016x}.spool").write_bytes(b"".join(lines))
