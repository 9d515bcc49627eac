"""`endpoints` counts what was recorded, and knows what it does not know."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from perfctl.answers.endpoints import EndpointSummary, Order, summarise_endpoints
from perfctl.answers.spans import SpanSummary
from perfctl.config import Config
from perfctl.errors import UsageError
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS, Filters, Window
from perfctl.stats import nearest_rank
from perfctl.units import parse_moment
from tests.answers.conftest import Ask
from tests.segments import NOW_MS, request

Record = Callable[..., None]


def rows_of(ask: Ask, **said: object) -> list[EndpointSummary]:
    """The rows of a question about the last day."""
    rows: list[EndpointSummary] = summarise_endpoints(ask(), Config(), **said).data["endpoints"]  # type: ignore[arg-type]  # passed on
    return rows


def test_one_route_in_figures(ask: Ask, record: Record) -> None:
    """Every key of a row, from three requests."""
    record(
        [
            request(duration_us=10_000, queries=4, db_us=2_000, queue_us=1_000),
            request(duration_us=30_000, queries=6, db_us=8_000, queue_us=None),
            request(duration_us=2_000_000, status=500, flags=1, queries=None, db_us=None),
        ]
    )

    (row,) = rows_of(ask)

    assert (row.method, row.route, row.count, row.kind) == ("GET", "/items/", 3, "plain")
    assert row.avg_ms == pytest.approx(680)
    assert row.p50_ms == pytest.approx(30, rel=0.01)
    assert row.p95_ms == pytest.approx(2000, rel=0.01)
    assert row.max_ms == 2000
    assert row.error_rate == pytest.approx(1 / 3)
    assert row.status == {"2xx": 2, "5xx": 1}
    assert row.slow_count == 1
    assert row.queries_avg == 5
    assert row.queries_max == 6
    assert row.db_ms_avg == 5
    assert row.queue_ms_avg == 1
    assert row.cache_hit_rate is None
    assert row.total_ms == 2040


def test_what_was_not_watched_is_unknown(ask: Ask, record: Record) -> None:
    """Queries of a route that nobody watched are None, not 0."""
    record([request(queries=None, db_us=None)])

    (row,) = rows_of(ask)

    assert (row.queries_avg, row.queries_max, row.db_ms_avg, row.db_share) == (None,) * 4
    assert (row.n_plus_one, row.duplicates) == (None, None)


def test_percentiles_of_100_000_requests(ask: Ask, record: Record) -> None:
    """p50, p95 and p99 lie within 1 % of the exact nearest rank, spread over ten days."""
    draw = random.Random(11)
    values = [int(draw.lognormvariate(11, 0.9)) + 1 for _ in range(100_000)]
    record(
        [
            request(NOW_MS - draw.randrange(10 * DAY_MS), duration_us=value, request_id="x")
            for value in values
        ]
    )

    answer = summarise_endpoints(ask(since_ms=11 * DAY_MS), Config())

    (row,) = answer.data["endpoints"]
    assert row.count == answer.coverage.samples == 100_000
    ordered = sorted(values)
    for share, found in ((0.5, row.p50_ms), (0.95, row.p95_ms), (0.99, row.p99_ms)):
        exact = nearest_rank(ordered, share)
        assert exact is not None
        assert found == pytest.approx(exact / 1000, rel=0.0101)


def test_the_route_that_took_most_time_comes_first(ask: Ask, record: Record) -> None:
    """Order is by total time; another one can be asked for."""
    record(
        [
            *[request(route="/often/", duration_us=20_000) for _ in range(10)],
            request(route="/slow/", duration_us=150_000),
        ]
    )

    assert [row.route for row in rows_of(ask)] == ["/often/", "/slow/"]
    assert [row.route for row in rows_of(ask, order=Order.P95)] == ["/slow/", "/often/"]


def test_probes_are_listed_on_request_only(ask: Ask, record: Record) -> None:
    """A health probe stands outside every total."""
    record([request(), *[request(route="/healthz", flags=4) for _ in range(9)]])

    assert [row.route for row in rows_of(ask)] == ["/items/"]
    assert {row.route for row in rows_of(ask, with_probes=True)} == {"/items/", "/healthz"}


def test_filters_go_by_what_was_recorded(ask: Ask, record: Record) -> None:
    """Host, release and source each leave their own requests."""
    record([request()] * 2, host="a", release="1")
    record([request()] * 3, host="b", release="2")
    record([request()] * 5, host="b", release="2", source="test")

    def count(**said: str) -> int:
        answer = summarise_endpoints(ask(filters=Filters(**said)), Config())
        return answer.coverage.samples

    assert count() == 5
    assert count(host="a") == 2
    assert count(release="2") == 3
    assert count(source="test") == 5
    assert count(host="a", release="2") == 0


def test_one_route_alone_is_found_however_it_is_written(ask: Ask, record: Record) -> None:
    """Slashes at the ends may be missing."""
    record([request(route="/items/<pk>/"), request(route="/other/")])

    for said in ("/items/<pk>/", "items/<pk>", "/items/<pk>"):
        assert [row.route for row in rows_of(ask, route=said)] == ["/items/<pk>/"]


def test_an_unknown_route_names_the_nearest(ask: Ask, record: Record) -> None:
    """A typing error is exit 2 with a suggestion."""
    record([request()])
    with pytest.raises(UsageError) as raised:
        rows_of(ask, route="/itmes/")
    assert "/items/" in (raised.value.hint or "")


def test_no_data_goes_before_an_unknown_route(ask: Ask) -> None:
    """Of an empty store nothing can be said about a route: exit 3."""
    found = summarise_endpoints(ask(), Config(), route="/items/")
    assert (found.data["endpoints"], found.data["spans"]) == ([], [])
    assert found.coverage.samples == 0


def test_the_trend_has_a_point_a_slice(ask: Ask, record: Record) -> None:
    """Idle slices are None, the others the average of their requests."""
    record([request(NOW_MS - 2 * HOUR_MS, duration_us=8_000), request(NOW_MS, duration_us=4_000)])

    (row,) = rows_of(ask)

    assert [point for point in row.trend if point is not None] == [8.0, 4.0]


def test_a_route_alone_says_what_the_project_has_timed_in_it(ask: Ask, record: Record) -> None:
    """Of that route, method and window only; the one that took most time first."""
    record(
        [
            request(spans=[["seal", 2, 3_000], ["check", 1, 500]]),
            request(spans=[["seal", 4, 9_000]]),
            request(method="POST", spans=[["seal", 1, 70]]),
            request(route="/other/", spans=[["seal", 1, 70]]),
            request(at_ms=NOW_MS - 3 * DAY_MS, spans=[["seal", 1, 70]]),
        ]
    )
    found = summarise_endpoints(ask(), Config(), route="/items/", method="get").data["spans"]
    assert found == [
        SpanSummary("GET", "seal", 2, 6, 2.0, 12.0),
        SpanSummary("GET", "check", 1, 1, 0.5, 0.5),
    ]
    assert "spans" not in summarise_endpoints(ask(), Config()).data


def test_what_is_timed_has_a_window_of_its_own(ask: Ask, record: Record) -> None:
    """By ten minutes, where the route's is by minutes: said, and nothing divided by nothing."""
    record([request(at_ms=NOW_MS - 8 * MINUTE_MS, spans=[["seal", 1, 70]])])
    question = ask()._replace(window=Window(NOW_MS - 5 * MINUTE_MS, NOW_MS))
    found = summarise_endpoints(question, Config(), route="/items/").data
    since_ms, until_ms = (parse_moment(found["spans_window"][e], 0) for e in ("since", "until"))
    assert (since_ms % (10 * MINUTE_MS), until_ms % (10 * MINUTE_MS)) == (0, 0)
    assert since_ms <= NOW_MS - 5 * MINUTE_MS
    assert until_ms >= NOW_MS
