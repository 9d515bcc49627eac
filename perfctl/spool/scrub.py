"""Takes a user out of what is read of a segment that its writer still holds open.

Each line keeps its length, so that writer and reader find everything where it was: the identifier
becomes an empty text, spaces fill the line, and the checksum is made anew.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

_USER_AT = {"r": 15, "e": 10}
"""Where in a record the user stands, by kind (docs/spool-format.md)."""


class Scrubbed(NamedTuple):
    """How many lines changed, and whether lines that are not read yet mention a user."""

    lines: int
    is_left: bool


def scrub(path: Path, position: int, users: Collection[str]) -> Scrubbed:
    """Take users out of the lines up to a read position."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        size = os.fstat(fd).st_size
        changed, at = 0, 0
        for piece in os.pread(fd, position, 0).split(b"\n")[:-1]:
            line = piece + b"\n"
            scrubbed = without(line, users)
            if scrubbed != line:
                os.pwrite(fd, scrubbed, at)
                changed += 1
            at += len(line)
        if changed:
            os.fdatasync(fd)
        return Scrubbed(changed, _mentions(os.pread(fd, size - at, at), users))
    finally:
        os.close(fd)


def without(line: bytes, users: Collection[str]) -> bytes:
    """The line without its user and as long as before; as it is where it is not of one of them."""
    record = _decode(line)
    if record is None:
        return _spoilt(line) if _mentions(line, users) else line
    at = _USER_AT.get(record[0], len(record))
    if len(record) <= at or record[at] not in users:
        return line
    record[at] = ""
    body = json.dumps(record, separators=(",", ":")).encode().ljust(len(line) - 10)
    if len(body) > len(line) - 10:
        return _spoilt(line)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _decode(line: bytes) -> list[Any] | None:
    try:
        record = json.loads(line[9:])
    except ValueError:
        return None
    return record if isinstance(record, list) and record and isinstance(record[0], str) else None


def _mentions(line: bytes, users: Collection[str]) -> bool:
    return any(json.dumps(user).encode() in line for user in users)


def _spoilt(line: bytes) -> bytes:
    """What was torn, or was not written as the format says, is read already: nobody misses it."""
    return b"!" * (len(line) - 1) + b"\n"
