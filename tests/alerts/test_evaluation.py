"""Evaluation on a store, minute by minute, as `collect` does it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from perfctl import alerting
from perfctl.alerts import actions
from perfctl.answers import alerts as answers
from perfctl.answers.answer import Question
from perfctl.answers.health import Status, check_alerts
from perfctl.config import Config, parse
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS, Window
from perfctl.store import alerts, connection, systems
from tests.alerts.conftest import BEGIN, Site, system
from tests.segments import NOW_MS, request

EachMinute = Callable[..., None]
SITE = ["n", 0, 8, 4000, "app/views.py:9 in page", "select_related('owner')"]


def act(site: Site, name: str, action: actions.Action) -> None:
    """What a person says about the alert of this rule and subject, now."""
    row = site.alerts()[name]
    said = actions.Said("ann", site.now_ms)
    outcome = action(row, said)
    assert outcome.event is not None
    with connection.writing(site.store) as con, connection.transaction(con):
        alerts.keep(con, [outcome.alert])
        alerts.add_events(con, [alerting.to_row(outcome.event)])


def test_a_slow_route_opens_one_alert(site: Site, each_minute: EachMinute) -> None:
    """With its value, its limits, and on how many requests it stands."""
    each_minute(3, lambda i: site.requests(60, duration_us=1_500_000))
    assert site.told == [("request_p95", "GET /items/", "opened")]
    (row,) = site.alerts().values()
    assert (row.severity, row.status, row.unit) == ("critical", "firing", "ms")
    assert row.value == pytest.approx(1500, rel=0.01)
    assert (row.target, row.threshold) == (500, 1000)
    assert row.detail == "60 requests in 5m"
    assert len(row.id) == 8
    assert site.rounds[0].opened == [row.id]


@pytest.mark.parametrize(
    ("count", "opened"), [(49, []), (50, [("request_p95", "GET /items/", "opened")])]
)
def test_a_p95_takes_fifty_requests(
    site: Site, each_minute: EachMinute, count: int, opened: list[object]
) -> None:
    """Within the window; one less says nothing."""
    each_minute(1, lambda i: site.requests(count, duration_us=1_500_000))
    assert site.told == opened


def test_three_slow_requests_at_night_open_nothing(site: Site, each_minute: EachMinute) -> None:
    """However slow, and however failed."""
    each_minute(
        60, lambda i: site.requests(3 if i % 20 == 0 else 0, duration_us=60_000_000, status=500)
    )
    assert site.told == []


def test_an_error_rate_takes_twenty_requests(site: Site, each_minute: EachMinute) -> None:
    """Ten in each of two minutes are twenty in the window."""
    site.requests(10, status=500)
    assert site.judge().opened == []
    site.requests(10, status=500)
    assert len(site.judge().opened) == 1


def test_quiet_routes_are_judged_together(site: Site, each_minute: EachMinute) -> None:
    """None of them alone has enough requests, and all of them fail."""
    for i in range(5):
        site.requests(6, status=500, route=f"/quiet/{i}/")
    site.judge()
    assert site.told == [("error_rate", "(quiet routes)", "opened")]


def test_thresholds_are_those_of_the_route(site: Site, each_minute: EachMinute) -> None:
    """A report may take its time."""
    site.config = parse({"routes": {"/report/": {"request_ms": {"target": 5e3, "threshold": 9e3}}}})
    site.requests(60, duration_us=1_500_000, route="/report/")
    site.requests(60, duration_us=1_500_000)
    site.judge()
    assert site.told == [("request_p95", "GET /items/", "opened")]


def test_queries_and_queue_time(site: Site) -> None:
    """Means: queries of each route, queue time of all requests."""
    site.requests(30, queries=60, queue_us=600_000)
    site.judge()
    assert site.told == [
        ("queries", "GET /items/", "opened"),
        ("queue_time", "all requests", "opened"),
    ]


def test_probes_and_long_polls_are_no_slow_requests(site: Site) -> None:
    """A probe is judged in nothing, a long poll not by its duration."""
    site.requests(60, duration_us=30_000_000, flags=4, route="/healthz")
    site.requests(60, duration_us=30_000_000, flags=16, route="/events/")
    site.judge()
    assert site.told == []


def test_requests_of_tests_are_not_judged(site: Site) -> None:
    """A test run may be slow."""
    site.record([request(NOW_MS + i, duration_us=9_000_000) for i in range(60)], source="test")
    site.judge()
    assert site.told == []


def test_each_minute_is_judged_once(site: Site, each_minute: EachMinute) -> None:
    """60 s after its end; a second evaluation of it does nothing."""
    site.requests(60, duration_us=1_500_000)
    end_ms = (BEGIN + 1) * MINUTE_MS
    assert alerting.evaluate(site.store, Config(), end_ms + 59_999).opened == []
    assert len(alerting.evaluate(site.store, Config(), end_ms + 60_000).opened) == 1
    assert alerting.evaluate(site.store, Config(), end_ms + 60_000).transitions == ()


def test_a_collector_that_was_away_catches_up(site: Site) -> None:
    """Minute by minute: what began and ended meanwhile is told with its times."""
    site.judge()
    site.minute = BEGIN + 600
    for minute in range(10, 20):
        site.requests(60, minute=BEGIN + minute, duration_us=1_500_000)
    for minute in range(20, 40):
        site.requests(60, minute=BEGIN + minute)
    site.judge()
    assert [(t.event, (t.at_ms - NOW_MS) // MINUTE_MS) for t in site.rounds[-1].transitions] == [
        ("opened", 11),
        ("resolved", 25),
    ]


def test_the_first_evaluation_looks_an_hour_back(site: Site) -> None:
    """What was slow before perfctl was asked to watch is history."""
    for ago, route in ((100, "/old/"), (30, "/new/")):
        for minute in range(3):
            site.requests(60, minute=BEGIN - ago + minute, duration_us=1_500_000, route=route)
    site.judge()
    assert ("request_p95", "GET /new/", "opened") in site.told
    assert ("request_p95", "GET /old/", "opened") not in site.told


def test_a_clock_that_jumps_ahead_and_back_ends_no_alert(site: Site) -> None:
    """A year, for one round: nothing is judged, and it is said why."""
    for _ in range(4):
        site.sample(system(0.99))
        site.judge()
    assert site.alerts()["cpu web1"].status == "firing"
    before = site.minute
    site.minute += 365 * 24 * 60
    (remark,) = site.judge().remarks
    assert "is the clock right?" in remark
    site.minute = before
    for _ in range(4):
        site.sample(system(0.99))
        assert site.judge().remarks == ()
    assert site.told == [("cpu", "web1", "opened")]


def test_a_clock_that_stays_ahead_is_believed(site: Site) -> None:
    """After five minutes; what ended by its silence returns when the clock is put right."""
    for _ in range(4):
        site.sample(system(0.99))
        site.judge()
    before = site.minute
    site.minute += 365 * 24 * 60
    for _ in range(7):
        site.judge()
    assert site.alerts()["cpu web1"].status == "resolved"
    site.minute = before
    for _ in range(4):
        site.sample(system(0.99))
        site.judge()
    assert site.alerts()["cpu web1"].status == "firing"
    assert [event for _, _, event in site.told] == ["opened", "resolved", "reopened"]


def test_a_clock_that_was_a_few_hours_ahead_does_not_stop_evaluation(site: Site) -> None:
    """As one in local time: from its correction on each minute is judged again."""
    site.sample(system())
    site.judge()
    before = site.minute
    site.minute += 20 * 60
    site.judge()
    site.minute = before
    with connection.reading(site.store) as con:
        window = Window(site.now_ms - DAY_MS, site.now_ms)
        assert answers.is_behind(Question(con, site.now_ms, window))
    for _ in range(4):
        site.sample(system(0.99))
        site.judge()
    assert site.alerts()["cpu web1"].status == "firing"


def test_a_clock_that_jumped_back_does_not_stop_evaluation(site: Site) -> None:
    """A watermark a year ahead is of no use."""
    site.minute += 365 * 1440
    site.judge()
    site.minute = BEGIN
    site.requests(60, duration_us=1_500_000)
    site.judge()
    assert len(site.rounds[-1].opened) == 1


def test_cpu_of_each_host_is_an_alert_of_its_own(site: Site, each_minute: EachMinute) -> None:
    """One a rule, subject and host."""

    def live(i: int) -> None:
        for host, cpu in (("web1", 0.9), ("web2", 0.85), ("web3", 0.3)):
            site.sample(system(cpu, host))

    each_minute(5, live)
    assert sorted(site.told) == [("cpu", "web1", "opened"), ("cpu", "web2", "opened")]
    assert {row.host for row in site.alerts().values()} == {"web1", "web2"}


def test_flapping_is_one_alert(site: Site, each_minute: EachMinute) -> None:
    """81, 79, 81, 79 %: one, not four."""
    each_minute(4, lambda i: site.sample(system(0.81 if i % 2 == 0 else 0.79)))
    assert site.told == [("cpu", "web1", "opened")]


def test_a_system_alert_carries_the_largest_processes(site: Site, each_minute: EachMinute) -> None:
    """Five, of the sample with which it fired; by memory where memory is short."""
    largest = [
        {"name": f"p{i}", "pid": i, "user": "web", "cpu": i / 20, "rss_bytes": 10**9 - i}
        for i in range(8)
    ]
    detail = json.dumps({"largest": largest})
    each_minute(3, lambda i: site.sample(system(0.9, memory=0.9, detail=detail)))
    found = site.alerts()
    names = {
        rule: [process["name"] for process in json.loads(found[rule].detail or "")["processes"]]
        for rule in ("cpu web1", "memory web1")
    }
    assert names == {
        "cpu web1": ["p7", "p6", "p5", "p4", "p3"],
        "memory web1": ["p0", "p1", "p2", "p3", "p4"],
    }
    told = site.rounds[1].transitions[0].detail
    assert told is not None
    assert told.startswith("p7 (7, web) 35 % CPU 1.00 GB, p6")


def test_each_disk_is_an_alert_of_its_own(site: Site, each_minute: EachMinute) -> None:
    """By its mount; the fullest alone is not enough."""
    disks = json.dumps(
        {
            "disks": [
                {"mount": "/", "used": 0.9},
                {"mount": "/data", "used": 0.85},
                {"mount": "/boot", "used": 0.2},
            ]
        }
    )
    each_minute(3, lambda i: site.sample(system(detail=disks, disk=0.9, disk_mount="/")))
    assert [subject for _, subject, _ in site.told] == ["web1:/", "web1:/data"]


def test_no_sample_for_three_intervals_is_no_data(site: Site, each_minute: EachMinute) -> None:
    """Neither fine nor firing."""
    each_minute(3, lambda i: site.sample(system(0.9)))
    each_minute(5)
    assert [event for _, _, event in site.told] == ["opened", "no_data"]
    assert site.alerts()["cpu web1"].status == "no_data"


def test_health_does_not_take_no_data_for_well(site: Site, each_minute: EachMinute) -> None:
    """It weighs as a warning."""
    each_minute(3, lambda i: site.sample(system(0.9)))
    each_minute(5)
    with connection.reading(site.store) as con:
        found = check_alerts(Question(con, site.now_ms, Window(0, site.now_ms)))
    assert (found.status, found.value) == (Status.WARNING, 1)


def test_a_route_without_requests_is_no_data(site: Site, each_minute: EachMinute) -> None:
    """After three windows without enough of them, not resolved."""
    each_minute(2, lambda i: site.requests(60, duration_us=1_500_000))
    each_minute(25)
    assert [event for _, _, event in site.told] == ["opened", "no_data"]


def test_a_new_n_plus_one_is_told_once(site: Site, each_minute: EachMinute) -> None:
    """By endpoint and function; the same some lines further down is not new."""
    pattern = ["p", 0, "default", "SELECT ?"]

    def live(i: int) -> None:
        site_now = [*SITE[:4], f"app/views.py:{9 + i} in page", SITE[5]]
        site.record([pattern, request(site.minute * MINUTE_MS, findings=[site_now])])

    each_minute(12, live)
    assert site.told == [("n_plus_one", "GET /items/ app/views.py in page", "opened")]
    (row,) = site.alerts().values()
    assert row.detail == "app/views.py:9 in page: select_related('owner')"
    assert row.severity == "warning"


def test_a_line_with_several_n_plus_one_is_one_alert(site: Site, each_minute: EachMinute) -> None:
    """It says what would mend the costliest of them."""
    other = ["n", 1, 8, 9000, SITE[4], "prefetch_related('tags')"]
    patterns = [["p", 0, "default", "SELECT ?"], ["p", 1, "default", "SELECT a"]]
    found = request(site.minute * MINUTE_MS, findings=[SITE, other])
    each_minute(12, lambda i: site.record([*patterns, found]))
    assert site.told == [("n_plus_one", "GET /items/ app/views.py in page", "opened")]
    (row,) = site.alerts().values()
    assert row.detail == "app/views.py:9 in page: prefetch_related('tags')"


def test_an_n_plus_one_ends_when_not_seen_for_a_day(site: Site, each_minute: EachMinute) -> None:
    """And is known then: seen again it is no news."""
    pattern = ["p", 0, "default", "SELECT ?"]
    site.record([pattern, request(NOW_MS, findings=[SITE])])
    site.judge()
    site.minute += 24 * 60 + 15
    site.judge()
    assert [event for _, _, event in site.told] == ["opened", "resolved"]
    site.minute += 120
    site.record([pattern, request(site.minute * MINUTE_MS, findings=[SITE])])
    site.judge()
    assert len(site.told) == 2


def test_an_n_plus_one_from_before_is_not_new(site: Site) -> None:
    """The record of the days before the first evaluation knows it."""
    pattern = ["p", 0, "default", "SELECT ?"]
    site.record([pattern, request(NOW_MS - 3 * DAY_MS, findings=[SITE])])
    site.record([pattern, request(NOW_MS, findings=[SITE])])
    site.judge()
    assert site.told == []


def error(at_ms: int, kind: str = "KeyError") -> list[object]:
    """An exception in the view of `/items/`."""
    return ["e", at_ms, "rid", "GET", "/items/", 500, kind, [["app/views.py", 3, "page"]], None,
            "Firefox 130"]  # fmt: skip


def test_a_new_error_group_is_told_once(site: Site, each_minute: EachMinute) -> None:
    """With where it is; more of it is no news."""
    each_minute(5, lambda i: site.record([error(site.minute * MINUTE_MS)]))
    ((rule, subject, event),) = site.told
    assert (rule, subject.split()[0], event) == ("error_group", "KeyError", "opened")
    (row,) = site.alerts().values()
    assert row.detail == "app/views.py:3 in page"


def test_an_error_that_came_in_late_is_told(site: Site, each_minute: EachMinute) -> None:
    """Its minute was judged without it."""
    each_minute(5)
    site.record([error(NOW_MS)])
    site.judge()
    assert [event for _, _, event in site.told] == ["opened"]


def test_an_error_that_somebody_resolved_ends_and_returns(
    site: Site, each_minute: EachMinute
) -> None:
    """Its alert ends with the group, and the return of the group is news."""
    site.record([error(NOW_MS)])
    site.judge()
    with connection.writing(site.store) as con:
        con.execute(
            "UPDATE error_group SET status = 'resolved', resolved_by = 'ann', resolved_ms = ?",
            (site.now_ms,),
        )
    each_minute(2)
    assert site.told[-1][2] == "resolved"
    each_minute(90)
    site.record([error(site.minute * MINUTE_MS)])
    site.judge()
    assert [event for _, _, event in site.told] == ["opened", "resolved", "opened"]
    newest = site.rounds[-1].transitions[-1]
    assert newest.detail == "app/views.py:3 in page, back after ann resolved it"


def test_errors_of_tests_are_no_alerts(site: Site) -> None:
    """A test may raise on purpose."""
    site.record([error(NOW_MS)], source="test")
    site.judge()
    assert site.told == []


def vital(site: Site, name: str, value: float, count: int, page: str = "/items/") -> None:
    """So many page loads with this value."""
    with connection.writing(site.store) as con, connection.transaction(con):
        con.execute("INSERT OR IGNORE INTO origin VALUES(9, 'web1', '', '', 'frontend', 0, 0)")
        for i in range(count):
            con.execute(
                "INSERT INTO frontend_metric(id, origin_id, kind, name, page, value)"
                " VALUES(?, 9, 'vital', ?, ?, ?)",
                (
                    (site.minute * MINUTE_MS + i << 20) + hash((name, page)) % 1000,
                    name,
                    page,
                    value,
                ),
            )


@pytest.mark.parametrize(
    ("name", "good", "poor", "rule"),
    [
        ("LCP", 2400, 4100, "frontend_lcp"),
        ("INP", 190, 510, "frontend_inp"),
        ("CLS", 0.09, 0.26, "frontend_cls"),
    ],
)
def test_web_vitals_over_poor(site: Site, name: str, good: float, poor: float, rule: str) -> None:
    """The 75th percentile of a page: 15 of 20 good ones are well, 14 are not."""
    vital(site, name, good, 15, page="/well/")
    site.minute += 1
    vital(site, name, poor, 5, page="/well/")
    vital(site, name, good, 14, page="/poor/")
    site.minute += 1
    vital(site, name, poor, 6, page="/poor/")
    vital(site, name, poor, 19, page="/few/")
    site.judge()
    assert site.told == [(rule, "/poor/", "opened")]


def scan(site: Site, packages: dict[str, list[str]], *, complete: bool = True) -> None:
    """A scan of web1 with the severities of each package's vulnerabilities."""
    with connection.writing(site.store) as con, connection.transaction(con):
        number = con.execute(
            "INSERT INTO dependency_scan(at_ms, host, target, complete, audited, total)"
            " VALUES(?, 'web1', '/srv', ?, 9, 9)",
            (site.minute * MINUTE_MS, complete),
        ).lastrowid
        for name, severities in packages.items():
            known = [{"id": f"GHSA-{i}", "severity": s} for i, s in enumerate(severities)]
            con.execute(
                "INSERT INTO dependency_version(scan_id, name, installed, status, vulnerabilities)"
                " VALUES(?, ?, '1.0', ?, ?)",
                (number, name, "vulnerable" if known else "ok", json.dumps(known)),
            )


