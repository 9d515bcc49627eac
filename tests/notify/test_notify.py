"""People are told at least once, with one id for all tries, and in one message a cycle."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from perfctl import ingest, retention
from perfctl.alerts.transition import Transition
from perfctl.chunks import Budget
from perfctl.config import Config, Retention, parse
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS
from perfctl.notify import dispatch
from perfctl.notify.message import compose
from perfctl.notify.plan import Quiet, parse_plan
from perfctl.store import alerts, connection, outbox
from perfctl.store.alerts import AlertEvent
from tests import segments
from tests.notify.servers import http_server, smtp_server
from tests.segments import NOW_MS


def config(**notify: Any) -> Config:
    """A configuration that tells."""
    return parse({"notify": notify}, "test")


def open_alert(store: Path, alert_id: str, *, severity: str = "critical", ago_ms: int = 0) -> None:
    """An alert that has just opened, as the engine stores it."""
    with connection.writing(store) as con, connection.transaction(con):
        con.execute(
            "INSERT INTO performance_alert(id, rule, subject, severity, status, value, threshold,"
            " unit, opened_ms) VALUES(?, 'request_p95', 'GET /items/', ?, 'firing', 1200, 1000,"
            " 'ms', ?)",
            (alert_id, severity, NOW_MS - ago_ms),
        )
    step(store, alert_id, 1, "opened", severity, NOW_MS - ago_ms)


def step(
    store: Path, alert_id: str, number: int, event: str, severity: str = "critical", at_ms: int = 0
) -> None:
    """One more step of an alert."""
    row = AlertEvent(alert_id, number, at_ms or NOW_MS, event, None, None, 1200, severity, 1000)
    with connection.writing(store) as con, connection.transaction(con):
        alerts.add_events(con, [row])


def begin(store: Path, settings: Config) -> None:
    """The first round: nothing has happened yet."""
    dispatch.notify(store, settings, NOW_MS - HOUR_MS, "web1")


def test_what_happens_in_a_cycle_is_one_message(store: Path) -> None:
    """Two alerts that opened: one POST with both, the title names the first."""
    with http_server() as hook:
        settings = config(webhook=hook.url)
        begin(store, settings)
        open_alert(store, "aaaa1111")
        open_alert(store, "bbbb2222", severity="warning")
        told = dispatch.notify(store, settings, NOW_MS, "web1")

    assert told == (1, 0, ())
    (got,) = hook.got
    found = json.loads(got.body)
    assert [event["alert_id"] for event in found["events"]] == ["aaaa1111", "bbbb2222"]
    assert found["title"] == "[perfctl web1] critical: request_p95 GET /items/ and 1 more"
    assert got.headers["X-Perfctl-Event-Id"] == found["id"]


def test_nothing_new_is_told_twice(store: Path) -> None:
    """A second round has nothing to say."""
    with http_server() as hook:
        settings = config(webhook=hook.url)
        begin(store, settings)
        open_alert(store, "aaaa1111")
        for _ in range(3):
            dispatch.notify(store, settings, NOW_MS, "web1")
    assert len(hook.got) == 1


def test_what_was_not_delivered_is_tried_again_with_its_id(store: Path) -> None:
    """500, then a refused redirect, then 200: three tries, each later than the last."""
    with http_server(500, 302) as hook:
        settings = config(webhook=hook.url)
        begin(store, settings)
        open_alert(store, "aaaa1111")
        told = dispatch.notify(store, settings, NOW_MS, "web1")
        assert (told.delivered, told.waiting) == (0, 1)
        assert "500" in told.failures[0]
        assert dispatch.notify(store, settings, NOW_MS + 1000, "web1").failures == ()
        assert dispatch.notify(store, settings, NOW_MS + MINUTE_MS, "web1").delivered == 0
        assert dispatch.notify(store, settings, NOW_MS + 4 * MINUTE_MS, "web1").delivered == 1
    assert len({got.headers["X-Perfctl-Event-Id"] for got in hook.got}) == 1
    assert [got.path for got in hook.got] == ["/", "/", "/"]


def test_a_death_between_outbox_and_delivery_loses_nothing(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before it sent: who comes when the claim is over does, once."""

    class Killed(BaseException):
        pass

    def die(*args: object) -> None:
        raise Killed

    with http_server() as hook:
        settings = config(webhook=hook.url)
        begin(store, settings)
        open_alert(store, "aaaa1111")
        with monkeypatch.context() as patch:
            patch.setattr(dispatch, "send", die)
            with pytest.raises(Killed):
                dispatch.notify(store, settings, NOW_MS, "web1")
        dispatch.notify(store, settings, NOW_MS, "web1")
        assert hook.got == []
        for _ in range(2):
            dispatch.notify(store, settings, NOW_MS + MINUTE_MS, "web1")
    assert len(hook.got) == 1


