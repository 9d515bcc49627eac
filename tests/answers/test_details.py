"""`database`, `cache`, `requests` and `summary`: what a window holds of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from perfctl.answers.cache import summarise_caches
from perfctl.answers.database import Order, summarise_database
from perfctl.answers.requests import Selection, list_requests
from perfctl.answers.summary import summarise
from perfctl.config import Config, parse
from perfctl.units import iso_utc
from tests.answers.conftest import Ask
from tests.segments import NOW_MS, request

Record = Callable[..., None]
SQL = "SELECT * FROM item WHERE owner_id = ?"


def test_a_pattern_stands_apart_at_its_n_plus_one_site(ask: Ask, record: Record) -> None:
    """A row for the call site, one without for the other calls; shares add up to 1."""
    found = ["n", 0, 8, 4_000, "app/views.py:9 in page", "select_related('owner')"]
    record(
        [
            ["p", 0, "default", SQL],
            request(patterns=[[0, 10, 5_000, 700]], findings=[found]),
            request(route="/other/", patterns=[[0, 1, 1_000, 1_000]]),
        ]
    )

    site, rest = summarise_database(ask(), Config(), order=Order.CALLS).data["patterns"]

    assert (site.call_site, site.calls, site.n_plus_one) == ("app/views.py:9 in page", 8, 1)
    assert site.detail == "select_related('owner')"
    assert (rest.call_site, rest.calls, rest.n_plus_one) == (None, 3, 0)
    assert rest.endpoints == ["GET /items/", "GET /other/"]
    assert site.share + rest.share == pytest.approx(1)
    assert site.sql == rest.sql == SQL
    assert site.fingerprint == rest.fingerprint
    assert len(site.fingerprint) == 12


def test_each_pattern_at_a_line_has_a_fix_of_its_own(ask: Ask, record: Record) -> None:
    """A line of a serializer asks for whatever it is given, by several models' fields."""
    line = "rest_framework/fields.py:99 in get_attribute"
    owner = ["n", 0, 8, 4_000, line, "select_related('owner') on Item"]
    parent = ["n", 0, 6, 2_000, line, "select_related('owner') on Vault"]
    tag = ["n", 1, 5, 1_000, line, None]
    patterns = [["p", 0, "default", SQL], ["p", 1, "default", "SELECT * FROM tag"]]
    record(
        [
            *patterns,
            request(patterns=[[0, 8, 4_000, 700], [1, 5, 1_000, 200]], findings=[owner, tag]),
            request(route="/vaults/", patterns=[[0, 6, 2_000, 700]], findings=[parent]),
        ]
    )
    rows = summarise_database(ask(), Config(), only_n_plus_one=True).data["patterns"]
    assert [(row.call_site, row.calls, row.detail, row.endpoints) for row in rows] == [
        (line, 8, "select_related('owner') on Item", ["GET /items/"]),
        (line, 6, "select_related('owner') on Vault", ["GET /vaults/"]),
        (line, 5, None, ["GET /items/"]),
    ]


def test_patterns_of_another_alias_are_others(ask: Ask, record: Record) -> None:
    """The same statement on two databases is two patterns."""
    record(
        [
            ["p", 0, "default", SQL],
            ["p", 1, "replica", SQL],
            request(patterns=[[0, 1, 10, 10], [1, 2, 40, 20]]),
        ]
    )
    rows = summarise_database(ask(), Config()).data["patterns"]
    assert [(row.alias, row.calls, row.avg_ms) for row in rows] == [
        ("replica", 2, 0.02),
        ("default", 1, 0.01),
    ]


def test_the_p95_of_single_calls_is_exact_to_the_sketch(ask: Ask, record: Record) -> None:
    """One call a request: each duration counts by itself."""
    record(
        [["p", 0, "default", SQL]]
        + [request(patterns=[[0, 1, us, us]]) for us in range(1_000, 101_000, 1_000)]
    )
    (row,) = summarise_database(ask(), Config()).data["patterns"]
    assert row.p95_ms == pytest.approx(95, rel=0.0101)


