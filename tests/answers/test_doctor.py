"""`doctor` names what keeps messages from arriving."""

from __future__ import annotations

from pathlib import Path

from perfctl.answers import doctor
from perfctl.answers.answer import Question
from perfctl.answers.doctor import Finding, Verdict
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS, Window
from perfctl.store import outbox
from perfctl.store.connection import reading, transaction, writing
from perfctl.store.outbox import Waiting
from tests.segments import NOW_MS


def put(store: Path, number: int, channel: str = "webhook", next_ms: int = NOW_MS) -> Waiting:
    """A message that is an hour old."""
    message = Waiting(f"m{number}/{channel}", NOW_MS - HOUR_MS, channel, "{}", 0, next_ms)
    with writing(store) as con, transaction(con):
        outbox.add(con, [message])
    return message


def fail(store: Path, message: Waiting, problem: str) -> None:
    """A try in vain, a minute ago."""
    with writing(store) as con, transaction(con):
        assert outbox.claim(con, message, NOW_MS + MINUTE_MS)
        outbox.note_trouble(con, message.channel, problem)


def found(store: Path, now_ms: int = NOW_MS) -> list[Finding]:
    """What is found about messages."""
    with reading(store) as con:
        question = Question(con, now_ms, Window(now_ms - HOUR_MS, now_ms))
        examined = doctor.examine(question, store, origin="--db", program="perfctl")
    findings: list[Finding] = examined.data["findings"]
    return [finding for finding in findings if finding.name == "messages"]


def test_a_channel_that_takes_nothing_is_a_problem(store: Path) -> None:
    """How many wait, since when, and why."""
    for number in range(2):
        fail(store, put(store, number), "webhook example.org: HTTP Error 503: no")
    put(store, 3, "email")
    assert found(store) == [
        Finding(
            "messages",
            Verdict.PROBLEM,
            "2 messages for webhook wait, the oldest for 1 h: webhook example.org: HTTP Error 503: no",
            f"perfctl --db {store} collect",
        )
    ]


def test_what_waits_for_its_time_is_no_problem(store: Path) -> None:
    """Held in quiet hours, just put in, or being tried."""
    put(store, 1, next_ms=NOW_MS + 6 * HOUR_MS)
    put(store, 2)
    message = put(store, 3)
    with writing(store) as con, transaction(con):
        outbox.claim(con, message, NOW_MS + MINUTE_MS)
    assert found(store) == []


def test_what_arrived_at_last_is_no_problem(store: Path) -> None:
    """Its channel is well again once none of its messages failed."""
    first, second = put(store, 1), put(store, 2)
    fail(store, first, "down")
    fail(store, second, "down")
    with writing(store) as con, transaction(con):
        outbox.note_delivered(con, first, NOW_MS)
    assert found(store)[0].detail == "1 message for webhook waits for 1 h: down"
    with writing(store) as con, transaction(con):
        outbox.note_delivered(con, second, NOW_MS)
    assert found(store) == []
    put(store, 3)
    assert found(store, NOW_MS + MINUTE_MS) == []


def test_what_nobody_tries_is_named_and_no_problem(store: Path) -> None:
    """Its channel was taken out of the configuration, or `collect` does not run."""
    fail(store, put(store, 1), "down")
    assert found(store, NOW_MS + DAY_MS) == [
        Finding(
            "messages",
            Verdict.WARNING,
            "1 message for webhook waits for 1 d 1 h; nobody tries any more: "
            "is webhook still in [notify]?",
            f"perfctl --db {store} collect",
        )
    ]
