"""`requests`: the raw rows, newest first."""

from __future__ import annotations

from typing import NamedTuple

from perfctl.answers.answer import Answer, Question, answer
from perfctl.config import Config
from perfctl.model import EndpointKind, Flag
from perfctl.recording.check import METHODS
from perfctl.store import requests
from perfctl.store.requests import StoredRequest
from perfctl.units import iso_utc


class RequestRow(NamedTuple):
    """One request; what was not measured is None."""

    request_id: str
    started_at: str
    host: str
    release: str | None
    method: str
    route: str
    status: int
    duration_ms: float
    queue_ms: float | None
    cpu_ms: float | None
    queries: int | None
    db_ms: float | None
    n_plus_one: int | None
    duplicates: int | None
    cache_hits: int | None
    cache_misses: int | None
    response_bytes: int | None
    lifetime_ms: float | None
    user: str | None
    flags: list[str]
    test: str | None


class Selection(NamedTuple):
    """Which requests are wanted."""

    slow: bool = False
    failed: bool = False
    route: str | None = None
    method: str | None = None
    user: str | None = None
    probes: bool = False
    most: int = 20


def list_requests(question: Question, config: Config, selection: Selection) -> Answer:
    """The requests that fit; `slow` means above the threshold of its own route."""
    filters = question.filters
    wanted = requests.Question(
        question.window.since_ms,
        question.window.until_ms,
        filters.source,
        filters.host,
        filters.release,
        route=selection.route,
        method=selection.method and _known_method(selection.method),
        user=selection.user,
        slow_us=_lowest_limit_us(config) if selection.slow else None,
        failed=selection.failed,
        kind=None if selection.probes or selection.route else 0,
        most=-1 if selection.slow or not selection.most else selection.most,
    )
    found = requests.select(question.con, wanted)
    if selection.slow:
        found = [row for row in found if row.duration_us > _limit_us(config, row)]
        found = found[: selection.most] if selection.most else found
    rows = [_row(row, _limit_us(config, row)) for row in found]
    return answer(question, "requests", {"requests": rows}, len(rows))


def _known_method(said: str) -> str:
    """The method as it is recorded: a non-standard one is `OTHER`."""
    return said.upper() if said.upper() in METHODS else "OTHER"


def _limit_us(config: Config, row: StoredRequest) -> float:
    return config.for_route(row.method, row.route).request_ms.threshold * 1000


def _lowest_limit_us(config: Config) -> int:
    limits = [config.thresholds.request_ms.threshold]
    for route in config.routes:
        limits += [
            override.threshold
            for override in route.overrides
            if override.name == "request_ms" and override.threshold is not None
        ]
    return int(min(limits) * 1000)


_TOLD = [flag for flag in Flag if flag is not Flag.CACHES_UNWATCHED]
"""What was not watched shows as null."""


def _row(row: StoredRequest, limit_us: float) -> RequestRow:
    flags = [flag.name.lower() for flag in _TOLD if row.flags & flag and flag.name]
    if row.kind != EndpointKind.LONG and row.duration_us > limit_us:
        flags.append("slow")
    return RequestRow(
        request_id=row.request_id,
        started_at=iso_utc(row.started_ms),
        host=row.host,
        release=row.release or None,
        method=row.method,
        route=row.route,
        status=row.status,
        duration_ms=row.duration_us / 1000,
        queue_ms=_ms(row.queue_us),
        cpu_ms=_ms(row.cpu_us),
        queries=row.queries,
        db_ms=_ms(row.db_us),
        n_plus_one=row.n_plus_one,
        duplicates=row.duplicates,
        cache_hits=row.cache_hits,
        cache_misses=row.cache_misses,
        response_bytes=row.response_bytes,
        lifetime_ms=_ms(row.lifetime_us),
        user=row.user,
        flags=flags,
        test=row.test,
    )


def _ms(value_us: int | None) -> float | None:
    return None if value_us is None else value_us / 1000
