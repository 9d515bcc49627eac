"""`endpoints --compare` sets each route beside what it was, and knows when it cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfctl.answers.compare import ComparedEndpoint, compare_endpoints
from perfctl.config import Config
from perfctl.errors import UsageError
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS
from perfctl.store import deploys
from perfctl.store.connection import transaction, writing
from perfctl.store.deploys import Deploy
from perfctl.units import iso_utc
from tests.answers.conftest import Ask
from tests.segments import NOW_MS, request

Record = Callable[..., None]
WEEK_MS = 7 * DAY_MS


def many(at_ms: int, count: int, duration_us: int, **changes: Any) -> list[Any]:
    """Requests that begin a second after each other."""
    return [request(at_ms + i * 1000, duration_us=duration_us, **changes) for i in range(count)]


def mark(store: Path, name: str, at_ms: int) -> None:
    """Put a deploy on the time line."""
    with writing(store) as con, transaction(con):
        deploys.add(con, Deploy(0, at_ms, "marked", "web1", "", name, name, "", "", None, None))


def by_route(answer: Any) -> dict[str, ComparedEndpoint]:
    """The rows of an answer."""
    return {row.route: row for row in answer.data["endpoints"]}


def test_a_week_before(ask: Ask, record: Record) -> None:
    """The same hours, seven days earlier: percentiles, queries, errors, and what came and went."""
    then, now = NOW_MS - WEEK_MS - 2 * HOUR_MS, NOW_MS - 2 * HOUR_MS
    record(
        many(then, 100, 10_000, queries=2)
        + many(then, 10, 10_000, route="/rare/")
        + many(then, 30, 10_000, route="/gone/")
        + many(now, 95, 20_000, queries=12)
        + many(now, 5, 20_000, status=500, queries=12)
        + many(now, 10, 90_000, route="/rare/")
        + many(now, 30, 10_000, route="/new/")
    )

    answer = compare_endpoints(ask(), Config(), "7d")

    rows = by_route(answer)
    items = rows["/items/"]
    assert items.before is not None
    assert items.change is not None
    assert (items.count, items.before.count) == (100, 100)
    assert items.change.p50_ratio == pytest.approx(2, rel=0.02)
    assert items.change.p95_ratio == pytest.approx(2, rel=0.02)
    assert items.change.queries_ratio == 6
    assert items.change.queries_change == 10
    assert items.change.error_rate_change == pytest.approx(0.05)
    assert items.change.too_few == []
    assert (rows["/new/"].before, rows["/new/"].change) == (None, None)
    assert answer.data["gone"] == [{"method": "GET", "route": "/gone/", "count": 30}]
    assert answer.data["compared_with"]["samples"] == 140
    assert answer.coverage.samples == 140


def test_too_few_requests_tell_nothing(ask: Ask, record: Record) -> None:
    """20 for a rate, 50 for a p95, on each side."""
    then, now = NOW_MS - WEEK_MS - HOUR_MS, NOW_MS - HOUR_MS
    for route, before, after in (("/a/", 19, 100), ("/b/", 100, 49), ("/c/", 50, 50)):
        record(many(then, before, 10_000, route=route) + many(now, after, 20_000, route=route))

    rows = by_route(compare_endpoints(ask(), Config(), "7d"))

    changes = {route: row.change for route, row in rows.items() if row.change}
    assert changes["/a/"].too_few == ["p50", "queries", "error_rate", "p95"]
    assert changes["/a/"][:6] == (None,) * 6
    assert changes["/b/"].too_few == ["p95"]
    assert changes["/b/"].p95_ratio is None
    assert changes["/b/"].p50_ratio == pytest.approx(2, rel=0.02)
    assert changes["/c/"].too_few == []


def test_a_deploy_against_what_was_before_it(ask: Ask, record: Record, store: Path) -> None:
    """From the deploy to the next one, against as long before it, but not beyond the one before."""
    at_ms = NOW_MS - NOW_MS % MINUTE_MS
    mark(store, "v0", at_ms - 100 * MINUTE_MS)
    mark(store, "v1", at_ms - 60 * MINUTE_MS + 30_000)
    mark(store, "v2", at_ms - 10 * MINUTE_MS)
    record(
        many(at_ms - 110 * MINUTE_MS, 100, 900_000)  # before v0
        + many(at_ms - 90 * MINUTE_MS, 60, 10_000)
        + many(at_ms - 60 * MINUTE_MS, 30, 500_000)  # in the minute of the deploy: neither side
        + many(at_ms - 50 * MINUTE_MS, 70, 30_000)
        + many(at_ms - 9 * MINUTE_MS, 100, 700_000)  # v2
    )

    answer = compare_endpoints(ask(), Config(), "deploy:v1")

    (row,) = answer.data["endpoints"]
    assert row.before is not None
    assert (row.count, row.before.count) == (70, 60)
    assert row.change is not None
    assert row.change.p95_ratio == pytest.approx(3, rel=0.02)
    assert answer.data["compared_with"]["deploy"] == "v1"
    assert answer.data["compared_with"]["until"] == iso_utc(at_ms - 60 * MINUTE_MS)
    assert answer.data["compared_with"]["since"] == iso_utc(at_ms - 100 * MINUTE_MS)


def test_a_window_that_was_said_stays(ask: Ask, record: Record, store: Path) -> None:
    """`--since` with a deploy: this window, against as long before the deploy."""
    at_ms = NOW_MS - NOW_MS % MINUTE_MS
    mark(store, "v1", at_ms - 60 * MINUTE_MS)
    record(
        many(at_ms - 75 * MINUTE_MS, 60, 10_000)
        + many(at_ms - 50 * MINUTE_MS, 60, 20_000)
        + many(at_ms - 5 * MINUTE_MS, 60, 50_000)
    )

    answer = compare_endpoints(
        ask(since_ms=20 * MINUTE_MS), Config(), "deploy:v1", is_window_said=True
    )

    (row,) = answer.data["endpoints"]
    assert row.before is not None
    assert row.change is not None
    assert (row.count, row.before.count) == (60, 60)
    assert row.change.p95_ratio == pytest.approx(5, rel=0.02)


@pytest.mark.parametrize("other", ["", "yesterday", "deploy", "-7d", "99999d"])
def test_what_cannot_be_compared_with_is_wrong_usage(ask: Ask, other: str) -> None:
    """With what to write instead."""
    with pytest.raises(UsageError) as raised:
        compare_endpoints(ask(), Config(), other)
    assert "deploy:REF" in (raised.value.hint or "")