def test_quiet_hours_hold_warnings_and_let_critical_ones_through(store: Path) -> None:
    """Over midnight too; a held message goes when they end."""
    assert Quiet(22 * 60, 7 * 60).holds(30)
    assert not Quiet(22 * 60, 7 * 60).holds(12 * 60)
    local = time.localtime(NOW_MS / 1000)
    begin_at = f"{local.tm_hour:02d}:00"
    end_at = f"{(local.tm_hour + 2) % 24:02d}:00"
    with http_server() as hook:
        settings = config(webhook=hook.url, quiet=f"{begin_at}-{end_at}")
        begin(store, settings)
        open_alert(store, "bbbb2222", severity="warning")
        assert dispatch.notify(store, settings, NOW_MS, "web1").delivered == 0
        open_alert(store, "aaaa1111")
        assert dispatch.notify(store, settings, NOW_MS + 1, "web1").delivered == 1
        assert dispatch.notify(store, settings, NOW_MS + 2 * HOUR_MS, "web1").delivered == 1
    assert len(hook.got) == 2


def test_severity_leaves_warnings_out(store: Path) -> None:
    """Only critical ones are told where that is so set."""
    with http_server() as hook:
        settings = config(webhook=hook.url, severity="critical")
        begin(store, settings)
        open_alert(store, "bbbb2222", severity="warning")
        dispatch.notify(store, settings, NOW_MS, "web1")
    assert hook.got == []


def test_what_goes_on_firing_is_repeated_and_escalated(store: Path) -> None:
    """After 30 minutes somebody else is told, once; after an hour all are told again."""
    with http_server() as hook, http_server() as boss:
        settings = config(
            webhook=hook.url, repeat="1h", escalate={"after": "30m", "webhook": boss.url}
        )
        begin(store, settings)
        open_alert(store, "aaaa1111")
        for minutes in range(0, 130, 10):
            dispatch.notify(store, settings, NOW_MS + minutes * MINUTE_MS, "web1")
    events = [json.loads(got.body)["events"][0]["event"] for got in hook.got]
    assert events == ["opened", "repeated", "repeated"]
    assert [json.loads(got.body)["events"][0]["event"] for got in boss.got] == ["escalated"]


def test_what_a_person_did_is_not_told_to_people(store: Path) -> None:
    """An acknowledgement is no news; the recovery is."""
    with http_server() as hook:
        settings = config(webhook=hook.url)
        begin(store, settings)
        open_alert(store, "aaaa1111")
        dispatch.notify(store, settings, NOW_MS, "web1")
        step(store, "aaaa1111", 2, "acknowledged")
        dispatch.notify(store, settings, NOW_MS + 1, "web1")
        step(store, "aaaa1111", 3, "resolved")
        dispatch.notify(store, settings, NOW_MS + 2, "web1")
    events = [json.loads(got.body)["events"][0]["event"] for got in hook.got]
    assert events == ["opened", "resolved"]


def test_channels_that_come_later_are_not_told_the_past(store: Path) -> None:
    """A store with a history gets its first channel: only what happens from then on is told."""
    open_alert(store, "aaaa1111", ago_ms=DAY_MS)
    with http_server() as hook:
        settings = config(webhook=hook.url)
        dispatch.notify(store, settings, NOW_MS, "web1")
        assert hook.got == []
        step(store, "aaaa1111", 2, "resolved")
        dispatch.notify(store, settings, NOW_MS + 1, "web1")
    assert len(hook.got) == 1


def test_a_mail_is_handed_over(store: Path) -> None:
    """Subject, text and a stable message id."""
    with smtp_server() as mailbox:
        email = {"to": ["a@x.org", "b@x.org"], "sender": "p@x.org", "host": "127.0.0.1",
                 "port": mailbox.port}  # fmt: skip
        settings = config(email=email)
        begin(store, settings)
        open_alert(store, "aaaa1111")
        assert dispatch.notify(store, settings, NOW_MS, "web1").delivered == 1
    ((sender, recipients, text),) = mailbox.mails
    assert (sender, recipients) == ("p@x.org", ["a@x.org", "b@x.org"])
    assert "Subject: [perfctl web1] critical: request_p95 GET /items/" in text
    assert "1.20 s (limit 1.00 s)" in text


def test_hostile_text_makes_no_header_and_no_escape() -> None:
    """A route with a newline and an escape sequence stays one visible line."""
    step = Transition("a-1", "a", "r", "/x\r\nBcc: me@evil/\x1b[2J", None, "critical", "opened",
                      None, None, "", NOW_MS, None, None)  # fmt: skip
    message = compose([step], {}, "web1", "/s.db")
    assert "\n" not in message.title
    assert "\r" not in message.text
    assert "\x1b" not in message.text + message.title


def test_a_dead_mans_switch_is_pinged() -> None:
    """After the round; what keeps it from knowing is said."""
    with http_server() as hook:
        assert dispatch.ping_after(config(ping=f"{hook.url}/ping")) is None
    assert [(got.method, got.path) for got in hook.got] == [("GET", "/ping")]
    assert "ping 127.0.0.1:9" in (dispatch.ping_after(config(ping="http://127.0.0.1:9/x")) or "")


