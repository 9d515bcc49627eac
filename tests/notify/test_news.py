"""What a round tells: what happened, once; what waits for somebody, again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perfctl import alerting, retention
from perfctl.alerts import actions
from perfctl.alerts.actions import Action
from perfctl.answers.answer import Question
from perfctl.config import Config, Retention, parse
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS, Window
from perfctl.notify import dispatch
from perfctl.store import alerts, connection
from perfctl.store.alerts import AlertEvent, AlertRow
from tests.alerts.conftest import Site, system
from tests.notify.servers import Hook, http_server
from tests.segments import NOW_MS

ROW = AlertRow(
    "aaaa1111", "disk", "/var", "web1", "critical", "firing", value=0.93, threshold=0.8,
    unit="ratio", opened_ms=NOW_MS, detail="mounted from /dev/sda1",
)  # fmt: skip


def config(**notify: Any) -> Config:
    """A configuration that tells."""
    return parse({"notify": notify}, "test")


def events(hook: Hook) -> list[list[str]]:
    """What each message told."""
    return [[event["event"] for event in json.loads(got.body)["events"]] for got in hook.got]


class Told:
    """A store with one alert, whose steps are told round by round."""

    def __init__(self, store: Path, settings: Config) -> None:
        self.store, self.settings, self.steps = store, settings, 0
        self.round(-HOUR_MS)

    def round(self, after_ms: int) -> None:
        """Tell what is to be told by then."""
        assert dispatch.notify(self.store, self.settings, NOW_MS + after_ms, "web1").failures == ()

    def step(self, event: str, after_ms: int, **changes: Any) -> None:
        """One more step of the alert, and the round after it."""
        self.steps += 1
        row = ROW._replace(**changes)
        taken = AlertEvent(
            row.id, self.steps, NOW_MS + after_ms, event, None, None, row.value, row.severity, 0.8
        )
        with connection.writing(self.store) as con, connection.transaction(con):
            alerts.keep(con, [row])
            alerts.add_events(con, [taken])
        self.round(after_ms)


def test_an_alert_is_escalated_once_however_long_it_is_open(store: Path) -> None:
    """What is pruned after a week does not make it new."""
    with http_server() as hook, http_server() as boss:
        escalate = {"after": "30m", "webhook": boss.url}
        told = Told(store, config(webhook=hook.url, escalate=escalate))
        told.step("opened", 0)
        for days in range(1, 30):
            told.round(days * DAY_MS)
            retention.prune(store, Retention(), NOW_MS + days * DAY_MS)
    assert events(boss) == [["escalated"]]


@pytest.mark.parametrize("again", ["worsened", "unacknowledged", "unsnoozed", "reopened"])
def test_reminders_count_from_when_nobody_knew_any_more(store: Path, again: str) -> None:
    """Not from when it first opened."""
    before = "resolved" if again == "reopened" else "acknowledged"
    with http_server() as hook, http_server() as boss:
        escalate = {"after": "30m", "webhook": boss.url}
        told = Told(store, config(webhook=hook.url, repeat="1h", escalate=escalate))
        told.step("opened", 0)
        told.step(before, 5 * MINUTE_MS, status=before)
        told.step(again, 10 * HOUR_MS)
        begun = len(hook.got)
        told.round(10 * HOUR_MS + 29 * MINUTE_MS)
        assert (events(hook)[begun:], events(boss)) == ([], [])
        told.round(10 * HOUR_MS + 30 * MINUTE_MS)
        told.round(11 * HOUR_MS)
        told.round(12 * HOUR_MS)
    assert events(hook)[begun:] == [["repeated"], ["repeated"]]
    assert events(boss) == [["escalated"]]


def test_missing_data_does_not_put_an_escalation_off(store: Path) -> None:
    """Nobody has acknowledged it since it opened."""
    with http_server() as hook, http_server() as boss:
        escalate = {"after": "30m", "webhook": boss.url}
        told = Told(store, config(webhook=hook.url, escalate=escalate))
        told.step("opened", 0)
        told.step("no_data", 20 * MINUTE_MS, status="no_data")
        told.step("reopened", 25 * MINUTE_MS)
        told.round(30 * MINUTE_MS)
    assert events(boss) == [["escalated"]]


def test_what_is_repeated_says_all_that_is_known(store: Path) -> None:
    """As the opening did, and since when nobody has acknowledged it."""
    with http_server() as hook:
        told = Told(store, config(webhook=hook.url, repeat="1h"))
        told.step("opened", 0)
        told.round(HOUR_MS)
    first, second = (json.loads(got.body)["events"][0] for got in hook.got)
    differing = {name: second[name] for name in second if second[name] != first[name]}
    assert differing == {
        "id": "aaaa1111-1-repeated-1",
        "event": "repeated",
        "at_ms": NOW_MS + HOUR_MS,
        "at": "2025-11-24T17:00:00.000Z",
        "note": "nobody has acknowledged it since 2025-11-24T16:00:00.000Z",
    }


def test_a_channel_gets_one_message_a_cycle(store: Path) -> None:
    """With what happened and what is repeated."""
    with http_server() as hook:
        told = Told(store, config(webhook=hook.url, repeat="1h"))
        told.step("opened", 0)
        other = ROW._replace(id="bbbb2222", subject="/srv", opened_ms=NOW_MS + HOUR_MS)
        step = AlertEvent(other.id, 1, NOW_MS + HOUR_MS, "opened", None, None, 1, "critical", 0.8)
        with connection.writing(store) as con, connection.transaction(con):
            alerts.keep(con, [other])
            alerts.add_events(con, [step])
        told.round(HOUR_MS)
    assert events(hook) == [["opened"], ["opened", "repeated"]]


def test_what_is_news_is_not_also_repeated(store: Path) -> None:
    """Neither beside the news nor in the next minute."""
    with http_server() as hook:
        told = Told(store, config(webhook=hook.url, repeat="1h"))
        told.step("opened", 0)
        told.step("no_data", HOUR_MS - 2 * MINUTE_MS, status="no_data")
        told.step("reopened", HOUR_MS)
        told.round(HOUR_MS + MINUTE_MS)
    assert events(hook) == [["opened"], ["no_data"], ["reopened"]]


def add_past(store: Path, count: int, since_ms: int) -> None:
    """An alert that comes and goes each minute."""
    steps = [
        AlertEvent(
            ROW.id, n, since_ms + n * MINUTE_MS, "reopened" if n % 2 else "resolved", None, None,
            1, "critical", 0.8,
        )
        for n in range(1, count + 1)
    ]  # fmt: skip
    with connection.writing(store) as con, connection.transaction(con):
        alerts.keep(con, [ROW])
        alerts.add_events(con, steps)


def test_a_long_past_is_not_told_to_the_first_channel(store: Path) -> None:
    """However many steps it has, in no round."""
    add_past(store, 2500, NOW_MS - 80 * DAY_MS)
    with http_server() as hook:
        for minutes in range(4):
            dispatch.notify(store, config(webhook=hook.url), NOW_MS + minutes * MINUTE_MS, "web1")
    assert hook.got == []


def test_what_happened_while_nobody_was_told_is_past_after_a_day(store: Path) -> None:
    """Notifications that are turned on again begin with the last day."""
    with http_server() as hook:
        dispatch.notify(store, config(webhook=hook.url), NOW_MS - 90 * DAY_MS, "web1")
        add_past(store, 2500, NOW_MS - DAY_MS - 2490 * MINUTE_MS)
        for minutes in range(3):
            dispatch.notify(store, config(webhook=hook.url), NOW_MS + minutes * MINUTE_MS, "web1")
    assert [len(told) for told in events(hook)] == [11]


def act(site: Site, action: Action, actor: str = "bob") -> None:
    """What somebody says about the one alert."""
    (row,) = site.alerts().values()
    with connection.reading(site.store) as con:
        question = Question(con, site.now_ms, Window(0, site.now_ms))
        alerting.act_on(question, site.store, "x", [row.id], action, actor)


def tell(site: Site, hook: Hook) -> None:
    """A round after the minute."""
    dispatch.notify(site.store, config(webhook=hook.url), site.now_ms, "web1")


def test_the_end_of_what_never_opened_is_no_news(store: Path) -> None:
    """Somebody resolved an alert that was pending; if it opens after that, people hear of it."""
    site = Site(store)
    with http_server() as hook:
        tell(site, hook)
        site.sample(system(0.99))
        site.judge()
        assert next(iter(site.alerts().values())).status == "pending"
        act(site, actions.resolve)
        tell(site, hook)
        assert hook.got == []
        for _ in range(2):
            site.judge()
            site.sample(system(0.99))
        site.judge()
        tell(site, hook)
    assert events(hook) == [["reopened"]]


def test_who_ended_an_alert_is_said(store: Path) -> None:
    """Where it was somebody."""
    site = Site(store)
    with http_server() as hook:
        tell(site, hook)
        for _ in range(4):
            site.sample(system(0.99))
            site.judge()
        tell(site, hook)
        act(site, actions.resolve)
        tell(site, hook)
    ended = json.loads(hook.got[1].body)
    assert (ended["events"][0]["event"], ended["events"][0]["actor"]) == ("resolved", "bob")
    assert ended["text"].startswith("resolved: cpu web1 resolved by bob, ")


def test_a_snoozed_alert_without_data_is_quiet(store: Path) -> None:
    """Sampled each 7 minutes, so that its data is missing again and again."""
    site = Site(store)
    with http_server() as hook:
        tell(site, hook)
        for _ in range(4):
            site.sample(system(0.99))
            site.judge()
        tell(site, hook)
        act(site, actions.snooze(site.now_ms + 8 * HOUR_MS))
        for _ in range(3):
            for _ in range(6):
                site.judge()
                tell(site, hook)
            site.sample(system(0.99))
            site.judge()
            tell(site, hook)
    assert events(hook) == [["opened"]]


def test_of_a_route_with_little_traffic_one_silence_is_told(store: Path) -> None:
    """60 slow requests each half an hour."""
    site = Site(store)
    with http_server() as hook:
        for minute in range(3 * 60):
            if minute % 30 == 0:
                site.requests(60, duration_us=1_500_000)
            site.judge()
            tell(site, hook)
    assert events(hook) == [["opened"], ["no_data"], ["reopened"]]