def test_caches_by_prefix(ask: Ask, record: Record) -> None:
    """Hit rate is hits over look-ups; writes count as operations only."""
    record(
        [request(caches=[["default", "item", 3, 1, 1, 500], ["default", "(other)", 0, 0, 2, 20]])]
    )
    item, other = summarise_caches(ask(), Config()).data["caches"]
    assert (item.prefix, item.hit_rate, item.ops, item.avg_ms) == ("item", 0.75, 5, 0.1)
    assert (other.prefix, other.hit_rate, other.ops) == ("(other)", None, 2)


def test_what_was_not_watched_is_unknown(ask: Ask, record: Record) -> None:
    """Neither N+1 nor cache look-ups are 0 where nobody looked; as a flag of its own it is not told."""
    record([request(queries=None, db_us=None, flags=256)])
    record([request(NOW_MS - 5, flags=128)])
    blind, watched = list_requests(ask(), Config(), Selection()).data["requests"]
    assert (blind.n_plus_one, blind.duplicates, blind.cache_hits, blind.cache_misses) == (None,) * 4
    assert (watched.n_plus_one, watched.duplicates) == (0, 0)
    assert (watched.cache_hits, watched.cache_misses) == (0, 0)
    assert (blind.flags, watched.flags) == ([], ["duplicates"])


def test_the_summary_of_what_nobody_watched_is_unknown(ask: Ask, record: Record) -> None:
    """No N+1 is not known of requests whose queries were not watched."""
    assert summarise(ask(), Config()).data.n_plus_one_count is None
    record([request(queries=None, db_us=None)])
    assert summarise(ask(), Config()).data.n_plus_one_count is None
    record([request()])
    assert summarise(ask(), Config()).data.n_plus_one_count == 0


def test_slow_goes_by_the_threshold_of_the_route(ask: Ask, record: Record) -> None:
    """600 ms is slow where the route's threshold is 500 ms, and only there."""
    config = parse({"routes": {"/fast/": {"request_ms": {"target": 100, "threshold": 500}}}}, "t")
    record([request(route=route, duration_us=600_000) for route in ("/fast/", "/items/")])
    rows = list_requests(ask(), config, Selection(slow=True)).data["requests"]
    assert [row.route for row in rows] == ["/fast/"]


def test_requests_by_user_and_newest_first(ask: Ask, record: Record) -> None:
    """Order is by start; a user is found by primary key."""
    record([request(NOW_MS - age, user=user) for age, user in ((5, "7"), (3, "7"), (1, "8"))])
    rows = list_requests(ask(), Config(), Selection(user="7")).data["requests"]
    assert [row.started_at for row in rows] == [iso_utc(NOW_MS - 3), iso_utc(NOW_MS - 5)]
    assert {row.user for row in rows} == {"7"}


def test_flags_are_words(ask: Ask, record: Record) -> None:
    """Killed, stream and error are names, not numbers."""
    record([request(flags=1 + 2 + 8, status=500)])
    (row,) = list_requests(ask(), Config(), Selection()).data["requests"]
    assert row.flags == ["error", "killed", "stream"]


def test_a_summary_leaves_probes_out_and_long_polls_out_of_percentiles(
    ask: Ask, record: Record
) -> None:
    """Ten requests of 10 ms, a long poll of 30 s, five probes: p95 is 10 ms of 11 requests."""
    record(
        [
            *[request(duration_us=10_000) for _ in range(10)],
            request(route="/poll/", flags=16, duration_us=30_000_000),
            *[request(route="/healthz", flags=4) for _ in range(5)],
        ]
    )
    found = summarise(ask(), Config())
    assert found.data.requests == found.coverage.samples == 11
    assert found.data.p95_ms == pytest.approx(10, rel=0.01)
    assert found.data.slow_count == 0


def test_a_summary_of_nothing_knows_nothing(ask: Ask) -> None:
    """None, never 0, for what has no samples."""
    data = summarise(ask(), Config()).data
    assert data.requests == 0
    assert (data.avg_ms, data.p95_ms, data.error_rate, data.cache_hit_rate) == (None,) * 4
