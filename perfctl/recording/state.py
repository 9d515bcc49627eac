"""What is known of a request while it runs."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from perfctl.recording.nplus1 import Tally
    from perfctl.recording.patterns import CallPath


Null = Literal["null"]
NULL: Null = "null"


class CacheUse:
    """Operations on the keys of one prefix of one cache."""

    __slots__ = ("hits", "misses", "total_ns", "writes")

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self.writes = 0
        self.total_ns = 0


class Span:
    """Own code timed by name."""

    __slots__ = ("calls", "total_ns")

    def __init__(self) -> None:
        self.calls = 0
        self.total_ns = 0


class Failure(NamedTuple):
    """An exception: its type and the project's own frames, outermost first."""

    at_ms: int
    type: str
    frames: tuple[tuple[str, int, str], ...]
    message: str | None
    is_handled: bool


class RequestState:
    """One request in the making.

    Defaults stand on the class: a request sets only what differs, and pays for nothing else.
    """

    started_ms: float
    started_ns: int
    process: object
    """What a forked child does not share: a request is recorded only where it began."""

    watches_queries: bool = False
    watches_caches: bool = False
    measures_api: bool = False
    measures_process: bool = False
    runs_alone: bool = False
    cpu_started_ns: int = 0

    queries: dict[CallPath, Tally] | None = None
    caches: dict[tuple[str, str], CacheUse] | None = None
    spans: dict[str, Span] | None = None
    failures: list[Failure] | None = None

    # What tells queries apart: the identities seen, the calls of batches by their frame.
    seen: set[int] | None = None
    batches: dict[int, int] | None = None
    batch_calls: int = 0
    waiters: object = None
    """What a hook keeps of who waits for a query, where stacks do not tell."""

    # What stands in the record, as it stands there: unknown is `null`. Those without a default get
    # their value with the answer.
    head: str
    status: int
    duration_us: int
    request_id: str
    flags: int = 0
    response_bytes: int | Null = NULL
    cpu_us: int | Null = NULL
    queue_us: int | Null = NULL
    rss_kib: int | Null = NULL
    rss_delta_kib: int | Null = NULL

    has_more: bool = False
    """Whether there is more to record: errors, or what follows."""
    user: str | None = None
    lifetime_us: int | None = None
    test: str | None = None

    name: str | None = None
    """The operation that the project has named within the route."""
    agent: str | None = None


STATE: ContextVar[RequestState | None] = ContextVar("perfctl_request", default=None)
"""The request that runs in this context."""


def end(state: RequestState) -> None:
    """Watch no more for a request that is recorded, though a task of it may still run."""
    state.watches_queries = state.watches_caches = False
