"""`why` names what did it, clears what did not, and says when it cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfctl.answers.why import cause_line, explain
from perfctl.config import DEFAULTS, Config
from perfctl.errors import NoDataError, UsageError
from perfctl.model import MINUTE_MS
from perfctl.store import alerts
from perfctl.store.alerts import AlertRow
from perfctl.store.connection import transaction, writing
from perfctl.store.minutes import StoreSize, note_size
from perfctl.units import iso_utc, parse_moment
from tests.answers.conftest import Ask
from tests.answers.scenes import HINT, HOUR, SITE, TAG, Site
from tests.segments import NOW_MS

Explain = Callable[..., dict[str, Any]]
BEGIN, CHANGE = 4 * HOUR, 90
CHANGE_MS = NOW_MS - CHANGE * MINUTE_MS
BEFORE = {"django": "5.2.1", "django-filter": "24.3", "six": "1.17"}
AFTER = BEFORE | {"django-filter": "25.1"}


@pytest.fixture
def site(store: Path) -> Site:
    """A site that has nothing recorded yet."""
    return Site(store)


@pytest.fixture
def why(site: Site, ask: Ask) -> Explain:
    """Bring in what was recorded and ask why."""

    def answer(
        subject: str = "GET /items/", config: Config = DEFAULTS, **said: Any
    ) -> dict[str, Any]:
        site.done()
        data: dict[str, Any] = explain(ask(), config, subject, **said).data
        for row in data["suspects"]:
            words = [text for text in (*row["for"], *row["against"]) if text != row["what"]]
            assert words, f"nothing is said of {row['what']}"
        return data

    return answer


def kinds(rows: list[dict[str, Any]]) -> list[str]:
    """What kind the rows are of."""
    return [row["kind"] for row in rows]


def of_kind(rows: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The only row of a kind."""
    (row,) = [row for row in rows if row["kind"] == kind]
    return row


def lies_at(change: dict[str, Any], at_ms: int) -> bool:
    """Whether a change has that time in its range, and the range is not the whole window."""
    since, until = (parse_moment(change["interval"][key], 0) for key in ("since", "until"))
    return since <= at_ms <= until and until - since <= HOUR * MINUTE_MS


