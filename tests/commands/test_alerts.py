"""`perfctl alerts`, `ack`, `unack`, `snooze` and `resolve` as their users run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perfctl import ingest
from perfctl.store import connection
from tests import segments
from tests.commands.conftest import Perfctl
from tests.segments import request

KEYS = {
    "id", "rule", "subject", "severity", "status", "value", "threshold", "peak", "opened_at",
    "acknowledged_at", "acknowledged_by", "note", "resolved_at", "resolved_by",
}  # fmt: skip
AS_ANN = {"LOGNAME": "ann"}


@pytest.fixture
def slow(perfctl: Perfctl, store: Path, now_ms: int) -> Path:
    """A store whose two routes have been slow for the last ten minutes; `collect` has run."""
    records = [
        request(now_ms - minute * 60_000 - i * 900, route=route, duration_us=1_500_000)
        for minute in range(12)
        for i in range(60)
        for route in ("/items/", "/report/")
    ]
    segments.write(store, records)
    ingest.drain(store, now_ms)
    done = perfctl("collect", "--format", "json", db=store)
    assert done.code == 0
    assert len(done.json["data"]["alerts_opened"]) == 2
    assert done.json["data"]["alerts_resolved"] == []
    return store


def listed(perfctl: Perfctl, store: Path, *more: object) -> dict[str, dict[str, Any]]:
    """The alerts by subject."""
    done = perfctl("alerts", "--format", "json", *more, db=store)
    assert done.code == 0
    assert done.json["schema"] == "perfctl.alerts/1"
    return {row["subject"]: row for row in done.json["data"]["alerts"]}


def statuses(perfctl: Perfctl, store: Path) -> set[str]:
    """Where all alerts are."""
    return {row["status"] for row in listed(perfctl, store).values()}


def test_alerts_is_alerts_list(perfctl: Perfctl, slow: Path) -> None:
    """The keys of the contract; the options on either side."""
    found = listed(perfctl, slow)
    assert found.keys() == {"GET /items/", "GET /report/"}
    row = found["GET /items/"]
    assert row.keys() >= KEYS
    assert (row["rule"], row["severity"], row["status"]) == ("request_p95", "critical", "firing")
    assert (row["threshold"], row["unit"]) == (1000, "ms")
    assert row["value"] == pytest.approx(1500, rel=0.01)
    assert row["opened_at"].endswith("Z")
    assert (row["acknowledged_at"], row["resolved_at"], row["note"]) == (None, None, None)
    assert listed(perfctl, slow, "--status", "resolved") == {}
    assert len(listed(perfctl, slow, "--rule", "request-p95", "--severity", "critical")) == 2
    text = perfctl("alerts", "list", db=slow).out
    assert "✖ firing" in text
    assert "1.50 s" in text
    assert "> 1 s" in text


def test_exit_codes_of_the_list(perfctl: Perfctl, slow: Path) -> None:
    """0 unless asked; then 1 as long as one fires; an unknown rule is wrong usage."""
    assert perfctl("alerts", db=slow).code == 0
    assert perfctl("alerts", "--exit-code", db=slow).code == 1
    ids = [row["id"] for row in listed(perfctl, slow).values()]
    assert perfctl("ack", *ids, db=slow).code == 0
    assert perfctl("alerts", "--exit-code", db=slow).code == 0
    done = perfctl("alerts", "--rule", "request_p59", db=slow)
    assert (done.code, done.out) == (2, "")
    assert "request_p95" in done.err


def test_where_nothing_was_ever_judged_it_cannot_tell(perfctl: Perfctl, store: Path) -> None:
    """A new store: not that all is well; nor without a store."""
    done = perfctl("alerts", "--format", "json", db=store)
    assert (done.code, done.json["data"]["alerts"]) == (3, [])
    assert "never evaluated" in done.json["warnings"][0]
    assert perfctl("collect", db=store).code == 0
    assert perfctl("alerts", "--exit-code", db=store).code == 0
    missing = store.with_name("missing.db")
    assert perfctl("alerts", db=missing).code == 3
    assert perfctl("ack", "x", db=missing).code == 3
    assert not missing.exists()


def test_an_evaluation_of_long_ago_says_nothing_of_now(perfctl: Perfctl, store: Path) -> None:
    """`--exit-code` is then 3, and the text says why."""
    perfctl("collect", db=store)
    with connection.writing(store) as con:
        con.execute("UPDATE meta SET value = value - 60 WHERE key = 'judged_until'")
    done = perfctl("alerts", "--exit-code", db=store)
    assert done.code == 3
    assert "does perfctl collect still run?" in done.out


def test_an_alert_without_data_is_not_known_to_be_over(perfctl: Perfctl, slow: Path) -> None:
    """`--exit-code` is then 3; 1 where another one fires."""
    with connection.writing(slow) as con:
        con.execute("UPDATE performance_alert SET status = 'no_data'")
    assert perfctl("alerts", "--exit-code", db=slow).code == 3
    assert perfctl("alerts", db=slow).code == 0


def test_a_note_is_a_note(perfctl: Perfctl, slow: Path) -> None:
    """Not a file's worth."""
    ids = [row["id"] for row in listed(perfctl, slow).values()]
    done = perfctl("ack", *ids, "-m", "x" * 1001, db=slow)
    assert (done.code, done.out) == (2, "")
    assert "1,000 characters" in done.err