def test_vulnerable_packages_of_the_last_complete_scan(site: Site, each_minute: EachMinute) -> None:
    """A scan that broke off says nothing; severe ones are critical; removed ones are over."""
    scan(site, {"django": ["high", "low"], "urllib3": ["medium"], "attrs": []})
    site.judge()
    found = {row.subject: (row.severity, row.detail) for row in site.alerts().values()}
    assert found == {
        "django": ("critical", "1.0: GHSA-0, GHSA-1"),
        "urllib3": ("warning", "1.0: GHSA-0"),
    }
    scan(site, {}, complete=False)
    each_minute(2)
    assert len(site.told) == 2
    scan(site, {"django": ["high"]})
    site.judge()
    assert site.told[2:] == [("vulnerable_dependency", "urllib3", "resolved")]
    site.minute += 500
    site.judge()
    assert len(site.told) == 3


def test_a_scan_from_before_the_first_evaluation_counts(site: Site) -> None:
    """Scans are made once a day."""
    site.minute -= 600
    scan(site, {"django": ["high"]})
    site.minute = BEGIN
    site.judge()
    assert site.told == [("vulnerable_dependency", "django", "opened")]


def test_a_collector_that_falls_silent_while_others_report(
    site: Site, each_minute: EachMinute
) -> None:
    """Stale after three intervals; after an hour the host is retired."""
    each_minute(2, lambda i: [site.sample(system(host=host)) for host in ("web1", "web2")])
    each_minute(8, lambda i: site.sample(system(host="web1")))
    assert site.told == [("stale_collector", "web2", "opened")]
    each_minute(60, lambda i: site.sample(system(host="web1")))
    assert site.told[1:] == [("stale_collector", "web2", "resolved")]