def deploy_with_n_plus_one(site: Site) -> None:
    """A deploy that bumps a package and adds a query a row; the rest of the site goes on."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, per_row=20, release="v2")
    site.serve_others(BEGIN, CHANGE)
    site.serve_others(CHANGE, release="v2")
    site.load(BEGIN)
    site.deploy("v1", BEGIN - 10, BEFORE)
    site.deploy("v2", CHANGE + 1, AFTER)


def test_a_deploy_that_adds_a_query_a_row_comes_first(site: Site, why: Explain) -> None:
    """With the query and the package under it; CPU and traffic were not it."""
    deploy_with_n_plus_one(site)

    found = why()

    assert found["verdict"] == "found"
    change = found["change"]
    assert change["metric"] in ("request_p50", "request_p95")
    assert change["ratio"] == pytest.approx(change["to"] / change["from"])
    assert change["ratio"] > 1.8
    assert lies_at(change, CHANGE_MS)
    assert change["other_routes"] == {"moved": 0, "of": 5}
    deploy, query, package, *rest = found["suspects"]
    assert (deploy["kind"], deploy["what"], deploy["under"]) == ("deploy", "v2", None)
    assert deploy["score"] > 0.9
    assert (query["kind"], query["under"]) == ("query", "v2")
    assert TAG in query["what"]
    assert any("20.0 calls a request" in text for text in query["for"])
    assert any(SITE in text and HINT in text for text in query["for"])
    assert (package["kind"], package["under"]) == ("package", "v2")
    assert package["what"] == "django-filter 24.3 → 25.1"
    assert rest == []
    assert {"cpu", "memory", "traffic", "queue", "database", "errors"} <= set(
        kinds(found["cleared"])
    )
    assert "traffic" in of_kind(found["cleared"], "traffic")["what"]
    assert "%" in of_kind(found["cleared"], "cpu")["what"]
    assert found["unknown"] == []


def test_the_same_is_found_by_its_queries(site: Site, why: Explain) -> None:
    """As a metric of the route, and of all requests."""
    deploy_with_n_plus_one(site)

    for found in (why(metric="queries"), why("queries")):
        assert found["change"]["metric"] == "queries"
        assert lies_at(found["change"], CHANGE_MS)
        assert kinds(found["suspects"])[:3] == ["deploy", "query", "package"]
    route = of_kind(why("queries")["suspects"], "route")
    assert route["what"] == "GET /items/"


def test_a_busy_machine_comes_before_a_deploy_by_chance(site: Site, why: Explain) -> None:
    """All routes slow down and do no more than before: the deploy of that minute is not likely."""
    for release, since, until, factor, cpu in (
        ("v1", BEGIN, CHANGE, 1.0, 0.25), ("v2", CHANGE, 0, 2.5, 0.97),
    ):  # fmt: skip
        site.serve(since, until, own_us=12_000 * factor, release=release)
        for n in range(5):
            site.serve(since, until, route=f"/other{n}/", own_us=9_000 * factor, release=release)
        site.load(since, until, cpu=cpu)
    site.deploy("v2", CHANGE)

    found = why()

    first = found["suspects"][0]
    assert first["kind"] == "cpu"
    assert any("97" in text for text in first["for"])
    assert any("5 of 5 other routes" in text for text in first["for"])
    deploy = of_kind(found["suspects"], "deploy")
    assert deploy["score"] < first["score"] - 0.2
    assert any("as many queries" in text for text in deploy["against"])
    assert "query" in kinds(found["cleared"])


def test_cpu_that_the_requests_use_themselves_is_no_cause(site: Site, why: Explain) -> None:
    """A deploy computes more, so the machine is busier: the deploy stays first."""
    site.serve(BEGIN, CHANGE, per_minute=20)
    site.serve(CHANGE, per_minute=20, own_us=60_000, cpu_us=1_500_000, release="v2")
    site.load(BEGIN, CHANGE, cpu=0.2)
    site.load(CHANGE, cpu=0.7)
    site.deploy("v2", CHANGE)

    found = why()

    assert found["suspects"][0]["kind"] == "deploy"
    cpu = of_kind(found["suspects"], "cpu")
    assert cpu["score"] < 0.5
    assert any("own CPU time" in text for text in cpu["against"])


def test_traffic_that_makes_requests_wait(site: Site, why: Explain) -> None:
    """Five times the requests, longer queues."""
    site.serve(BEGIN, CHANGE, per_minute=4, release=None)
    site.serve(CHANGE, per_minute=24, own_us=30_000, queue_us=250_000, release=None)
    site.load(BEGIN)

    found = why()

    assert found["suspects"][0]["kind"] == "traffic"
    assert any("queue time 2.00 ms → 250 ms" in text for text in found["suspects"][0]["for"])
    assert "queue" in kinds(found["suspects"])
    assert "no deploy is known" in of_kind(found["cleared"], "deploy")["what"]


def test_a_slow_database(site: Site, why: Explain) -> None:
    """All queries take longer, here and elsewhere: the database before the query."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, query_us=9_000)
    site.serve_others(BEGIN, CHANGE)
    site.serve_others(CHANGE, query_us=9_000)
    site.load(BEGIN)

    found = why()

    assert found["suspects"][0]["kind"] == "database"
    assert any("800 µs" in text and "9.00 ms" in text for text in found["suspects"][0]["for"])
    assert "query" in kinds(found["suspects"])


