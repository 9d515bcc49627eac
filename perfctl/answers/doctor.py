"""`doctor`: what keeps perfctl from working, each finding with the line to run."""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from perfctl.answers.answer import Answer, Question
from perfctl.errors import PerfctlError
from perfctl.model import HOUR_MS, Coverage
from perfctl.recording.check import FORMAT_VERSION
from perfctl.spool.folder import SpoolRefused, open_folder
from perfctl.spool.reader import Segment, list_segments
from perfctl.spool.room import MAX_TOTAL_BYTES, NO_ROOM, check_room
from perfctl.store import connection, counters, outbox, place, systems, upkeep
from perfctl.store import requests as stored
from perfctl.store.connection import StoreDamaged
from perfctl.units import format_bytes, format_duration

_FUTURE_MS = 60_000
_UNTRIED_MS = HOUR_MS
"""A message that failed is tried again within the hour."""
_IGNORE = "n_plus_one_ignore:"
_UPGRADE = "pip install --upgrade perfctl"


class Verdict(StrEnum):
    """How an examination came out."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


class Finding(NamedTuple):
    """One thing looked at."""

    name: str
    status: Verdict
    detail: str
    hint: str | None = None


def examine(question: Question, store: Path, *, origin: str, program: str) -> Answer:
    """All findings, in the same order; hints call `program`, with the store that was looked at."""
    findings = [
        _python(),
        _sqlite(),
        Finding("store", *_store(store, origin)),
        *_place(store),
        *_spool(store),
        *_contents(question),
    ]
    findings = [_with_call(finding, f"{program} --db {quote(str(store))}") for finding in findings]
    nothing = Coverage(len(findings), (), 0, 0, None)
    return Answer("doctor", None, nothing, {"findings": findings})


def has_problem(found: Answer) -> bool:
    """Whether any finding is a problem."""
    return any(finding.status is Verdict.PROBLEM for finding in found.data["findings"])


def _with_call(finding: Finding, call: str) -> Finding:
    """The finding with a hint that can be run as it stands."""
    if finding.hint is None:
        return finding
    return finding._replace(
        hint=re.sub(r"(?<![\w./-])perfctl(?= [a-z])", lambda _: call, finding.hint)
    )


def _contents(question: Question) -> list[Finding]:
    try:
        return [
            *_counters(question.con),
            _clock(question),
            _collector(question),
            *_messages(question),
        ]
    except sqlite3.DatabaseError as exc:
        return [Finding("contents", Verdict.UNKNOWN, f"cannot be read: {exc}")]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", Verdict.OK, f"{version}, {sys.executable}")


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version_info
    fixed = version >= (3, 51, 3) or (version[:2] == (3, 50) and version >= (3, 50, 7))
    fixed = fixed or (version[:2] == (3, 44) and version >= (3, 44, 6))
    note = "" if fixed else "; has the WAL-reset bug, from which perfctl's write lock keeps it"
    return Finding("sqlite", Verdict.OK, sqlite3.sqlite_version + note)


def _store(store: Path, origin: str) -> tuple[Verdict, str, str | None]:
    if not store.exists():
        return Verdict.UNKNOWN, f"{store} does not exist (from {origin})", "perfctl init"
    try:
        with connection.reading(store) as con:
            schema = connection.version(con)
            found = upkeep.damage(con) or upkeep.mismatches(con)
    except StoreDamaged as exc:
        return Verdict.PROBLEM, exc.message, _way_out(store)
    except PerfctlError as exc:
        return Verdict.PROBLEM, exc.message, exc.hint
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        hint = _way_out(store)
        return Verdict.PROBLEM, f"{store} is damaged: {found[0]}{more}", hint
    ours = connection.SCHEMA_VERSION
    if schema > ours:
        detail = f"the store's schema {schema} is newer than this perfctl's {ours}: upgrade perfctl"
        return Verdict.PROBLEM, detail, _UPGRADE
    return Verdict.OK, f"{store} (from {origin}), {format_bytes(store.stat().st_size)}", None


def _way_out(store: Path) -> str:
    return f"mv {quote(str(store))} {quote(f'{store}.damaged')} && perfctl collect"


def _place(store: Path) -> Iterator[Finding]:
    if not store.parent.exists():
        return
    try:
        place.check_folder(store)
        found = place.check(store)
    except PerfctlError as exc:
        yield Finding("place", Verdict.PROBLEM, exc.message, exc.hint)
        return
    for warning in found:
        yield Finding("place", Verdict.WARNING, warning)
    if not os.access(store.parent, os.W_OK | os.X_OK):
        is_read_only = os.statvfs(store.parent).f_flag & os.ST_RDONLY
        why = "lies on a read-only file system" if is_read_only else "cannot be written"
        yield Finding("place", Verdict.PROBLEM, f"{store.parent} {why}")
    elif not found:
        yield Finding("place", Verdict.OK, "owner and modes are as they should be")


def _spool(store: Path) -> Iterator[Finding]:
    folder = place.spool_folder(store)
    if not folder.exists():
        yield Finding("spool", Verdict.UNKNOWN, f"{folder} does not exist: no feeder ran yet")
        return
    names = list_segments(folder)
    yield _refusal(folder) or _waiting(folder, names)
    newer = [name for name in names if _is_newer(folder, name)]
    if newer:
        number = "1 segment is" if len(newer) == 1 else f"{len(newer)} segments are"
        detail = f"{number} of a newer format and left unread: {newer[0]}"
        yield Finding("format", Verdict.PROBLEM, detail, _UPGRADE)


def _refusal(folder: Path) -> Finding | None:
    """Why a feeder would write no record there now, by its own rules."""
    try:
        with open_folder(folder) as opened:
            check_room(opened, MAX_TOTAL_BYTES, None)
    except SpoolRefused as exc:
        now = "records are refused now: " if exc.reason in NO_ROOM else ""
        return Finding("spool", Verdict.PROBLEM, now + exc.message, exc.hint)
    return None


def _waiting(folder: Path, names: list[str]) -> Finding:
    size = sum(_size(folder / name) for name in names)
    segments = "1 segment" if len(names) == 1 else f"{len(names)} segments"
    detail = f"{segments}, {format_bytes(size)}"
    if size > MAX_TOTAL_BYTES // 2:
        return Finding("spool", Verdict.WARNING, detail, "perfctl collect")
    return Finding("spool", Verdict.OK, detail)


def _is_newer(folder: Path, name: str) -> bool:
    try:
        with Segment(folder, name) as segment:
            chunk = segment.read(0)
    except OSError:
        return False
    first = chunk.records[0] if chunk and chunk.records else []
    return (
        len(first) > 1
        and first[0] == "perfctl"
        and type(first[1]) is int
        and first[1] > FORMAT_VERSION
    )


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


_MEANINGS = (
    ("dropped:", "refused by the spool", Verdict.PROBLEM),
    ("refused:", "refused by the reader", Verdict.WARNING),
    ("hook:", "failed inside the hook", Verdict.PROBLEM),
    ("clamped:", "had a clock ahead of this one", Verdict.WARNING),
    ("clock:", "found this clock far ahead of all records", Verdict.PROBLEM),
    ("crowded:", "went to (other): too many names", Verdict.WARNING),
)


def _counters(con: sqlite3.Connection) -> Iterator[Finding]:
    found = counters.select(con)
    for prefix, meaning, status in _MEANINGS:
        counted = [c for c in found if c.name.startswith(prefix) and c.total]
        if not counted:
            continue
        names = ", ".join(f"{c.name.removeprefix(prefix)} {c.total}" for c in counted[:4])
        total = sum(c.total for c in counted)
        yield Finding(prefix.rstrip(":"), status, f"{total} {meaning}: {names}")
    unused = sorted(
        {c.name.removeprefix(_IGNORE) for c in found if c.name.startswith(_IGNORE)}
        - {c.name.removeprefix(_IGNORE) for c in found if c.name.startswith(_IGNORE) and c.total}
    )
    if unused:
        names = ", ".join(unused[:4])
        yield Finding(
            "suppressions", Verdict.WARNING, f"never needed in N_PLUS_ONE_IGNORE: {names}"
        )


def _clock(question: Question) -> Finding:
    _, newest_ms = upkeep.raw_range(question.con)
    if newest_ms is not None and newest_ms > question.now_ms + _FUTURE_MS:
        ahead = format_duration((newest_ms - question.now_ms) * 1000)
        return Finding("clock", Verdict.PROBLEM, f"the newest request lies {ahead} ahead", "date")
    return Finding("clock", Verdict.OK, "no request lies in the future")


def _collector(question: Question) -> Finding:
    found = systems.collectors(question.con)
    if not found:
        hint = "* * * * * perfctl collect -q"
        return Finding("collector", Verdict.WARNING, "perfctl collect never ran", hint)
    newest = max(c.last_ms for c in found)
    age = format_duration(max(0, question.now_ms - newest) * 1000)
    never = stored.newest_ms(question.con) is None
    note = "; no request was ever recorded" if never else ""
    return Finding("collector", Verdict.OK, f"last ran {age} ago{note}")


def _messages(question: Question) -> Iterator[Finding]:
    for stuck in outbox.stuck(question.con, question.now_ms):
        age = format_duration(max(0, question.now_ms - stuck.since_ms) * 1000)
        wait = (
            f"1 message for {stuck.channel} waits for {age}"
            if stuck.messages == 1
            else f"{stuck.messages} messages for {stuck.channel} wait, the oldest for {age}"
        )
        if stuck.problem is not None and stuck.next_ms > question.now_ms - _UNTRIED_MS:
            yield Finding(
                "messages", Verdict.PROBLEM, f"{wait}: {stuck.problem}", "perfctl collect"
            )
        else:
            doubt = f"nobody tries any more: is {stuck.channel} still in [notify]?"
            yield Finding("messages", Verdict.WARNING, f"{wait}; {doubt}", "perfctl collect")
