"""What `why` finds goes with the alert that it explains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perfctl import notify
from perfctl.answers import why
from perfctl.config import Config, parse
from perfctl.model import HOUR_MS, MINUTE_MS
from perfctl.store import alerts
from perfctl.store.alerts import AlertEvent, AlertRow
from perfctl.store.connection import transaction, writing
from tests.answers.scenes import HOUR, Site
from tests.notify.servers import http_server
from tests.segments import NOW_MS

ENDED = AlertEvent("k3x9m2pq", 2, NOW_MS, "resolved", None, None, 90, "critical", 1000)


def open_alert(store: Path, alert_id: str, *, severity: str = "critical") -> None:
    """An alert of a minute ago, as the evaluation keeps it."""
    at_ms = NOW_MS - MINUTE_MS
    row = AlertRow(
        alert_id, "request_p95", "GET /items/", None, severity, "firing", opened_ms=at_ms
    )
    step = AlertEvent(alert_id, 1, at_ms, "opened", None, None, 1200, severity, 1000)
    with writing(store) as con, transaction(con):
        alerts.keep(con, [row])
        alerts.add_events(con, [step])


def tell(store: Path, config: Config, now_ms: int = NOW_MS) -> None:
    """One round that delivers all."""
    assert notify.tell(store, config, now_ms, "web1") == ()


@pytest.fixture
def changed(store: Path) -> Path:
    """A store whose route became slow with a deploy that is known."""
    site = Site(store)
    site.serve(4 * HOUR, 90)
    site.serve(90, per_row=20, release="v2")
    site.deploy("v2", 91)
    site.done()
    return store


def test_the_cause_line_goes_with_what_opened(changed: Path) -> None:
    """Below the alert in the text, and by itself in the data."""
    with http_server() as hook:
        config = parse({"notify": {"webhook": hook.url}}, "test")
        tell(changed, config, NOW_MS - HOUR_MS)
        open_alert(changed, "k3x9m2pq")
        tell(changed, config)
    message: dict[str, Any] = json.loads(hook.got[0].body)
    (event,) = message["events"]
    assert event["cause"].startswith("deploy v2")
    alert, cause, *_ = message["text"].splitlines()
    assert alert.startswith("critical: request_p95 GET /items/ opened")
    assert cause == f"  {event['cause']}"


def test_what_ends_has_no_cause(changed: Path) -> None:
    """Nobody asks why it is over."""
    with http_server() as hook:
        config = parse({"notify": {"webhook": hook.url}}, "test")
        tell(changed, config, NOW_MS - HOUR_MS)
        open_alert(changed, "k3x9m2pq")
        tell(changed, config)
        with writing(changed) as con, transaction(con):
            alerts.add_events(con, [ENDED])
        tell(changed, config)
    (event,) = json.loads(hook.got[1].body)["events"]
    assert (event["event"], event["cause"]) == ("resolved", None)


def test_in_a_storm_the_critical_ones_are_explained(changed: Path) -> None:
    """Five of them: people are told soon rather than of each cause."""
    with http_server() as hook:
        config = parse({"notify": {"webhook": hook.url}}, "test")
        tell(changed, config, NOW_MS - HOUR_MS)
        for n in range(8):
            open_alert(changed, f"m{n}x9m2pq", severity="warning" if n < 4 else "critical")
        tell(changed, config)
    events = json.loads(hook.got[0].body)["events"]
    explained = [event["severity"] for event in events if event["cause"]]
    assert sorted(explained) == ["critical"] * 4 + ["warning"]


def test_what_is_escalated_is_explained(changed: Path) -> None:
    """Who is told then has not read the opening."""
    with http_server() as boss:
        config = parse({"notify": {"escalate": {"after": "1m", "webhook": boss.url}}}, "test")
        tell(changed, config, NOW_MS - HOUR_MS)
        open_alert(changed, "k3x9m2pq")
        tell(changed, config)
    (event,) = json.loads(boss.got[0].body)["events"]
    assert event["event"] == "escalated"
    assert event["cause"].startswith("deploy v2")


def test_a_search_that_fails_keeps_nobody_from_being_told(
    changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in it; `collect` says what did."""
    monkeypatch.setattr(why, "cause_line", Search(ZeroDivisionError("by zero")))
    with http_server() as hook:
        config = parse({"notify": {"webhook": hook.url}}, "test")
        tell(changed, config, NOW_MS - HOUR_MS)
        open_alert(changed, "k3x9m2pq")
        said = notify.tell(changed, config, NOW_MS, "web1")
    (event,) = json.loads(hook.got[0].body)["events"]
    assert (event["alert_id"], event["cause"]) == ("k3x9m2pq", None)
    assert said == ("the cause of alert k3x9m2pq was not looked for: ZeroDivisionError: by zero",)


@pytest.mark.parametrize("names", ["ping", "escalate"])
def test_nothing_is_searched_for_nobody(
    changed: Path, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    """Without a channel that would be told of it."""
    search = Search()
    monkeypatch.setattr(why, "cause_line", search)
    with http_server() as hook:
        escalate = {"after": "1h", "webhook": hook.url}
        said = {"ping": hook.url} if names == "ping" else {"escalate": escalate}
        config = parse({"notify": said}, "test")
        tell(changed, config, NOW_MS - HOUR_MS)
        open_alert(changed, "k3x9m2pq")
        tell(changed, config)
    assert search.subjects == []


class Search:
    """Stands in for the search, and notes what it was asked."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.subjects: list[str] = []

    def __call__(self, _question: object, subject: str, _config: Config) -> str | None:
        self.subjects.append(subject)
        if self.failure:
            raise self.failure
        return None
