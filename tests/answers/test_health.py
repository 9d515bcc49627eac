"""`health` says fine only of what it has looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from perfctl.answers.health import Check, Status, SystemNow, check_health
from perfctl.config import Config
from perfctl.model import DAY_MS, HOUR_MS, Window
from perfctl.store import connection, systems
from perfctl.units import iso_utc
from tests.answers.conftest import Ask
from tests.segments import NOW_MS, request

Record = Callable[..., None]
WELL = SystemNow("web1", 0.2, 0.5, 0.3, "/", "machine")


def health(ask: Ask, config: Config | None = None, system: SystemNow | None = WELL):  # type: ignore[no-untyped-def]  # shown below
    """The answer about the last five minutes."""
    question = ask()._replace(window=Window(NOW_MS - 300_000, NOW_MS + 60_000))
    return check_health(question, config or Config(), system).data


def check(ask: Ask, name: str, **said: object) -> Check:
    """One check of the answer."""
    (found,) = (item for item in health(ask, **said).checks if item.name == name)
    return found


def collected(store: Path, ago_s: float, interval_s: float | None = 60, host: str = "web1") -> None:
    """A collector that came by so long ago."""
    with connection.writing(store) as con:
        systems.note_collector(con, host, NOW_MS - int(ago_s * 1000), interval_s, None)


def test_the_nine_checks_are_always_there(ask: Ask, record: Record) -> None:
    """Their names are a contract."""
    record([request()] * 20)
    assert [item.name for item in health(ask).checks] == [
        "cpu",
        "memory",
        "disk",
        "request_p95",
        "queue_time",
        "error_rate",
        "queries",
        "freshness",
        "alerts",
    ]


def test_a_store_that_never_held_a_request_cannot_tell(ask: Ask) -> None:
    """However well the machine is: it may be the wrong store."""
    assert health(ask).status is Status.UNKNOWN


def test_twenty_good_requests_are_ok(ask: Ask, record: Record, store: Path) -> None:
    """Enough samples, all below their targets."""
    record([request(NOW_MS - 1000) for _ in range(20)])
    collected(store, ago_s=10)
    assert health(ask).status is Status.OK
    assert check(ask, "request_p95").value == pytest.approx(12, rel=0.01)


@pytest.mark.parametrize(
    ("duration_us", "status"),
    [(400_000, Status.OK), (700_000, Status.WARNING), (1_200_000, Status.CRITICAL)],
)
def test_p95_is_graded(ask: Ask, record: Record, duration_us: int, status: Status) -> None:
    """Fine under 500 ms, critical above 1000 ms, a warning between."""
    record([request(NOW_MS - 1000, duration_us=duration_us) for _ in range(30)])
    assert check(ask, "request_p95").status is status


@pytest.mark.parametrize(
    ("failed", "status"), [(0, Status.OK), (3, Status.WARNING), (12, Status.CRITICAL)]
)
def test_the_error_rate_is_graded(ask: Ask, record: Record, failed: int, status: Status) -> None:
    """Of 100 requests, 3 errors are a warning, 12 are critical."""
    record([request(NOW_MS - 1000, status=500 if i < failed else 200) for i in range(100)])
    assert check(ask, "error_rate").status is status


def test_many_requests_are_counted_as_everywhere(ask: Ask, record: Record) -> None:
    """`1,200 requests`, as the summary writes it."""
    record([request(NOW_MS - 1000, queue_us=1) for _ in range(1200)])
    assert check(ask, "error_rate").detail == "1,200 requests"
    assert check(ask, "queue_time").detail == "1,200 requests"


def test_few_requests_now_are_judged_with_the_last_twenty(ask: Ask, record: Record) -> None:
    """A quiet site is judged on its last 20 requests within a day, and says so."""
    record([request(NOW_MS - 3 * HOUR_MS, duration_us=2_000_000) for _ in range(25)])
    found = check(ask, "request_p95")
    assert found.status is Status.CRITICAL
    assert "the last 20 requests" in (found.detail or "")


def test_fewer_than_twenty_in_a_day_are_unknown(ask: Ask, record: Record) -> None:
    """Three slow requests at night say nothing, and nothing is not fine."""
    record([request(NOW_MS - 1000, duration_us=9_000_000) for _ in range(3)])
    assert check(ask, "request_p95").status is Status.UNKNOWN
    assert health(ask).status is Status.UNKNOWN


def test_no_traffic_is_idle_and_no_fault(ask: Ask, record: Record, store: Path) -> None:
    """A site that had requests once and has none today is idle."""
    record([request(NOW_MS - 2 * DAY_MS) for _ in range(30)])
    collected(store, ago_s=10)
    assert check(ask, "request_p95").status is Status.IDLE
    assert health(ask).status is Status.OK


def test_no_traffic_is_critical_where_it_is_expected(ask: Ask, record: Record) -> None:
    """`expect_traffic` turns silence into a fault."""
    record([request(NOW_MS - HOUR_MS) for _ in range(30)])
    config = Config(expect_traffic_ms=900_000)
    found = check(ask, "request_p95", config=config)
    assert found.status is Status.CRITICAL
    assert "none for 1 h" in (found.detail or "")
    config = Config(expect_traffic_ms=2 * HOUR_MS)
    assert check(ask, "request_p95", config=config).status is Status.OK


def test_a_stale_collector_is_unknown(ask: Ask, record: Record, store: Path) -> None:
    """No sample for three intervals: what it would have seen is not known."""
    record([request(NOW_MS - 1000) for _ in range(20)])
    collected(store, ago_s=200, interval_s=60)
    assert check(ask, "freshness").status is Status.UNKNOWN
    collected(store, ago_s=170, interval_s=60)
    assert check(ask, "freshness").status is Status.OK


def test_a_retired_host_is_not_stale(ask: Ask, record: Record, store: Path) -> None:
    """A host silent for more than an hour while others report has been taken away."""
    record([request(NOW_MS - 1000) for _ in range(20)])
    collected(store, ago_s=5)
    collected(store, ago_s=2 * 3600, host="old")
    assert check(ask, "freshness").status is Status.OK


def test_a_machine_above_its_threshold_is_critical(ask: Ask, record: Record) -> None:
    """CPU above 80 %."""
    record([request(NOW_MS - 1000) for _ in range(20)])
    found = check(ask, "cpu", system=WELL._replace(cpu=0.93))
    assert (found.status, found.value) == (Status.CRITICAL, 0.93)


def test_a_machine_that_was_not_measured_is_unknown(ask: Ask, record: Record) -> None:
    """Without a sample nothing is said to be fine."""
    record([request(NOW_MS - 1000) for _ in range(20)])
    assert check(ask, "memory", system=None).status is Status.UNKNOWN


def test_queue_time_that_nobody_reports_is_not_measured(ask: Ask, record: Record) -> None:
    """No front server sets X-Request-Start: that is no fault."""
    record([request(NOW_MS - 1000, queue_us=None) for _ in range(20)])
    assert check(ask, "queue_time").status is Status.NOT_MEASURED


def test_queue_time_of_three_requests_is_not_judged(ask: Ask, record: Record) -> None:
    """Twenty are needed, and it says how many there were."""
    record([request(NOW_MS - 1000, queue_us=900_000 if i < 3 else None) for i in range(40)])
    found = check(ask, "queue_time")
    assert (found.status, found.value) == (Status.NOT_MEASURED, None)
    assert "only 3 requests" in (found.detail or "")


def test_a_trouble_begins_no_earlier_than_the_first_request(ask: Ask, record: Record) -> None:
    """`since` is not the beginning of a slice of the trend."""
    record([request(NOW_MS - 1000, status=500) for _ in range(40)])
    assert check(ask, "error_rate").since == iso_utc(NOW_MS - 1000)


def test_a_probe_does_not_hide_silence(ask: Ask, record: Record) -> None:
    """Behind a load balancer something is always asked."""
    record([request(NOW_MS - 2 * HOUR_MS) for _ in range(30)])
    record([request(NOW_MS - 5000, route="/healthz", flags=4)])
    config = Config(expect_traffic_ms=900_000)
    assert check(ask, "request_p95", config=config).status is Status.CRITICAL


def test_a_collector_ahead_of_time_hides_no_other(ask: Ask, record: Record, store: Path) -> None:
    """A clock that is wrong makes nobody retired and itself not fresh."""
    record([request(NOW_MS - 1000) for _ in range(20)])
    collected(store, ago_s=5 * 86_400)
    collected(store, ago_s=-400 * 86_400, host="ahead")
    assert check(ask, "freshness").status is Status.UNKNOWN


def test_a_p95_is_never_above_the_slowest_request(ask: Ask, record: Record) -> None:
    """The sketch's error must not make a warning."""
    record([request(NOW_MS - 1000, duration_us=499_038) for _ in range(30)])
    found = check(ask, "request_p95")
    assert (found.value, found.status) == (499.038, Status.OK)