def test_where_no_collector_ran_nobody_is_stale(site: Site, each_minute: EachMinute) -> None:
    """The machine was off: there was nobody to judge."""
    each_minute(2, lambda i: site.sample(system()))
    site.minute += 90
    site.sample(system())
    each_minute(2)
    assert site.told == []


def test_expected_traffic_that_stops(site: Site, each_minute: EachMinute) -> None:
    """Probes are no traffic; the first request ends it."""
    site.config = Config(expect_traffic_ms=15 * MINUTE_MS)
    site.requests(1)
    each_minute(1)
    each_minute(16, lambda i: site.requests(1, flags=4, route="/healthz"))
    assert site.told == [("traffic", "requests", "opened")]
    site.requests(1)
    each_minute(1)
    assert site.told[1:] == [("traffic", "requests", "resolved")]


def test_a_site_that_never_had_traffic_misses_none(site: Site, each_minute: EachMinute) -> None:
    """It is new."""
    site.config = Config(expect_traffic_ms=15 * MINUTE_MS)
    each_minute(30)
    assert site.told == []


def size(site: Site, store_bytes: int, spool_bytes: int = 0) -> None:
    """What `collect` found."""
    with connection.writing(site.store) as con:
        con.execute(
            "INSERT INTO store_size VALUES(?, ?, ?)",
            (site.minute * MINUTE_MS, store_bytes, spool_bytes),
        )


