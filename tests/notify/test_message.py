"""A message says what a person wants to know first, in words."""

from __future__ import annotations

from typing import Any

import pytest

from perfctl.alerts.transition import Transition
from perfctl.notify.message import compose
from tests.segments import NOW_MS


def transition(**changes: Any) -> Transition:
    """A step of an alert."""
    step = Transition(
        id="a1-1", alert_id="a1", rule="store_growth", subject="store", host=None,
        severity="warning", event="opened", value=1.234e9, threshold=1e9, unit="bytes",
        at_ms=NOW_MS, note=None, detail=None,
    )  # fmt: skip
    return step._replace(**changes)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "warning: store_growth store opened, 1.23 GB (limit 1.00 GB)"),
        ({"event": "no_data"}, "warning: store_growth store no data, last 1.23 GB (limit 1.00 GB)"),
        ({"event": "worsened", "severity": "critical", "threshold": None},
         "critical: store_growth store got worse, 1.23 GB"),
        ({"event": "resolved", "actor": "bob"},
         "resolved: store_growth store resolved by bob, 1.23 GB (limit 1.00 GB)"),
        ({"event": "repeated"}, "warning: store_growth store still firing, 1.23 GB (limit 1.00 GB)"),
        ({"event": "escalated"},
         "warning: store_growth store not acknowledged, 1.23 GB (limit 1.00 GB)"),
        ({"event": "unsnoozed"},
         "warning: store_growth store firing after its snooze, 1.23 GB (limit 1.00 GB)"),
        ({"rule": "n_plus_one", "subject": "GET /", "value": 3, "threshold": 0, "unit": "count"},
         "warning: n_plus_one GET / opened, 3"),
        ({"rule": "disk", "subject": "/var", "host": "web1", "value": None},
         "warning: disk /var on web1 opened"),
        ({"rule": "cpu", "subject": "web1", "host": "web1", "value": None},
         "warning: cpu web1 opened"),
    ],
    ids=str,
)  # fmt: skip
def test_a_step_in_words(changes: dict[str, Any], line: str) -> None:
    """As `perfctl alerts` writes values; a limit of 0 is that of a rule for new things."""
    text = compose([transition(**changes)], {}, "web1", "/s.db").text
    assert text.splitlines()[0] == f"{line}, 2025-11-24T16:00:00.000Z, id a1"


def test_what_is_known_stands_below() -> None:
    """Detail, note and cause."""
    step = transition(detail="python 83 % CPU", note="still true")
    text = compose([step], {"a1": "deploy v2"}, "web1", "/s.db").text
    assert text.splitlines()[1:4] == ["  python 83 % CPU", "  still true", "  deploy v2"]


def test_the_worst_comes_first_and_then_what_is_new() -> None:
    """The title names it; ends come last."""
    steps = [
        transition(id="1", event="resolved", severity="critical"),
        transition(id="2", event="repeated", at_ms=NOW_MS - 1),
        transition(id="3"),
        transition(id="4", severity="critical", subject="spool"),
    ]
    message = compose(steps, {}, "web1", "/s.db")
    assert [event["id"] for event in message.data["events"]] == ["4", "3", "2", "1"]  # type: ignore[attr-defined]
    assert message.title == "[perfctl web1] critical: store_growth spool and 3 more"
