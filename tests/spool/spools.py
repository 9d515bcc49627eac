"""A spool to write to, its segments as a plain reader sees them, and processes to write from."""

from __future__ import annotations

import fcntl
import json
import os
import traceback
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from perfctl.spool.writer import SpoolWriter
from tests.segments import header, line

HEAD = header()


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Read(NamedTuple):
    """A segment, line by line."""

    records: list[Any]
    torn: list[bytes]
    """Lines without their checksum."""
    tail: bytes
    """What follows the last newline."""


def pattern(ordinal: int) -> list[Any]:
    """The record of a query pattern."""
    return ["p", ordinal, "default", f"SELECT {ordinal}"]


def writer(folder: Path, **options: Any) -> SpoolWriter:
    """A writer of this process; without a rule for the disk unless one is given."""
    return SpoolWriter(
        folder,
        lambda: line(HEAD),
        lambda ordinal: line(pattern(ordinal)),
        **{"min_free": 0, **options},
    )


def segments(folder: Path) -> list[Path]:
    """The segments there, by name."""
    return sorted(folder.glob("*.spool"))


def read(path: Path) -> Read:
    """The whole lines of a segment, each checked by its checksum."""
    *lines, tail = path.read_bytes().split(b"\n")
    records, torn = [], []
    for each in lines:
        if each[8:9] == b" " and each[:8] == b"%08x" % zlib.crc32(each[9:]):
            records.append(json.loads(each[9:]))
        else:
            torn.append(each)
    return Read(records, torn, tail)


def records(folder: Path, *, but: Sequence[str] = ("perfctl", "p", "c")) -> list[Any]:
    """What was recorded in all segments."""
    found = [record for path in segments(folder) for record in read(path).records]
    return [record for record in found if record[0] not in but]


def counters(folder: Path) -> dict[str, int]:
    """The sums of the counters in all segments."""
    sums: dict[str, int] = {}
    for path in segments(folder):
        for record in read(path).records:
            if record[0] == "c":
                sums[record[1]] = sums.get(record[1], 0) + record[2]
    return sums


def is_held(segment: Path) -> bool:
    """Whether a writer lives that holds it."""
    with segment.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def descriptors(path: Path) -> list[int]:
    """This process's open descriptors of a file, or of all files in a folder."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = Path(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:
            continue
        if path in (target, target.parent):
            found.append(int(name))
    return found


def in_child(
    work: Callable[[], Any], *, uid: int = 0, gid: int = 0, groups: Sequence[int] = ()
) -> Any:
    """What `work` returns in a forked child, which then dies without clean-up."""
    source, sink = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            if uid:
                os.setgroups(groups)
                os.setgid(gid)
                os.setuid(uid)
            answer = {"result": work()}
        except BaseException:
            answer = {"error": traceback.format_exc()}
        os.write(sink, json.dumps(answer).encode())
        os._exit(0)
    os.close(sink)
    with open(source, "rb") as file:
        said = file.read()
    os.waitpid(pid, 0)
    answer = json.loads(said)
    assert "error" not in answer, answer["error"]
    return answer["result"]