def test_the_store_grows_too_fast(site: Site, each_minute: EachMinute) -> None:
    """By more than a gigabyte within a day; what it grew by before is no matter."""
    with connection.writing(site.store) as con:
        systems.note_collector(con, "web1", NOW_MS, 3600.0, None)
    for hour in range(60):
        site.minute = BEGIN + hour * 60
        size(site, 10**7 * hour + (900_000_000 if hour > 40 else 0))
        site.judge()
    assert [(t.event, t.value) for found in site.rounds for t in found.transitions] == [
        ("opened", 1_130_000_000)
    ]


def test_the_spool_grows(site: Site, each_minute: EachMinute) -> None:
    """More waits than `collect` should find."""
    size(site, 1, 200_000_000)
    site.judge()
    assert site.told == [("spool_growth", "spool", "opened")]


def test_collect_keeps_the_sizes(site: Site) -> None:
    """What waits is measured before it is drained, and not more often than each half minute."""
    alerting.note_sizes(site.store, NOW_MS)
    alerting.note_sizes(site.store, NOW_MS + 1000)
    alerting.note_sizes(site.store, NOW_MS + 40_000)
    with connection.reading(site.store) as con:
        rows = con.execute("SELECT at_ms - ?, store_bytes > 0 FROM store_size", (NOW_MS,))
        assert rows.fetchall() == [(0, 1), (40_000, 1)]