def test_an_alert_makes_health_critical_until_somebody_is_on_it(
    perfctl: Perfctl, slow: Path
) -> None:
    """Acknowledged alerts weigh as warnings."""

    def check() -> tuple[str, float]:
        checks = perfctl("health", "--format", "json", db=slow).json["data"]["checks"]
        (found,) = (item for item in checks if item["name"] == "alerts")
        return found["status"], found["value"]

    assert check() == ("critical", 2)
    ids = [row["id"] for row in listed(perfctl, slow).values()]
    perfctl("ack", *ids, db=slow)
    assert check() == ("warning", 2)


def test_who_and_why_are_kept(perfctl: Perfctl, slow: Path) -> None:
    """`--as`, else the login name; a second one changes nothing and hears who was first."""
    row = listed(perfctl, slow)["GET /items/"]
    done = perfctl("ack", row["id"][:5], "-m", "rolling back", db=slow, env=AS_ANN)
    assert done.code == 0
    assert f"{row['id']} request_p95 GET /items/: acknowledged by ann (rolling back)" in done.out
    done = perfctl("ack", row["id"], "--as", "ben", db=slow)
    assert done.code == 0
    assert "acknowledged already by ann, 20" in done.out
    found = listed(perfctl, slow)["GET /items/"]
    assert (found["acknowledged_by"], found["note"]) == ("ann", "rolling back")
    assert found["acknowledged_at"] is not None


def test_several_ids_are_all_or_none(perfctl: Perfctl, slow: Path) -> None:
    """One that does not exist leaves the other as it was; the nearest is named."""
    ids = [row["id"] for row in listed(perfctl, slow).values()]
    wrong = ids[0][:-1] + ("2" if ids[0][-1] != "2" else "3")
    for verb in (["ack"], ["unack"], ["resolve"], ["snooze"]):
        more = ["2h"] if verb == ["snooze"] else []
        done = perfctl(*verb, ids[0], wrong, *more, db=slow)
        assert (done.code, done.out) == (2, "")
        assert ids[0] in done.err
    assert statuses(perfctl, slow) == {"firing"}
    assert perfctl("ack", *ids, db=slow).code == 0
    assert statuses(perfctl, slow) == {"acknowledged"}


def test_the_beginning_of_an_id_must_be_unique(perfctl: Perfctl, slow: Path) -> None:
    """Two that begin alike are both named."""
    with connection.writing(slow) as con:
        con.execute(
            "UPDATE performance_alert SET id = 'abc' || CASE subject WHEN 'GET /items/'"
            " THEN 'd2345' ELSE 'e2345' END"
        )
    done = perfctl("ack", "abc", db=slow)
    assert done.code == 2
    assert "abcd2345" in done.err
    assert "abce2345" in done.err
    assert perfctl("ack", "ABCD", db=slow).code == 0
    assert perfctl("ack", "", db=slow).code == 2


def test_a_life_by_hand(perfctl: Perfctl, slow: Path) -> None:
    """Snoozed, taken back, resolved; `show` tells each step with who and why."""
    identity = listed(perfctl, slow)["GET /items/"]["id"]
    for line in (
        ["snooze", identity, "2h", "-m", "after lunch"],
        ["snooze", identity, "2h"],
        ["unack", identity],
        ["ack", identity],
        ["resolve", identity, "-m", "index added"],
        ["resolve", identity],
        ["unack", identity],
    ):
        assert perfctl(*line, "--as", "ann", db=slow).code == 0
    done = perfctl("alerts", "show", identity[:6], "--format", "json", db=slow)
    assert done.json["schema"] == "perfctl.alerts.show/1"
    data = done.json["data"]
    assert data["alert"]["resolved_by"] == "ann"
    assert [(step["event"], step["by"], step["note"]) for step in data["history"]] == [
        ("opened", None, None),
        ("snoozed", "ann", "for 2h: after lunch"),
        ("unsnoozed", "ann", None),
        ("acknowledged", "ann", None),
        ("resolved", "ann", "index added"),
    ]
    text = perfctl("alerts", "show", identity, db=slow).out
    assert "resolved by ann at 1.50 s: index added" in text
    assert listed(perfctl, slow)["GET /items/"]["status"] == "resolved"


def test_a_snooze_is_for_a_time_to_come(perfctl: Perfctl, slow: Path) -> None:
    """A duration or a moment; one that is over, or none, is wrong usage."""
    identity = listed(perfctl, slow)["GET /items/"]["id"]
    for when in ("yesterday", "soon"):
        assert perfctl("snooze", identity, when, db=slow).code == 2
    assert perfctl("snooze", identity, db=slow).code == 2
    assert perfctl("snooze", identity, "2099-01-01", db=slow).code == 0
    assert "until 2099-01-01" in perfctl("alerts", db=slow).out


