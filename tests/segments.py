"""Writes spool segments by hand, as any feeder could."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

from perfctl.store.place import spool_folder

NOW_MS = 1_764_000_000_000


def line(record: Any) -> bytes:
    """A record as a spool line."""
    body = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def header(
    host: str = "web1",
    release: str | None = "r1",
    source: str = "live",
    version: int = 1,
    instance: str | None = None,
) -> list[Any]:
    """The first record of a segment."""
    return ["perfctl", version, host, instance, 4711, release, "production", source, NOW_MS]


def request(at_ms: int = NOW_MS, **changes: Any) -> list[Any]:
    """A request record; `changes` by the names of docs/spool-format.md."""
    fields: dict[str, Any] = {
        "kind": "r",
        "started_ms": at_ms,
        "method": "GET",
        "route": "/items/",
        "status": 200,
        "duration_us": 12_000,
        "response_bytes": 512,
        "request_id": os.urandom(8).hex(),
        "flags": 0,
        "cpu_us": 3_000,
        "queue_us": None,
        "rss_kib": 45_000,
        "rss_delta_kib": 4,
        "queries": 2,
        "db_us": 1_500,
        "user": None,
        "lifetime_us": None,
        "patterns": [],
        "findings": [],
        "caches": [],
        "test": None,
        "spans": [],
    }
    assert changes.keys() <= fields.keys()
    return list((fields | changes).values())


def write(
    store: Path,
    records: list[Any],
    *,
    head: list[Any] | None = None,
    name: str | None = None,
    raw: bytes = b"",
) -> Path:
    """A segment of a dead writer: its header, the records, then raw bytes."""
    folder = spool_folder(store)
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / (name or f"4711-{os.urandom(8).hex()}.spool")
    path.write_bytes(b"".join(map(line, [head or header(), *records])) + raw)
    return path
