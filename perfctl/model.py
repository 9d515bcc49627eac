"""The words that all layers share: windows, filters, coverage, levels of rollup, flags."""

from enum import IntEnum, IntFlag, StrEnum
from typing import NamedTuple

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Level(IntEnum):
    """How wide a rollup cell is; queries and caches begin at `TEN_MINUTES`."""

    MINUTE = 1
    TEN_MINUTES = 2
    HOUR = 3
    DAY = 4

    @property
    def width_ms(self) -> int:
        return _WIDTH_MS[self]


_WIDTH_MS = {
    Level.MINUTE: MINUTE_MS,
    Level.TEN_MINUTES: 10 * MINUTE_MS,
    Level.HOUR: HOUR_MS,
    Level.DAY: DAY_MS,
}

REQUEST_LEVELS = (Level.MINUTE, Level.HOUR, Level.DAY)
DETAIL_LEVELS = (Level.TEN_MINUTES, Level.HOUR, Level.DAY)


class Flag(IntFlag):
    """What a request was besides its numbers, as in the spool record."""

    ERROR = 1
    KILLED = 2
    PROBE = 4
    STREAM = 8
    LONG = 16
    CUT = 32
    CANCELLED = 64
    DUPLICATES = 128
    CACHES_UNWATCHED = 256
    """Nobody looked, so that no look-up is not none."""


class EndpointKind(IntEnum):
    """Probes stand outside every total, long polls outside slow and percentiles."""

    PLAIN = 0
    PROBE = 1
    LONG = 2


class Source(StrEnum):
    """Where a record was made."""

    LIVE = "live"
    TEST = "test"
    FRONTEND = "frontend"


class Window(NamedTuple):
    """`[since, until)` over the start of requests, in UTC unix milliseconds."""

    since_ms: int
    until_ms: int

    @property
    def length_ms(self) -> int:
        return self.until_ms - self.since_ms


class Filters(NamedTuple):
    """Which origins a question is about; None is any."""

    source: str = Source.LIVE
    host: str | None = None
    release: str | None = None
    environment: str | None = None

    @property
    def is_total(self) -> bool:
        """True where the totals over all hosts and releases answer the question."""
        return self.host is None and self.release is None and self.environment is None


class Coverage(NamedTuple):
    """On what an answer stands."""

    samples: int
    hosts: tuple[str, ...]
    dropped: int
    pending_bytes: int
    newest_age_s: float | None