def test_a_query_that_became_slow_alone(site: Site, why: Explain) -> None:
    """An index that was dropped: the query, not the database."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, query_us=9_000)
    site.serve_others(BEGIN)

    found = why()

    assert found["suspects"][0]["kind"] == "query"
    assert any("800 µs → 9.00 ms a call" in text for text in found["suspects"][0]["for"])
    assert "database" in kinds(found["cleared"])


def test_a_cache_that_is_cold(site: Site, why: Explain) -> None:
    """The hit rate falls, and what is missing is asked for."""
    site.serve(BEGIN, CHANGE, hit_share=0.95)
    site.serve(CHANGE, hit_share=0.05, own_us=25_000)

    found = why()

    assert found["suspects"][0]["kind"] == "cache"


def test_packages_that_changed_without_a_deploy(site: Site, why: Explain) -> None:
    """As `collect` found them: an upgrade by hand."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, own_us=30_000, cpu_us=15_000)
    site.install(BEFORE, BEGIN)
    site.install(AFTER, CHANGE + 2)

    found = why()

    assert kinds(found["suspects"]) == ["package"]
    assert found["suspects"][0]["what"] == "django-filter 24.3 → 25.1"
    assert found["suspects"][0]["score"] > 0.5


def test_a_release_that_was_seen_is_a_deploy_too(site: Site, why: Explain) -> None:
    """Nobody marked it; packages that changed at that time stand under it."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, own_us=30_000, cpu_us=15_000, release="v2")
    site.install(BEFORE, BEGIN)
    site.install(AFTER, CHANGE + 5)

    found = why()

    assert [(row["kind"], row["under"]) for row in found["suspects"]] == [
        ("deploy", None), ("package", "v2"),
    ]  # fmt: skip


def test_a_rollout_tells_the_releases_apart(site: Site, why: Explain) -> None:
    """While both run, the new one is slow and the old one is not."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, per_minute=2)
    site.serve(CHANGE, per_minute=8, own_us=40_000, release="v2")
    site.deploy("v2", CHANGE)

    found = why()

    assert any("meanwhile other releases" in text for text in found["suspects"][0]["for"])


def test_a_deploy_after_the_change_is_not_it(site: Site, why: Explain) -> None:
    """It comes too late, and nothing else fits: that is said."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, own_us=30_000)
    site.load(BEGIN)
    site.deploy("v2", CHANGE - 25)

    found = why()

    assert found["verdict"] == "nothing_fits"
    deploy = of_kind(found["suspects"], "deploy")
    assert deploy["score"] < 0.1
    assert any("after the change" in text for text in deploy["against"])


def test_a_deploy_long_before_is_cleared(site: Site, why: Explain) -> None:
    """By name, with how long before it was."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, own_us=30_000)
    site.deploy("v1", CHANGE + 120)

    found = why()

    assert "v1, was 1 h" in of_kind(found["cleared"], "deploy")["what"]
    assert found["verdict"] == "nothing_fits"


def test_what_was_not_measured_is_never_cleared(site: Site, why: Explain) -> None:
    """No samples of the machine, no queue time, no watched queries: unknown."""
    site.serve(BEGIN, CHANGE, queue_us=None, queries=None, db_us=None, patterns=[])
    site.serve(CHANGE, own_us=30_000, queue_us=None, queries=None, db_us=None, patterns=[])

    found = why()

    assert {"cpu", "memory", "queue", "query", "database"} <= set(kinds(found["unknown"]))
    assert not {"cpu", "memory", "queue", "query"} & set(kinds(found["cleared"]))


def test_one_host_of_two(site: Site, why: Explain) -> None:
    """It is named, with what the other one did."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, own_us=60_000)
    site.serve(BEGIN, host="web2")

    found = why()

    host = of_kind(found["suspects"], "host")
    assert host["what"] == "web1"
    assert any("web2" in text for text in host["for"])


def test_errors_that_a_deploy_brought(site: Site, why: Explain) -> None:
    """The new group of errors stands under it."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, error_share=0.3, release="v2")
    site.deploy("v2", CHANGE)

    found = why("error_rate")

    assert found["change"]["metric"] == "error_rate"
    assert found["change"]["to"] == pytest.approx(0.3, abs=0.05)
    assert found["change"]["ratio"] is None
    assert kinds(found["suspects"])[:2] == ["deploy", "error"]
    assert "KeyError at app/views.py:3" in found["suspects"][1]["what"]


