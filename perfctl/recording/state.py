"""What is known of a request while it runs."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from perfctl.recording.nplus1 import Tally
    from perfctl.recording.patterns import CallPath


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
    """One request in the making; `queries` and `caches` are None where they are not watched.

    What `__init__` does not set is set once the request is answered.
    """

    __slots__ = (
        "agent",
        "batch_calls",
        "batches",
        "caches",
        "cpu_started_ns",
        "cpu_us",
        "duration_us",
        "failures",
        "flags",
        "head",
        "lifetime_us",
        "measures_api",
        "measures_process",
        "name",
        "process",
        "queries",
        "queue_us",
        "request_id",
        "response_bytes",
        "rss_delta_kib",
        "rss_kib",
        "rss_started_kib",
        "runs_alone",
        "seen",
        "spans",
        "started_ms",
        "started_ns",
        "status",
        "task",
        "test",
        "user",
    )

    started_ms: int
    started_ns: int
    process: object
    runs_alone: bool
    rss_started_kib: int | None
    cpu_started_ns: int | None
    task: object
    status: int
    head: str
    request_id: str
    duration_us: int
    response_bytes: int | None
    cpu_us: int | None
    queue_us: int | None
    rss_kib: int | None
    rss_delta_kib: int | None
    user: str | None
    lifetime_us: int | None
    test: str | None
    agent: str | None

    def __init__(self, started_ms: int, started_ns: int) -> None:
        self.started_ms = started_ms
        self.started_ns = started_ns
        self.flags = 0
        self.measures_process = False
        self.measures_api = False
        self.queue_us = None
        self.name: str | None = None
        self.queries: dict[CallPath, Tally] | None = None
        self.caches: dict[tuple[str, str], CacheUse] | None = None
        self.spans: dict[str, Span] | None = None
        self.failures: list[Failure] | None = None
        # What tells the queries apart: identities seen, calls of batches by their frame.
        self.seen: set[int] | None = None
        self.batches: dict[int, int] | None = None
        self.batch_calls = 0


STATE: ContextVar[RequestState | None] = ContextVar("perfctl_request", default=None)
"""The request that runs in this context."""
