"""Notices a clock that has jumped ahead: all that waits would be refused as too old."""

from __future__ import annotations

import sqlite3

from perfctl.model import Source
from perfctl.spool.reader import Chunk
from perfctl.store import counters, requests
from perfctl.units import format_duration

AHEAD = "clock:ahead"


class ClockWatch:
    """Compares now with what was stored last and with what waits."""

    def __init__(self, con: sqlite3.Connection, now_ms: int, keep_ms: int) -> None:
        self._con = con
        self._oldest_ms = now_ms - keep_ms
        self._now_ms = now_ms
        self._newest_ms = requests.newest_ms(con)
        self.is_ahead = False
        """Whether a segment was left for it."""

    def note(self, newest_ms: int) -> None:
        """Take note of the newest request of what was stored."""
        self._newest_ms = max(self._newest_ms or 0, newest_ms) or None

    def leaves(self, chunk: Chunk, source: str) -> bool:
        """Whether a chunk is to wait: it is all too old, and so is the newest request stored.

        Tests freeze the clock: what they write is taken whenever they say it was.
        """
        if source == Source.TEST or self._newest_ms is None or self._newest_ms >= self._oldest_ms:
            return False
        times = [time for time in map(_time_of, chunk.records) if time is not None]
        if not times or max(times) >= self._oldest_ms:
            return False
        if not self.is_ahead:
            counters.note(self._con, "", AHEAD, self._now_ms)
        self.is_ahead = True
        return True

    def remarks(self) -> tuple[str, ...]:
        """What to say of it."""
        if not self.is_ahead or self._newest_ms is None:
            return ()
        ahead = format_duration((self._now_ms - self._newest_ms) * 1000)
        return (
            f"the clock is {ahead} ahead of the newest request and of what waits in the spool,"
            " which is left there: is it right? (date)",
        )


def _time_of(record: list[object]) -> int | None:
    """When a request or an error was, or a segment begun."""
    place = {"r": 1, "e": 1, "perfctl": 8}.get(str(record[0]))
    time = record[place] if place is not None and place < len(record) else None
    return time if type(time) is int else None