def test_a_machine_that_got_busy(site: Site, why: Explain) -> None:
    """A metric of the machine: which route uses it, or that it is none."""
    site.serve(BEGIN)
    site.serve_others(BEGIN)
    site.load(BEGIN, CHANGE, cpu=0.2)
    site.load(
        CHANGE, cpu=0.9, largest=[{"name": "postgres", "pid": 7, "user": "db", "cpu": 0.7,
                                   "rss_bytes": 10**9}],
    )  # fmt: skip

    found = why("cpu")

    assert found["change"]["metric"] == "cpu"
    assert lies_at(found["change"], CHANGE_MS)
    assert "traffic" in kinds(found["cleared"])
    assert [(row["kind"], row["what"]) for row in found["suspects"]] == [("process", "postgres")]


def test_hosts_that_are_gone_do_not_count(site: Site, why: Explain) -> None:
    """Containers of earlier deploys: after an hour of silence only those that live are looked at."""
    for number in range(9):
        site.load(BEGIN, BEGIN - 5, cpu=0.1, host=f"old{number}")
    site.load(BEGIN, CHANGE, cpu=0.2)
    site.load(CHANGE, cpu=0.95)

    change = why("cpu")["change"]

    assert change["to"] == pytest.approx(0.95, abs=0.01)
    assert change["from"] < 0.22
    assert lies_at(change, CHANGE_MS)


def test_a_route_that_makes_the_machine_busy(site: Site, why: Explain) -> None:
    """Its requests use the CPU time that was added."""
    site.serve(BEGIN, CHANGE, per_minute=20, cpu_us=20_000)
    site.serve(CHANGE, per_minute=20, cpu_us=900_000)
    site.serve_others(BEGIN)
    site.load(BEGIN, CHANGE, cpu=0.2)
    site.load(CHANGE, cpu=0.6)

    route = of_kind(why("cpu")["suspects"], "route")

    assert route["what"] == "GET /items/"
    assert any("CPU time" in text for text in route["for"])


def test_what_did_not_change_is_said(site: Site, why: Explain) -> None:
    """Noise is no change, whatever was deployed meanwhile."""
    site.serve(BEGIN)
    site.deploy("v2", CHANGE)

    found = why()

    assert found["verdict"] == "no_change"
    assert found["change"] is None
    assert found["suspects"] == []


def test_what_is_too_new_to_be_told_is_said(site: Site, ask: Ask) -> None:
    """No change means none that can be told: not in the last three values."""
    site.serve(BEGIN)
    site.done()

    answer = explain(ask(), Config(), "/items/")

    assert answer.data["verdict"] == "no_change"
    assert "too new to be told" in answer.warnings[0]


def test_too_few_requests_cannot_tell(site: Site, ask: Ask) -> None:
    """And how many more it would take."""
    site.serve(30, per_minute=2)
    site.done()

    answer = explain(ask(), Config(), "/items/")

    assert answer.data["verdict"] == "cannot_tell"
    assert "60 requests" in answer.warnings[0]
    assert "140 more" in answer.warnings[0]


def test_requests_that_make_no_value_are_counted(site: Site, ask: Ask) -> None:
    """They were measured, only too few."""
    site.serve(9, per_minute=2)
    site.done()

    answer = explain(ask(), Config(), "/items/", metric="request_p95")

    assert answer.data["verdict"] == "cannot_tell"
    assert answer.coverage.samples == 18
    assert answer.warnings == (
        "18 requests are too few to tell a change: that takes 10 values of 20 requests or more,"
        " so some 182 more, or a longer --since",
    )


