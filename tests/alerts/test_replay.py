"""A replay does what live evaluation did, and says where it cannot know."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from perfctl.alerts import replay
from perfctl.alerts.replay import Replay
from perfctl.alerts.rules import find_rule, parse_rules, with_settings
from perfctl.answers.answer import Answer, Question
from perfctl.config import Config, parse
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS, Window
from perfctl.store import connection
from tests.alerts.conftest import BEGIN, Site, system
from tests.segments import NOW_MS, request

EachMinute = Callable[..., None]
MINUTES = 100
ROUTES = ("/items/", "/items/<pk>/", "/report/")
PATTERN = ["p", 0, "default", "SELECT ?"]
CONFIG = {
    "expect_traffic": "4m",
    "routes": {"/report/": {"request_ms": {"target": 800, "threshold": 2000}}},
    "alerts": [
        {"name": "slow_for_long", "metric": "p50_ms", "above": 400, "for": "4m", "samples": 10},
        {"name": "cold", "metric": "cache_hit_rate", "below": 0.5, "samples": 5},
        {"name": "busy", "metric": "requests", "subject": "all requests", "above": 120},
    ],
}


class Told(NamedTuple):
    """An event, comparable between live and replay."""

    subject: str
    host: str | None
    event: str
    at_ms: int
    value: float | None


def one(draw: random.Random, site: Site, route: str, slow: float) -> list[object]:
    """A request of this minute."""
    n_plus_one = [["n", 0, 8, 4000, f"app/v.py:9 in f{draw.randrange(3)}", None]]
    return request(
        site.minute * MINUTE_MS + draw.randrange(60_000),
        route=route,
        duration_us=int(draw.lognormvariate(0, 0.4) * slow * 1e6),
        status=500 if draw.random() < slow / 20 else 200,
        queue_us=draw.choice([None, int(slow * 300_000)]),
        queries=int(slow * 40),
        caches=[["default", "k", int(10 / (1 + slow)), 5, 0, 9]],
        findings=n_plus_one if draw.random() < 0.002 else [],
    )


def live(site: Site, seed: int) -> None:
    """Phases of load, slowness and errors, with hosts that come and go; judged as it happens."""
    draw = random.Random(seed)
    site.config = parse(CONFIG)
    pace: dict[str, float] = {}
    quiet_until = BEGIN
    for _ in range(MINUTES):
        if draw.random() < 0.15:
            route = draw.choice(ROUTES)
            pace[route] = draw.choice([0.05, 0.4, 0.8, 1.5, 3.0])
        records = [PATTERN] if draw.random() < 0.05 else []
        if draw.random() < 0.05:
            quiet_until = site.minute + draw.randrange(10)
        for route in ROUTES if site.minute >= quiet_until else ():
            slow = pace.get(route, 0.1)
            records += [one(draw, site, route, slow) for _ in range(draw.randrange(60))]
        if draw.random() < 0.1:
            kind = draw.choice(["KeyError", "ValueError", "OSError"])
            records.append(["e", site.minute * MINUTE_MS, "r", "GET", "/items/", 500, kind,
                            [["app/views.py", 3, "page"]], None, None])  # fmt: skip
        site.record(records)
        for host in ("web1", "web2"):
            if draw.random() < 0.7:
                second = 30 if host == "web1" else 40
                site.sample(system(draw.choice([0.5, 0.7, 0.81, 0.79, 0.95]), host), second=second)
        site.judge()


@contextmanager
def ask(site: Site, since_ms: int) -> Iterator[Question]:
    """A question about the window up to now, at the site's time."""
    with connection.reading(site.store) as con:
        yield Question(con, site.now_ms, Window(since_ms, site.now_ms))


def told_live(site: Site, rule: str) -> list[Told]:
    """What the rounds told of a rule."""
    return [
        Told(t.subject, t.host, t.event, t.at_ms, t.value)
        for found in site.rounds
        for t in found.transitions
        if t.rule == rule
    ]


def told_by_replay(site: Site, rule: str, *, cells_from: int = 0) -> list[Told]:
    """What a replay of the whole history tells."""
    found = find_rule(parse_rules(site.config), rule)
    first = BEGIN - HOUR_MS // MINUTE_MS
    with ask(site, NOW_MS - HOUR_MS) as question:
        events, _ = replay.replay(question, site.config, [found], first, site.minute, cells_from)
    return [Told(e.alert.subject, e.alert.host, e.event, e.at_ms, e.alert.value) for e in events]