def test_own_rules_fire_beside_the_built_in(site: Site, each_minute: EachMinute) -> None:
    """With their name, subject, severity and limits."""
    site.config = parse(
        {
            "alerts": [
                {"name": "slow_items", "metric": "p50_ms", "subject": "GET /items*", "above": 100,
                 "for": "3m", "samples": 5, "severity": "warning"},
                {"name": "too_quiet", "metric": "requests", "subject": "all requests", "below": 10},
            ]
        }
    )  # fmt: skip
    each_minute(3, lambda i: site.requests(10, duration_us=150_000))
    assert site.told == [("slow_items", "GET /items/", "opened")]
    row = site.alerts()["slow_items GET /items/"]
    assert (row.severity, row.threshold, row.target) == ("warning", 100, 90)
    each_minute(5)
    assert ("too_quiet", "all requests", "opened") in site.told


def test_a_rule_that_was_taken_away_ends_its_alerts(site: Site, each_minute: EachMinute) -> None:
    """They would never end by themselves."""
    each_minute(2, lambda i: site.sample(system(0.9)))
    site.config = parse({"alerts": [{"rule": "cpu", "enabled": False}]})
    each_minute(1, lambda i: site.sample(system(0.9)))
    assert site.told == [("cpu", "web1", "opened"), ("cpu", "web1", "resolved")]
    assert site.rounds[-1].transitions[0].note == "there is no such rule any more"