def test_a_delivered_message_is_forgotten_after_a_week(store: Path) -> None:
    """One that waits is kept for as long as its channel is tried."""
    with http_server(500) as hook:
        settings = config(webhook=hook.url)
        begin(store, settings)
        open_alert(store, "aaaa1111")
        for days in (0, 8):
            dispatch.notify(store, settings, NOW_MS + days * DAY_MS, "web1")
            retention.prune(store, Retention(), NOW_MS + days * DAY_MS)
        assert count(store) == 1
        retention.prune(store, Retention(), NOW_MS + 16 * DAY_MS)
    assert count(store) == 0


def test_what_a_channel_left_behind_is_forgotten_after_a_week(store: Path) -> None:
    """It is not configured any more: nobody will ever take it."""
    settings = config(webhook="http://127.0.0.1:9/")
    begin(store, settings)
    open_alert(store, "aaaa1111")
    for days in (0, 5):
        dispatch.notify(store, settings, NOW_MS + days * DAY_MS, "web1")
    retention.prune(store, Retention(), NOW_MS + 11 * DAY_MS)
    assert count(store) == 1
    retention.prune(store, Retention(), NOW_MS + 13 * DAY_MS)
    assert count(store) == 0


def test_a_clock_that_jumps_makes_no_message_forgotten(store: Path) -> None:
    """What retention does not trust, nothing goes by."""
    with http_server() as hook:
        settings = config(webhook=hook.url)
        begin(store, settings)
        open_alert(store, "aaaa1111")
        dispatch.notify(store, settings, NOW_MS, "web1")
    segments.write(store, [segments.request(NOW_MS)])
    ingest.drain(store, NOW_MS)
    assert retention.prune(store, Retention(), NOW_MS + 365 * DAY_MS).refused
    dispatch.notify(store, settings, NOW_MS + 365 * DAY_MS, "web1")
    assert count(store) == 1


def count(store: Path) -> int:
    """How many messages are kept."""
    with connection.reading(store) as con:
        return int(con.execute("SELECT count(*) FROM outbox").fetchone()[0])


def pile_up(store: Path, settings: Config, count: int) -> None:
    """So many messages that could not be delivered yet."""
    open_alert(store, "aaaa1111")
    for number in range(count):
        step(store, "aaaa1111", number + 2, "worsened", at_ms=NOW_MS + number)
        dispatch.enqueue(store, settings, parse_plan(settings), NOW_MS + number, "web1")


def test_a_channel_that_fails_is_left_for_this_round(store: Path) -> None:
    """One try of it, however many messages wait; another channel gets its own."""
    with http_server(*[503] * 9) as down, http_server() as up:
        settings = config(webhook=down.url, escalate={"after": "1m", "webhook": up.url})
        begin(store, settings)
        pile_up(store, settings, 5)
        told = dispatch.notify(store, settings, NOW_MS + 5 * MINUTE_MS, "web1")
    assert (len(down.got), len(up.got)) == (1, 1)
    assert (told.delivered, told.waiting, len(told.failures)) == (1, 5, 1)


def test_a_round_delivers_for_a_limited_time(store: Path) -> None:
    """What is left goes with the next one, and `collect` says so."""
    with http_server() as hook:
        settings = config(webhook=hook.url)
        begin(store, settings)
        pile_up(store, settings, 3)
        told = dispatch.deliver(store, parse_plan(settings), NOW_MS + 3, Budget(0))
        assert (told.delivered, told.waiting) == (0, 3)
        assert told.failures == (
            "not delivered yet: the time of this round was over, the next collect goes on",
        )
        told = dispatch.deliver(store, parse_plan(settings), NOW_MS + 3, Budget())
        assert (told.delivered, told.waiting, told.failures) == (3, 0, ())


def test_two_collects_at_once_deliver_a_message_once(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sends it has claimed it before."""
    send = dispatch.send

    def send_slowly(*args: Any) -> None:
        assert dispatch.notify(store, settings, NOW_MS, "web2") == (0, 1, ())
        send(*args)

    monkeypatch.setattr(dispatch, "send", send_slowly)
    with http_server() as hook:
        settings = config(webhook=hook.url)
        begin(store, settings)
        open_alert(store, "aaaa1111")
        assert dispatch.notify(store, settings, NOW_MS, "web1") == (1, 0, ())
    assert len(hook.got) == 1


def test_of_two_that_saw_a_message_the_first_takes_it(store: Path) -> None:
    """The second one finds it taken."""
    with http_server() as hook:
        settings = config(webhook=hook.url)
        begin(store, settings)
        pile_up(store, settings, 1)
    with connection.writing(store) as con, connection.transaction(con):
        (one,) = outbox.due(con, NOW_MS)
        assert outbox.claim(con, one, NOW_MS + MINUTE_MS)
        assert not outbox.claim(con, one, NOW_MS + MINUTE_MS)


def test_a_clock_that_was_ahead_holds_no_message_back(store: Path) -> None:
    """What it put off by a year is due once it is right again."""
    with http_server(503) as hook:
        settings = config(webhook=hook.url)
        begin(store, settings)
        pile_up(store, settings, 1)
        dispatch.notify(store, settings, NOW_MS + 365 * DAY_MS, "web1")
        assert dispatch.notify(store, settings, NOW_MS + MINUTE_MS, "web1").delivered == 1