@pytest.fixture(scope="module", params=[1, 2])
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site that was judged minute by minute."""
    path = tmp_path_factory.mktemp("site") / "perfctl.db"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    connection.create(path)
    site = Site(path)
    live(site, request.param)
    return site


RULES = [rule.name for rule in parse_rules(parse(CONFIG))]
OF_REQUESTS = (
    "request_p95",
    "error_rate",
    "queries",
    "queue_time",
    "slow_for_long",
    "cold",
    "busy",
)


@pytest.mark.parametrize("rule", RULES)
def test_a_replay_equals_what_live_evaluation_did(history: Site, rule: str) -> None:
    """Event by event, at the same minutes, with the same values."""
    assert told_by_replay(history, rule) == told_live(history, rule)


@pytest.mark.parametrize("rule", OF_REQUESTS)
def test_single_requests_say_the_same_as_minute_cells(history: Site, rule: str) -> None:
    """Where the cells are gone, the rows are asked: wholly, and from some minute on."""
    live_told = told_live(history, rule)
    assert told_by_replay(history, rule, cells_from=1 << 40) == live_told
    assert told_by_replay(history, rule, cells_from=BEGIN + 61) == live_told


def test_each_kind_of_event_occurs(history: Site) -> None:
    """The comparison is of something."""
    found = {t.event for round_ in history.rounds for t in round_.transitions}
    assert {"opened", "resolved", "reopened"} <= found
    rules = {t.rule for round_ in history.rounds for t in round_.transitions}
    assert {"cpu", "request_p95", "error_rate", "traffic", "slow_for_long"} <= rules


def answer_of(site: Site, rule: str, *settings: str, ago_ms: int | None = None) -> Answer:
    """The answer of `alerts test`; by default of an hour before the history began."""
    present = find_rule(parse_rules(site.config), rule)
    proposed = with_settings(present, settings) if settings else None
    since_ms = NOW_MS - HOUR_MS if ago_ms is None else NOW_MS - ago_ms
    with ask(site, since_ms) as question:
        return replay.replay_rule(question, site.config, present, proposed)


def slow_for(site: Site, minutes: int, then: int, duration_us: int = 1_500_000) -> None:
    """Slow, then fast again."""
    for i in range(minutes + then):
        site.requests(60, duration_us=duration_us if i < minutes else 20_000)
        site.judge()


def test_how_often_and_how_long(site: Site) -> None:
    """One opening of fourteen minutes: slow for ten, and as long as the window holds it."""
    slow_for(site, 10, 20)
    data: Replay = answer_of(site, "request_p95").data
    (opening,) = data.openings
    assert (data.present.openings, data.present.firing_s) == (1, 14 * 60)
    assert (opening.subject, opening.returned) == ("GET /items/", 0)
    assert opening.peak == pytest.approx(1500, rel=0.01)
    assert data.is_whole


def test_what_is_proposed_stands_beside_the_present(site: Site) -> None:
    """The openings listed are those of the proposed setting."""
    slow_for(site, 10, 20, duration_us=900_000)
    data: Replay = answer_of(site, "request_p95", "limit=800", "for=3m").data
    assert data.proposed is not None
    assert (data.present.openings, data.proposed.openings) == (0, 1)
    assert (data.proposed.limit, data.proposed.for_s) == (800, 180)
    assert len(data.openings) == 1


def test_one_that_still_fires_has_no_end(site: Site) -> None:
    """It counts up to the last judged minute."""
    slow_for(site, 10, 0)
    data: Replay = answer_of(site, "request_p95").data
    assert data.openings[0].resolved_at is None
    assert data.present.firing_s == 9 * 60


def test_later_arrivals_are_counted_apart(site: Site, each_minute: EachMinute) -> None:
    """The replay has them; the alerts had not."""
    each_minute(5, lambda i: site.requests(30))
    assert answer_of(site, "request_p95").data.late_arrivals == 0
    site.requests(7, minute=BEGIN + 2)
    assert answer_of(site, "request_p95").data.late_arrivals == 7
    assert answer_of(site, "cpu").data.late_arrivals == 0


def test_before_the_first_record_it_says_so(site: Site, each_minute: EachMinute) -> None:
    """The window that is shown begins with the records; what it holds of them is whole."""
    each_minute(3, lambda i: site.requests(30))
    answer = answer_of(site, "request_p95", ago_ms=2 * DAY_MS)
    assert answer.window is not None
    assert answer.window.since_ms == BEGIN * MINUTE_MS
    assert answer.data.is_whole
    assert answer.warnings[0].startswith("nothing is recorded from before")


def test_of_the_machine_the_present_limit_is_shown(site: Site, each_minute: EachMinute) -> None:
    """Each route has its own; the machine has one."""
    each_minute(3, lambda i: site.sample(system(0.9)))
    present = answer_of(site, "cpu").data.present
    assert (present.target, present.limit) == (0.6, 0.8)
    assert answer_of(site, "request_p95").data.present.limit is None


def test_beyond_what_is_kept_it_says_so(site: Site, each_minute: EachMinute) -> None:
    """Samples of the machine are kept for a week."""
    each_minute(3, lambda i: site.sample(system(0.9)))
    answer = answer_of(site, "cpu", ago_ms=30 * DAY_MS)
    assert not answer.data.is_whole
    assert answer.data.present.openings == 1
    assert answer.warnings[0].startswith("what this rule looks at is kept for 7d")
    assert answer_of(site, "cpu", ago_ms=6 * DAY_MS).data.is_whole


def test_without_a_record_it_cannot_tell(site: Site) -> None:
    """No sample of the machine at all."""
    answer = answer_of(site, "cpu")
    assert not answer.data.is_whole
    assert answer.warnings == ("nothing that this rule looks at is recorded in the window",)


def test_rows_that_were_thinned_away_are_missed(site: Site, each_minute: EachMinute) -> None:
    """A size limit keeps slow and failed requests: of those alone every rate is wrong."""
    each_minute(130, lambda i: site.requests(2 if i % 10 == 0 else 0))
    site.minute += 3 * DAY_MS // MINUTE_MS
    assert answer_of(site, "error_rate").data.is_whole
    with connection.writing(site.store) as con:
        con.execute("DELETE FROM performance_metric WHERE id % 3 = 0")
    answer = answer_of(site, "error_rate")
    assert not answer.data.is_whole
    assert "were thinned away" in answer.warnings[0]


def test_a_rule_that_is_off_can_be_answer_of(site: Site, each_minute: EachMinute) -> None:
    """To see what it would do."""
    site.config = parse({"alerts": [{"rule": "cpu", "enabled": False}]})
    each_minute(3, lambda i: site.sample(system(0.9)))
    assert answer_of(site, "cpu").data.present.openings == 1


def test_replaying_changes_nothing(site: Site, each_minute: EachMinute) -> None:
    """Reading never opens an alert."""
    site.config = Config()
    each_minute(3, lambda i: site.sample(system(0.3)))
    answer_of(site, "cpu", "limit=0.2", "target=0.1")
    assert site.alerts() == {}