def test_many_requests_in_few_minutes_cannot_tell(site: Site, ask: Ask) -> None:
    """It is minutes that are missing, not requests."""
    site.serve(2, per_minute=183)
    site.done()

    answer = explain(ask(), Config(), "request_p95")

    assert answer.data["verdict"] == "cannot_tell"
    assert answer.warnings == (
        "366 requests make 2 values of 1 min or more: to tell a change takes 10, so a longer time,"
        " or a longer --since",
    )


def test_an_improvement_is_explained_too(site: Site, why: Explain) -> None:
    """Where nothing got worse."""
    site.serve(BEGIN, CHANGE, per_row=20)
    site.serve(CHANGE, release="v2")
    site.load(BEGIN)
    site.deploy("v2", CHANGE)

    found = why()

    assert found["change"]["is_worse"] is False
    assert found["change"]["ratio"] < 0.6
    assert kinds(found["suspects"]) == ["deploy", "query"]
    assert any("gone: 20.0 calls" in text for text in found["suspects"][1]["for"])
    assert {"cpu", "traffic"} <= set(kinds(found["cleared"]))


def test_a_machine_that_is_free_again_explains_an_improvement(site: Site, why: Explain) -> None:
    """What fell when it got better is a suspect, as what rises is when it gets worse."""
    site.serve(BEGIN, CHANGE, own_us=40_000)
    site.serve(CHANGE)
    site.serve_others(BEGIN)
    site.load(BEGIN, CHANGE, cpu=0.95)
    site.load(CHANGE, cpu=0.2)

    found = why()

    assert found["change"]["is_worse"] is False
    cpu = of_kind(found["suspects"], "cpu")
    assert float(cpu["what"].split()[1]) > 90
    assert "traffic" in kinds(found["cleared"])