def test_an_acknowledged_alert_goes_on_over_evaluations(
    site: Site, each_minute: EachMinute
) -> None:
    """What people said is kept, and ends by recovery."""
    each_minute(2, lambda i: site.sample(system(0.9)))
    act(site, "cpu web1", actions.acknowledge)
    each_minute(2, lambda i: site.sample(system(0.95)))
    assert site.alerts()["cpu web1"].status == "acknowledged"
    each_minute(1, lambda i: site.sample(system(0.3)))
    assert site.told[1:] == [("cpu", "web1", "resolved")]


def test_resolved_by_hand_and_still_true_it_reopens(site: Site, each_minute: EachMinute) -> None:
    """With the first minute of requests after the claim; those before do not count."""
    each_minute(3, lambda i: site.requests(60, duration_us=1_500_000))
    act(site, "request_p95 GET /items/", actions.resolve)
    each_minute(3, lambda i: site.requests(60, duration_us=1_500_000))
    assert [event for _, _, event in site.told] == ["opened", "reopened"]


def test_resolved_by_hand_and_mended_it_stays_so(site: Site, each_minute: EachMinute) -> None:
    """Though the trailing window still holds what was slow."""
    each_minute(3, lambda i: site.requests(60, duration_us=1_500_000))
    act(site, "request_p95 GET /items/", actions.resolve)
    site.minute += 1  # the minute of the claim itself
    each_minute(8, lambda i: site.requests(60))
    assert [event for _, _, event in site.told] == ["opened"]
    assert site.alerts()["request_p95 GET /items/"].status == "resolved"


