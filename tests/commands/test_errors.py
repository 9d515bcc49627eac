"""`perfctl errors` as its users run it: from a terminal, from cron, from a CI step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfctl import ingest
from tests import segments
from tests.answers.test_errors import error
from tests.commands.conftest import Done, Perfctl
from tests.segments import request

Ask = Callable[..., Done]


@pytest.fixture
def failing(store: Path, now_ms: int) -> Path:
    """A store with a request and three groups of errors of the last minutes."""
    errors = [error(now_ms - 60_000, kind) for kind in ("AError", "BError", "CError")]
    segments.write(store, [request(now_ms - 60_000), *errors])
    ingest.drain(store, now_ms)
    return store


def groups(perfctl: Perfctl, store: Path, *more: object) -> dict[str, Any]:
    """The groups by type."""
    done = perfctl("errors", "--format", "json", *more, db=store)
    assert done.code == 0
    assert done.json["schema"] == "perfctl.errors/1"
    return {row["type"]: row for row in done.json["data"]["groups"]}


def test_errors_is_errors_list(perfctl: Perfctl, failing: Path) -> None:
    """With the options of every command on either side of it."""
    listed = groups(perfctl, failing)
    assert listed.keys() == {"AError", "BError", "CError"}
    for line in (
        ["errors", "list", "--format", "csv"],
        ["errors", "--format", "csv", "list"],
        ["--format", "csv", "errors"],
        ["errors", "--status", "open", "--format", "csv"],
    ):
        done = perfctl(*line, db=failing)
        assert (done.code, done.out.count("\n")) == (0, 4)
    assert "AError" in perfctl("errors", db=failing).out
    assert perfctl("errors", "resovle", "x", db=failing).code == 2


def test_keys(perfctl: Perfctl, failing: Path) -> None:
    """Those of the contract, whatever stands beside them."""
    group = groups(perfctl, failing)["AError"]
    assert group["context"] == {"route": "/items/", "method": "GET", "status": 500}
    assert {
        "id", "source", "type", "message", "context", "user_agent", "count", "users",
        "first_seen", "last_seen", "status", "release", "location", "trend",
    } <= group.keys()  # fmt: skip
    detail = perfctl("errors", "show", group["id"], "--format", "json", db=failing).json["data"]
    assert detail["group"]["id"] == group["id"]
    assert detail["frames"][-1] == {"file": "app/views.py", "line": 3, "function": "page"}


def test_exit_codes(perfctl: Perfctl, failing: Path, tmp_path: Path, now_ms: int) -> None:
    """1 only where it is asked for; none found is fine, never fed cannot tell."""
    assert perfctl("errors", db=failing).code == 0
    assert perfctl("errors", "--exit-code", db=failing).code == 1
    assert perfctl("errors", "--exit-code", "--status", "resolved", db=failing).code == 0
    assert perfctl("errors", "--exit-code", "--until", "1h", db=failing).code == 0
    ids = [row["id"] for row in groups(perfctl, failing).values()]
    assert perfctl("errors", "resolve", *ids[:2], db=failing).code == 0
    assert perfctl("errors", "--exit-code", db=failing).code == 1
    assert perfctl("errors", "ignore", ids[2], db=failing).code == 0
    assert perfctl("errors", "--exit-code", db=failing).code == 0
    nowhere = perfctl("errors", "--format", "json", db=tmp_path / "none.db")
    assert (nowhere.code, nowhere.json["data"]) == (3, {"groups": []})
    assert not (tmp_path / "none.db").exists()


def test_a_store_with_requests_alone_has_no_errors(perfctl: Perfctl, filled: Path) -> None:
    """They were looked for: exit 0, an empty list, and a sentence in the table."""
    assert groups(perfctl, filled) == {}
    assert "No errors in" in perfctl("errors", db=filled).out


def test_resolve_says_who_and_when_and_why(perfctl: Perfctl, failing: Path) -> None:
    """The login name of cron, or --as; the second time, who was first."""
    found = groups(perfctl, failing)["AError"]["id"]
    cron = {"LOGNAME": "deploy"}
    first = perfctl("errors", "resolve", found[:6], "-m", "in 1.4.3", db=failing, env=cron)
    again = perfctl(
        "errors", "resolve", found, "-m", "no, me", "--as", "ana", "--format", "json", db=failing
    )

    assert (first.code, again.code) == (0, 0)
    assert "resolved by deploy" in first.out
    (row,) = again.json["data"]["groups"]
    assert (row["status"], row["changed"]) == ("resolved", False)
    assert (row["actor"], row["note"]) == ("deploy", "in 1.4.3")
    assert "resolved already by deploy" in perfctl("errors", "resolve", found, db=failing).out
    detail = perfctl("errors", "show", found, "--format", "json", db=failing).json["data"]
    assert [(e["event"], e["actor"]) for e in detail["history"]] == [("resolved", "deploy")]


@pytest.mark.parametrize("verb", ["resolve", "ignore"])
def test_all_or_none(perfctl: Perfctl, failing: Path, verb: str) -> None:
    """One unknown id, and the others stay as they were: exit 2, the nearest, no result."""
    ids = [row["id"] for row in groups(perfctl, failing).values()]

    done = perfctl("errors", verb, *ids, "ffffffffffff0", db=failing)

    assert (done.code, done.out) == (2, "")
    assert any(group_id in done.err for group_id in ids)
    assert {row["status"] for row in groups(perfctl, failing).values()} == {"open"}


def test_a_resolved_group_that_returns_is_regressed(
    perfctl: Perfctl, failing: Path, now_ms: int
) -> None:
    """At the next question after it waited in the spool."""
    found = groups(perfctl, failing)["AError"]["id"]
    perfctl("errors", "resolve", found, db=failing)
    resolved = groups(perfctl, failing)["AError"]["resolved_at"]
    assert resolved is not None

    segments.write(failing, [error(now_ms + 30_000, "AError")])

    row = groups(perfctl, failing, "--since", "1d", "--until", "2100-01-01")["AError"]
    assert (row["status"], row["total"]) == ("regressed", 2)


def test_reopen_takes_back_what_was_said(perfctl: Perfctl, failing: Path) -> None:
    """Of an open group there is nothing to take back."""
    rows = list(groups(perfctl, failing).values())
    perfctl("errors", "resolve", rows[0]["id"], db=failing)
    perfctl("errors", "ignore", rows[1]["id"], db=failing)

    done = perfctl("errors", "reopen", *(row["id"] for row in rows), "--format", "json", db=failing)

    assert [row["changed"] for row in done.json["data"]["groups"]] == [True, True, False]
    assert {row["status"] for row in groups(perfctl, failing).values()} == {"open"}


def test_ignore_for_a_time_or_a_count(perfctl: Perfctl, failing: Path, now_ms: int) -> None:
    """Both are kept; with new terms the later word counts, without any nothing changes."""
    found = groups(perfctl, failing)["AError"]["id"]
    done = perfctl(
        "errors", "ignore", found, "--until", "7d", "--count", 100, "--format", "json", db=failing
    )
    (row,) = done.json["data"]["groups"]
    assert row["ignored_until_count"] == 101
    assert row["ignored_until"] is not None
    assert not perfctl("errors", "ignore", found, "--format", "json", db=failing).json["data"][
        "groups"
    ][0]["changed"]
    assert perfctl("errors", "ignore", found, "--until", "7d", db=failing).code == 0
    history = perfctl("errors", "show", found, "--format", "json", db=failing).json["data"][
        "history"
    ]
    assert [event["note"] for event in history] == ["for 7d, for 100 more", "for 7d"]
    assert perfctl("errors", "ignore", found, "--until", "2020-01-01", db=failing).code == 2
    assert perfctl("errors", "ignore", found, "--count", 0, db=failing).code == 2


def test_the_same_terms_again_change_nothing(perfctl: Perfctl, failing: Path) -> None:
    """Within the minute that they are said to; other terms are a later word."""
    found = groups(perfctl, failing)["AError"]["id"]

    def ignore(*terms: object) -> bool:
        done = perfctl("errors", "ignore", found, *terms, "--format", "json", db=failing)
        changed: bool = done.json["data"]["groups"][0]["changed"]
        return changed

    said = [ignore("--until", "2h"), ignore("--until", "2h"), ignore("--until", "3h")]
    assert said == [True, False, True]
    said = [ignore("--count", 3), ignore("--count", 3), ignore("--count", 4)]
    assert said == [True, False, True]
    shown = perfctl("errors", "show", found, "--format", "json", db=failing).json["data"]
    assert [event["event"] for event in shown["history"]].count("ignored") == 4


def test_acting_needs_a_store(perfctl: Perfctl, store: Path, tmp_path: Path) -> None:
    """None is made; one that was never fed cannot tell what an id means."""
    nowhere = tmp_path / "none.db"
    for verb in ("resolve", "ignore", "reopen", "show"):
        assert perfctl("errors", verb, "3f2a", db=nowhere).code == 3
        assert perfctl("errors", verb, "3f2a", db=store).code == 3
    assert not nowhere.exists()


def test_an_unknown_route_names_the_nearest(perfctl: Perfctl, failing: Path) -> None:
    """Exit 2."""
    assert groups(perfctl, failing, "--route", "items").keys() == {"AError", "BError", "CError"}
    done = perfctl("errors", "--route", "/itemz/", db=failing)
    assert done.code == 2
    assert "/items/" in done.err