def test_alerts_without_a_home_and_a_terminal(perfctl: Perfctl, slow: Path) -> None:
    """As cron runs them: who it is, the account tells."""
    identity = listed(perfctl, slow)["GET /items/"]["id"]
    for line in (["collect", "-q"], ["ack", identity], ["alerts", "--format", "json"]):
        done = subprocess.run(
            [sys.executable, "-m", "perfctl", "--db", slow, *line],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"]},
            cwd="/",
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    rows = {row["id"]: row for row in json.loads(done.stdout)["data"]["alerts"]}
    assert rows[identity]["acknowledged_by"] == "root"


def test_collect_is_what_evaluates(perfctl: Perfctl, store: Path, now_ms: int) -> None:
    """No question opens an alert, however bad what it finds."""
    records = [
        request(now_ms - 200_000 - i * 500, duration_us=3_000_000, status=500) for i in range(100)
    ]
    segments.write(store, records)
    for question in ("health", "summary", "alerts", "endpoints"):
        perfctl(question, db=store)
    with connection.reading(store) as con:
        assert con.execute("SELECT count(*) FROM performance_alert").fetchone() == (0,)
    done = perfctl("collect", db=store)
    assert "alerts      2 opened (" in done.out


def test_a_replay_beside_another_setting(perfctl: Perfctl, slow: Path) -> None:
    """Settings behind one `--set`, as the help shows it, or each behind its own."""
    done = perfctl(
        "alerts", "test", "request_p95", "--since", "2h", "--set", "limit=2000", "for=3m",
        "--format", "json", db=slow,
    )  # fmt: skip
    assert done.code == 0
    assert done.json["schema"] == "perfctl.alerts.test/1"
    data = done.json["data"]
    assert (data["present"]["openings"], data["present"]["subjects"]) == (2, 2)
    assert (data["proposed"]["openings"], data["proposed"]["limit"]) == (0, 2000)
    assert data["present"]["firing_s"] > 0
    lines = [["--set", "limit=2s", "--set", "for=3m"], ["limit=2000", "for=180s"]]
    for line in lines:
        again = perfctl("alerts", "test", "request_p95", *line, "--format", "json", db=slow).json
        assert again["data"]["proposed"] == data["proposed"]
    text = perfctl("alerts", "test", "request_p95", "--set", "limit=1200", db=slow).out
    assert "now: each route's limit, over 5m" in text
    assert "proposed: 1.2 s, over 5m" in text


def test_a_replay_beyond_what_is_kept_cannot_tell(perfctl: Perfctl, slow: Path) -> None:
    """Samples of the machine: a week. Without --since it is about what is kept."""
    done = perfctl("alerts", "test", "cpu", "--since", "30d", "--format", "json", db=slow)
    assert done.code == 3
    assert "is kept for 7d" in done.json["warnings"][0]
    assert perfctl("alerts", "test", "request_p95", "--since", "30d", db=slow).code == 0
    assert perfctl("alerts", "test", "request_p95", db=slow).code == 0
    assert perfctl("alerts", "test", "frontend_lcp", db=slow).code == 3


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (["request_p59"], "request_p95"),
        (["request_p95", "--set", "limits=3"], "limit="),
        (["request_p95", "--set", "for=soon"], "soon"),
    ],
)
def test_a_replay_that_is_asked_wrongly(
    perfctl: Perfctl, slow: Path, line: list[str], named: str
) -> None:
    """What it should have been."""
    done = perfctl("alerts", "test", *line, db=slow)
    assert (done.code, done.out) == (2, "")
    assert named in done.err


def test_own_rules_of_the_configuration(perfctl: Perfctl, slow: Path) -> None:
    """In `perfctl.toml` beside the store; a built-in one is changed by its name."""
    slow.with_name("perfctl.toml").write_text(
        """
        [[alerts]]
        name = "slow_items"
        metric = "p50_ms"
        subject = "GET /items*"
        above = "300ms"

        [[alerts]]
        rule = "request_p95"
        enabled = false
        """
    )
    data = perfctl("alerts", "test", "slow_items", "--format", "json", db=slow).json["data"]
    assert data["present"]["openings"] == 1
    assert [row["subject"] for row in data["openings"]] == ["GET /items/"]


def test_a_wrong_rule_is_said_before_anything_is_done(perfctl: Perfctl, store: Path) -> None:
    """With its place and the nearest name; no sample was taken."""
    store.with_name("perfctl.toml").write_text('[[alerts]]\nmetric = "cpuu"\nabove = 0.9\n')
    done = perfctl("collect", db=store)
    assert (done.code, done.out) == (2, "")
    assert "alerts.0.metric" in done.err
    assert "did you mean cpu?" in done.err
    with connection.reading(store) as con:
        assert con.execute("SELECT count(*) FROM system_metric").fetchone() == (0,)


def test_collect_a_second_time_opens_nothing_again(perfctl: Perfctl, slow: Path) -> None:
    """One open alert a rule and subject."""
    assert perfctl("collect", "--format", "json", db=slow).json["data"]["alerts_opened"] == []
    assert len(listed(perfctl, slow)) == 2