def test_the_history_tells_every_step(site: Site, each_minute: EachMinute) -> None:
    """Also what people did; a reader that keeps its number misses and repeats nothing."""
    each_minute(2, lambda i: site.sample(system(0.9)))
    act(site, "cpu web1", actions.acknowledge)
    with connection.reading(site.store) as con:
        told = alerting.transitions_after(con, 0)
        assert [(t.event, t.id.rpartition("-")[2]) for _, t in told] == [
            ("opened", "1"),
            ("acknowledged", "2"),
        ]
        assert told[0][1] == site.rounds[-1].transitions[0]
        assert alerting.transitions_after(con, told[-1][0]) == []


def test_what_was_pending_and_came_to_nothing_leaves_no_row(
    site: Site, each_minute: EachMinute
) -> None:
    """One sample above the threshold."""
    each_minute(2, lambda i: site.sample(system(0.9 if i == 0 else 0.3)))
    assert site.alerts() == {}


def test_a_pending_alert_is_listed(site: Site, each_minute: EachMinute) -> None:
    """It has not opened."""
    each_minute(1, lambda i: site.sample(system(0.9)))
    row = site.alerts()["cpu web1"]
    assert (row.status, row.opened_ms) == ("pending", None)


def test_reading_never_opens_an_alert(site: Site) -> None:
    """Only an evaluation does."""
    site.requests(60, duration_us=1_500_000)
    assert site.alerts() == {}


def test_ended_alerts_go_with_their_history(site: Site, each_minute: EachMinute) -> None:
    """A second after an hour is an alert of its own."""
    site.sample(system(0.9))
    each_minute(1)
    site.sample(system(0.9))
    each_minute(1)
    site.sample(system(0.2))
    each_minute(1)
    site.minute += HOUR_MS // MINUTE_MS + 5
    for _ in range(2):
        site.sample(system(0.9))
        each_minute(1)
    ids = {t.alert_id for found in site.rounds for t in found.transitions}
    assert len(ids) == 2
