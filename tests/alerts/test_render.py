"""The texts of alerts: they fit the terminal, and obey nothing from outside."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from perfctl.alerting import Acted
from perfctl.alerts.replay import Episode, Firings, Replay
from perfctl.answers.alerts import AlertStep, AlertSummary
from perfctl.answers.answer import Answer
from perfctl.render.face import show
from tests.render import samples
from tests.render.test_hostile import FORMATS, check_inert

AT = "2026-11-24T11:40:00.000Z"
FIRINGS = Firings(1000.0, 500.0, 120.0, 300.0, 50, 3, 8040.0, 4200.0, 2)


def alert(text: str = "GET /items/", **changes: Any) -> AlertSummary:
    """An alert with this text wherever text may come from outside."""
    fields: dict[str, Any] = {
        "id": "k3x9m2pq", "rule": text, "subject": text, "severity": "critical",
        "status": "firing", "value": 1221.0, "threshold": 1000.0, "peak": 1380.0, "opened_at": AT,
        "acknowledged_at": None, "acknowledged_by": text, "note": text, "resolved_at": None,
        "resolved_by": None, "snoozed_until": AT, "host": text, "target": 500.0, "unit": "ms",
    }  # fmt: skip
    return AlertSummary(**(fields | changes))


def answers(text: str) -> list[Answer]:
    """An answer of each kind."""
    process = {"name": text, "pid": 1, "user": text, "cpu": 0.5, "rss_bytes": 10**9}
    step = AlertStep("opened", AT, text, text, 1221.0, "critical")
    shown = {"alert": alert(text), "history": [step], "processes": [process], "detail": text}
    acted = Acted("k3x9m2pq", text, text, "acknowledged", True, text, AT, text, AT)
    replayed = Replay(
        text, "p95_ms", "ms", FIRINGS, FIRINGS, [Episode(text, text, AT, None, 60.0, 1, 1380.0)], 3,
        True,
    )  # fmt: skip
    return [
        samples.answer("alerts", {"alerts": [alert(text), alert(text, status="snoozed")]}),
        samples.answer("alerts", {"alerts": []}),
        samples.answer("alerts.show", shown),
        samples.answer("alerts.test", replayed),
        samples.answer("ack", {"alerts": [acted, acted._replace(changed=False)]}),
    ]


def text_of(found: Answer, width: int | None = 80) -> str:
    """As a terminal of that width shows it."""
    return show(found, samples.console(width), "table", store="/x", limit=None, now_ms=0)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("width", [80, None])
@pytest.mark.parametrize("has_color", [True, False])
def test_hostile_text_is_inert(fmt: str, width: int | None, has_color: bool) -> None:
    """Escape sequences, bidirectional controls and line ends are shown, not obeyed."""
    check_inert(answers(samples.HOSTILE), fmt, width, has_color=has_color)


@given(st.text(st.characters(exclude_characters="\ufe0f"), max_size=60), st.integers(70, 160))
def test_lists_stay_within_the_terminal(drawn: str, width: int) -> None:
    """Whatever the text."""
    for answer in (answers(drawn)[0], answers(drawn)[3]):
        for line in text_of(answer, width).split("\n"):
            assert cell_len(line) <= width


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, r"✖ firing +GET /items/ +GET /items/ +1.22 s +> 1 s +1.38 s"),
        ({"severity": "warning"}, r"▲ firing"),
        ({"status": "no_data"}, r"\? no data"),
        ({"target": 1500.0}, r"< 1 s"),
        ({"target": 0.0, "threshold": 0.0}, r"1.22 s +> 0 ms +1.38 s"),
        ({"rule": "n_plus_one", "threshold": 0.0}, r"1.22 s +– +1.38 s"),
        ({"status": "snoozed"}, r"↳ until 2026-11-24 \d\d:40"),
        ({"note": "volume ordered"}, r"↳ volume ordered"),
    ],
)
def test_how_an_alert_stands(changes: dict[str, Any], said: str) -> None:
    """In one line, and what was said below it."""
    found = samples.answer("alerts", {"alerts": [alert(**changes)]})
    assert re.search(said, text_of(found, None))


def test_without_alerts_it_says_where_it_looked() -> None:
    """Not that all is well."""
    assert text_of(answers("x")[1], None).startswith("No alerts in /x, 2026-11-23 ")


def test_an_alert_that_ended_by_itself_says_so() -> None:
    """Nobody was first."""
    acted = Acted("k3x9m2pq", "cpu", "web1", "resolved", False, None, AT, None, None)
    text = text_of(samples.answer("ack", {"alerts": [acted]}))
    assert re.fullmatch(r"k3x9m2pq cpu web1: resolved already by itself, 2026-11-24 \d\d:40", text)
