"""Makes requests to the test project and reads back the records that they left in the spool."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.test.utils import override_settings

from perfctl.model import Flag
from perfctl.recording import check

PERFORMANCE = "django_hook.middleware.PerformanceMonitoringMiddleware"
DATABASE = "django_hook.middleware.DatabaseQueryMonitoringMiddleware"
API = "django_hook.middleware.APIPerformanceMiddleware"
CACHE = "django_hook.middleware.CachePerformanceMiddleware"
HOOK = [PERFORMANCE, DATABASE, API, CACHE]


class Finding(NamedTuple):
    """A finding of a request, with the statement it is about."""

    kind: str
    ordinal: int
    calls: int
    total_us: int
    place: str | None
    detail: str | None
    sql: str


class Request(NamedTuple):
    """A request's record, all items of it."""

    started_ms: int
    method: str
    route: str
    status: int
    duration_us: int
    response_bytes: int | None
    request_id: str
    flags: Flag
    cpu_us: int | None
    queue_us: int | None
    rss_kib: int | None
    rss_delta_kib: int | None
    queries: int | None
    db_us: int | None
    user: str | None
    lifetime_us: int | None
    patterns: dict[str, int]
    findings: list[Finding]
    caches: dict[tuple[str, str], tuple[int, int, int]]
    test: str | None
    spans: dict[str, int]

    @property
    def n_plus_one(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind == "n"]

    @property
    def duplicates(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind == "d"]


class Error(NamedTuple):
    """An error's record, all items of it."""

    at_ms: int
    request_id: str
    method: str
    route: str
    status: int
    type: str
    frames: list[list[Any]]
    message: str | None
    agent: str | None
    user: str | None
    handled: bool


class Recorded:
    """The project with a store of its own: `get` makes a request, `requests` reads the spool."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self._settings: list[override_settings] = []

    def __enter__(self) -> Recorded:
        self.use(PERFCTL={})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from django_hook.hook import hook_for

        while self._settings:
            self._settings.pop().disable()
        hook_for.cache_clear()

    def use(self, **changed: Any) -> Recorded:
        """Change settings for the rest of the test; `PERFCTL` gets the store's place."""
        if "PERFCTL" in changed:
            changed["PERFCTL"] = {"DB": str(self.store)} | changed["PERFCTL"]
        override = override_settings(**changed)
        override.enable()
        self._settings.append(override)
        return self

    def get(self, path: str, **extra: Any) -> HttpResponse:
        """Make a GET request and read the answer to its end."""
        return self.ask(Client(raise_request_exception=False), path, **extra)

    def ask(self, client: Client, path: str, method: str = "get", **extra: Any) -> HttpResponse:
        """Make a request with that client and read the answer to its end."""
        response = getattr(client, method)(path, **extra)
        if response.streaming:
            b"".join(response.streaming_content)
        response.close()
        return response

    def get_async(self, path: str, **extra: Any) -> HttpResponse:
        """The same through Django's ASGI side."""

        async def ask() -> HttpResponse:
            response = await AsyncClient(raise_request_exception=False).get(path, **extra)
            if response.streaming:
                async for _ in response:
                    pass
            await sync_to_async(response.close)()
            return response

        return async_to_sync(ask)()

    def records(self, *kinds: str) -> list[list[Any]]:
        """The records of these kinds, each checked as the reader will."""
        return [
            record
            for segment in self.segments
            for record in read_segment(segment)
            if record[0] in kinds
        ]

    @property
    def segments(self) -> list[Path]:
        """The files of the spool."""
        return sorted(self.store.parent.glob(f"{self.store.name}.spool/*.spool"))

    @property
    def spooled(self) -> bytes:
        """All that stands in the spool."""
        return b"".join(segment.read_bytes() for segment in self.segments)

    @property
    def requests(self) -> list[Request]:
        """The requests recorded so far."""
        shapes = {record[1]: record[3] for record in self.records("p")}
        return [_request(record, shapes) for record in self.records("r")]

    @property
    def only(self) -> Request:
        """The one request that was recorded."""
        (request,) = self.requests
        return request

    @property
    def errors(self) -> list[Error]:
        """The errors recorded so far."""
        return [
            Error(*(record[1:] + [None, False][len(record) - 10 :])) for record in self.records("e")
        ]

    @property
    def counters(self) -> dict[str, int]:
        """What was counted so far."""
        sums: dict[str, int] = {}
        for _, name, n in self.records("c"):
            sums[name] = sums.get(name, 0) + n
        return sums


def read_segment(segment: Path) -> Iterator[list[Any]]:
    """The records of a segment; each line is checked as the format has it."""
    for line in segment.read_bytes().splitlines(keepends=True):
        assert line.isascii()
        assert line.endswith(b"\n")
        assert len(line) <= check.MAX_LINE_BYTES
        checksum, _, body = line.rstrip(b"\n").partition(b" ")
        assert checksum == b"%08x" % zlib.crc32(body)
        record = json.loads(body)
        assert is_accepted(record), record
        yield record


def is_accepted(record: list[Any]) -> bool:
    """Whether the reader takes the record."""
    checks = {
        "r": check.is_request,
        "p": check.is_pattern,
        "e": check.is_error,
        "c": check.is_counter,
        "perfctl": lambda record: check.header(record) is not None,
    }
    return bool(checks[record[0]](record))


def _request(record: list[Any], shapes: dict[int, str]) -> Request:
    defaults: list[Any] = [None, None, [], [], [], None, []]
    tail = record[15:] + defaults[len(record) - 15 :]
    user, lifetime_us, patterns, findings, caches, test, spans = tail
    head = [*record[1:8], Flag(record[8]), *record[9:15]]
    return Request(
        *head,
        user,
        lifetime_us,
        {shapes.get(ordinal, "(other)"): calls for ordinal, calls, _, _ in patterns},
        [Finding(*finding, sql=shapes.get(finding[1], "(other)")) for finding in findings],
        {(alias, prefix): (h, m, w) for alias, prefix, h, m, w, _ in caches},
        test,
        {name: calls for name, calls, _ in spans},
    )