def test_the_worst_of_several_changes_is_explained_and_the_others_named(
    site: Site, why: Explain
) -> None:
    """Here it got better again."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, 40, own_us=60_000)
    site.serve(40)

    found = why()

    assert lies_at(found["change"], CHANGE_MS)
    (other,) = found["other_changes"]
    assert other["is_worse"] is False
    assert lies_at(other, NOW_MS - 40 * MINUTE_MS)


@pytest.mark.parametrize("subject", ["request_p95", "request_p50", "/items/"])
def test_of_several_incidents_the_last_is_explained(site: Site, why: Explain, subject: str) -> None:
    """Forty times as long, as before, and again: that is no noise, however short the window."""
    site.serve(60, 54, per_minute=12, own_us=50_000)
    site.serve(54, 42, per_minute=12, own_us=2_000_000)
    site.serve(42, 22, per_minute=12, own_us=50_000)
    site.serve(22, per_minute=12, own_us=2_000_000)

    found = why(subject)

    assert found["change"]["is_worse"] is True
    assert found["change"]["ratio"] > 20
    assert lies_at(found["change"], NOW_MS - 22 * MINUTE_MS)
    assert [change["is_worse"] for change in found["other_changes"]] in ([True, False], [False])


def test_values_that_go_up_and_down_by_themselves_hide_a_change(site: Site, ask: Ask) -> None:
    """That is no "usual noise", as a change of thirty times would not be seen either."""
    for minute in range(24, 0, -1):
        site.serve(minute, minute - 1, per_minute=24, own_us=(50_000, 2_000_000)[minute // 2 % 2])
    site.done()

    answer = explain(ask(), Config(), "request_p50")

    assert answer.data["verdict"] == "cannot_tell"
    assert "by themselves" in answer.warnings[0]


def open_alert(store: Path, **columns: Any) -> None:
    """An alert as the evaluation keeps it."""
    row = AlertRow("k3x9m2pq", "request_p95", "GET /items/", None, "critical", "firing")
    with writing(store) as con, transaction(con):
        alerts.keep(con, [row._replace(**columns)])


def test_an_alert_is_explained_by_the_change_before_it(
    site: Site, why: Explain, store: Path
) -> None:
    """Not by a larger one afterwards; the window reaches back to it."""
    site.serve(BEGIN, 120)
    site.serve(120, 60, own_us=30_000, release="v2")
    site.serve(60, own_us=200_000)
    site.deploy("v2", 121)
    open_alert(store, pending_ms=NOW_MS - 115 * MINUTE_MS, opened_ms=NOW_MS - 113 * MINUTE_MS)

    found = why("k3x9m2pq")

    assert found == why("k3x9")
    assert found["subject"]["alert"] == "k3x9m2pq"
    assert found["subject"]["route"] == "/items/"
    assert lies_at(found["change"], NOW_MS - 120 * MINUTE_MS)
    assert found["suspects"][0]["what"] == "v2"


QUIET = {"name": "too_quiet", "metric": "requests", "subject": "all requests", "below": 20}
BUSY = {"name": "too_busy", "metric": "requests", "subject": "all requests", "above": 2000}


@pytest.mark.parametrize("rule", [None, "traffic", "too_quiet"])
def test_traffic_that_stops_is_not_explained_by_a_machine_that_rests(
    site: Site, why: Explain, store: Path, rule: str | None
) -> None:
    """Less load is what follows; routes and deploys are suspects, and less is worse."""
    site.serve(BEGIN, CHANGE)
    site.serve_others(BEGIN, CHANGE)
    site.serve(CHANGE, per_minute=1, queue_us=100)
    site.load(BEGIN, CHANGE, cpu=0.7, memory=0.8)
    site.load(CHANGE, cpu=0.1, memory=0.4)
    if rule:
        opened_ms = CHANGE_MS + 10 * MINUTE_MS
        subject = "requests" if rule == "traffic" else "all requests"
        open_alert(store, rule=rule, subject=subject, pending_ms=opened_ms, opened_ms=opened_ms)

    found = why("k3x9m2pq" if rule else "requests", Config(alerts=(QUIET,)))

    assert found["change"]["metric"] == "traffic"
    assert found["change"]["is_worse"] is True
    assert lies_at(found["change"], CHANGE_MS)
    assert set(kinds(found["suspects"])) <= {"route", "deploy"}
    assert {"cpu", "memory", "queue"} <= set(kinds(found["cleared"]))


def test_a_machine_that_is_overloaded_explains_traffic_that_falls(site: Site, why: Explain) -> None:
    """What gets worse as less comes through is a suspect."""
    site.serve(BEGIN, CHANGE, per_minute=20)
    site.serve(CHANGE, per_minute=4, error_share=0.4)
    site.load(BEGIN, CHANGE, cpu=0.3)
    site.load(CHANGE, cpu=0.99)

    found = why("traffic")

    assert {"cpu", "errors"} <= set(kinds(found["suspects"]))


@pytest.mark.parametrize("rule", [None, "too_busy"])
def test_a_rush_is_made_up_by_routes(
    site: Site, why: Explain, store: Path, rule: str | None
) -> None:
    """It is what leaves the usual that is explained, and a busier machine follows from it."""
    site.serve(BEGIN, per_minute=4)
    site.serve_others(BEGIN)
    site.serve(CHANGE, CHANGE - 30, per_minute=90, queue_us=90_000)
    site.load(BEGIN, CHANGE, cpu=0.2)
    site.load(CHANGE, CHANGE - 30, cpu=0.95)
    site.load(CHANGE - 30, cpu=0.2)
    if rule:
        opened_ms = CHANGE_MS + 10 * MINUTE_MS
        open_alert(store, rule=rule, subject="all requests", opened_ms=opened_ms)

    found = why("k3x9m2pq" if rule else "traffic", Config(alerts=(BUSY,)))

    assert lies_at(found["change"], CHANGE_MS)
    assert found["change"]["is_worse"] is (rule is not None)
    assert kinds(found["suspects"]) == ["route"]
    assert found["suspects"][0]["what"] == "GET /items/"
    assert any("added requests" in text for text in found["suspects"][0]["for"])


@pytest.mark.parametrize("rule", [None, "store_growth", "spool_growth"])
def test_a_store_that_grows_is_made_up_by_routes(
    site: Site, why: Explain, store: Path, rule: str | None
) -> None:
    """By what brings the requests; how it grows and what waits in its spool have a series too."""
    site.serve(BEGIN, per_minute=4)
    site.serve_others(BEGIN)
    site.serve(CHANGE, CHANGE - 60, per_minute=90)
    with writing(store) as con, transaction(con):
        for minute in range(BEGIN, 0, -1):
            rush = max(0, min(CHANGE - minute, 60))
            store_bytes, spool_bytes = 10**8 + 10**5 * (BEGIN - minute) + 10**7 * rush, 10**5
            size = StoreSize(
                NOW_MS - minute * MINUTE_MS, store_bytes, spool_bytes * (20 if 0 < rush < 60 else 1)
            )
            note_size(con, size)
    if rule:
        opened_ms = NOW_MS - 10 * MINUTE_MS
        open_alert(store, rule=rule, subject=rule.partition("_")[0], opened_ms=opened_ms)

    found = why("k3x9m2pq" if rule else "store_size")

    is_spool = rule == "spool_growth"
    assert found["change"]["metric"] == ("spool_size" if is_spool else "store_growth")
    assert found["change"]["unit"] == ("bytes" if is_spool else "bytes per hour")
    assert lies_at(found["change"], CHANGE_MS)
    assert found["change"]["is_worse"] is True
    assert found["change"]["ratio"] > 15
    assert of_kind(found["suspects"], "route")["what"] == "GET /items/"


@pytest.mark.parametrize(
    ("rule", "subject"), [("error_group", "KeyError 0123456789ab"), ("error_rate", "GET /items/")]
)
def test_an_alert_is_not_explained_by_what_came_after_it(
    site: Site, why: Explain, store: Path, rule: str, subject: str
) -> None:
    """What turned for the worse 39 minutes later is listed, and is not the cause."""
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, error_share=0.5)
    opened_ms = CHANGE_MS - 39 * MINUTE_MS
    open_alert(store, rule=rule, subject=subject, pending_ms=opened_ms, opened_ms=opened_ms)

    found = why("k3x9m2pq")

    assert found["verdict"] == "no_change"
    assert found["change"] is None
    assert found["suspects"] == []
    (other,) = found["other_changes"]
    assert lies_at(other, CHANGE_MS)


def test_an_alert_that_just_opened_is_taken_at_its_word(site: Site, ask: Ask, store: Path) -> None:
    """A minute is too few values for a step; the cause is named all the same."""
    site.serve(HOUR, 1, per_minute=30)
    site.serve(1, per_minute=30, per_row=20, release="v2")
    site.deploy("v2", 2, AFTER)
    site.done()
    open_alert(store, opened_ms=NOW_MS)

    found = explain(ask(), Config(), "k3x9m2pq").data

    assert found["change"]["is_assumed"] is True
    assert found["change"]["strength"] is None
    assert found["change"]["ratio"] > 1.8
    assert lies_at(found["change"], NOW_MS - MINUTE_MS)
    assert kinds(found["suspects"])[:2] == ["deploy", "query"]
    line = cause_line(ask(), "k3x9m2pq")
    assert line is not None
    assert line.startswith("deploy v2")


@pytest.mark.parametrize(
    ("rule", "subject", "host", "metric"),
    [
        ("cpu", "web1", "web1", "cpu"),
        ("error_rate", "all requests", None, "error_rate"),
        ("p95_ms_above_800", "GET /items/", None, "request_p50"),
        ("slow lists", "GET /items/", None, "queries"),
        ("n_plus_one", f"GET /items/ {SITE}", None, "n_plus_one"),
        ("error_group", "KeyError 0123456789ab", None, "error_rate"),
    ],
)
def test_each_rule_has_its_metric(
    site: Site, ask: Ask, store: Path, rule: str, subject: str, host: str | None, metric: str
) -> None:
    """Those that are built in, and own ones by their configuration or their name."""
    deploy_with_n_plus_one(site)
    site.done()
    open_alert(store, rule=rule, subject=subject, host=host, opened_ms=NOW_MS)
    config = Config(alerts=({"name": "slow lists", "metric": "queries", "above": 9},))

    found = explain(ask(), config, "k3x9m2pq")

    assert found.data["verdict"] in ("found", "no_change", "nothing_fits")
    if found.data["change"]:
        assert found.data["change"]["metric"] == metric


def test_an_alert_about_what_has_no_series_cannot_be_explained(
    site: Site, why: Explain, store: Path
) -> None:
    """Cannot tell, and what can be asked."""
    site.serve(30)
    open_alert(store, rule="vulnerable_dependency", subject="django", opened_ms=NOW_MS)
    with pytest.raises(NoDataError):
        why("k3x9m2pq")


@pytest.mark.parametrize(
    ("said", "near"),
    [("/itmes/", "/items/"), ("request_p59", "request_p95"), ("k3x9m2pp", "k3x9m2pq"),
     ("POST /items/", "GET")],
)  # fmt: skip
def test_an_unknown_subject_is_wrong_usage_with_the_nearest(
    site: Site, why: Explain, store: Path, said: str, near: str
) -> None:
    """Of routes, metrics and alerts alike."""
    site.serve(30)
    open_alert(store, opened_ms=NOW_MS)
    with pytest.raises(UsageError) as raised:
        why(said)
    assert near in (raised.value.hint or "")


def test_a_machines_metric_is_not_of_a_route(site: Site, why: Explain) -> None:
    """And an unknown metric names the nearest."""
    site.serve(30)
    with pytest.raises(UsageError, match="of the machine"):
        why("/items/", metric="cpu")
    with pytest.raises(UsageError, match="of the store"):
        why("/items/", metric="store_size")
    with pytest.raises(UsageError) as raised:
        why("/items/", metric="querys")
    assert "queries" in (raised.value.hint or "")


def test_of_an_empty_store_nothing_can_be_told(why: Explain) -> None:
    """Of routes and of metrics."""
    with pytest.raises(NoDataError):
        why("/items/")
    for metric in ("request_p95", "cpu", "traffic"):
        assert why(metric)["verdict"] == "cannot_tell"


def test_one_line_for_a_notification(site: Site, ask: Ask, store: Path) -> None:
    """The cause with what is under it; None where there is none, and never an error."""
    deploy_with_n_plus_one(site)
    site.done()
    open_alert(store, opened_ms=NOW_MS - 80 * MINUTE_MS)

    line = cause_line(ask(), "k3x9m2pq")

    assert line is not None
    assert line.startswith("deploy v2 (")
    assert TAG in line
    assert "django-filter 24.3 → 25.1" in line
    assert "\n" not in line
    assert cause_line(ask(), "memory") is None
    assert cause_line(ask(), "no such thing") is None


def test_older_changes_are_found_in_hours(site: Site, ask: Ask) -> None:
    """Where the minutes are gone."""
    site.serve(20 * HOUR, 8 * HOUR, per_minute=2)
    site.serve(8 * HOUR, per_minute=2, own_us=60_000, release="v2")
    site.done()
    later_ms = NOW_MS + 3 * 24 * HOUR * MINUTE_MS

    found = explain(ask(since_ms=5 * 24 * HOUR * MINUTE_MS, now_ms=later_ms), Config(), "/items/")

    change = found.data["change"]
    at_ms = NOW_MS - 8 * HOUR * MINUTE_MS
    assert iso_utc(at_ms - at_ms % (HOUR * MINUTE_MS)) == change["at"]
    assert kinds(found.data["suspects"]) == ["deploy"]
