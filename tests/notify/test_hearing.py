"""What of an alert's history people hear, and since when it waits for one of them."""

from __future__ import annotations

import pytest

from perfctl.notify.hearing import listen
from perfctl.store.alerts import AlertEvent

BY_HAND = ("acknowledged", "unacknowledged", "snoozed")


def history(*events: str) -> list[AlertEvent]:
    """Steps one after the other; `by ann` makes one hers that could be perfctl's."""
    return [
        AlertEvent("a", n, n, event.removesuffix(" by ann"), actor(event), None, 1, "critical", 1)
        for n, event in enumerate(events, 1)
    ]


def actor(event: str) -> str | None:
    """Who took a step."""
    return "ann" if event.endswith("by ann") or event in BY_HAND else None


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (["opened", "worsened", "resolved", "reopened", "resolved"], [1, 2, 3, 4, 5]),
        # A person's own doing is no news to people, but for an end that others wait for.
        (["opened", "acknowledged", "unacknowledged", "resolved by ann"], [1, 4]),
        (["resolved by ann"], []),
        (["opened", "resolved", "resolved by ann", "reopened"], [1, 2, 4]),
        # Silence: once an opening, and never of what somebody knows of.
        (["opened", "no_data", "reopened", "no_data", "reopened", "no_data"], [1, 2, 3]),
        (["opened", "no_data", "resolved", "reopened", "no_data", "reopened"], [1, 2, 3, 4, 5, 6]),
        (["opened", "acknowledged", "no_data", "no_data", "resolved"], [1, 5]),
        (["opened", "snoozed", "no_data", "reopened"], [1, 4]),
        (["opened", "acknowledged", "no_data", "unacknowledged", "reopened"], [1]),
        (["opened", "acknowledged", "worsened", "no_data", "reopened"], [1, 3, 4, 5]),
        # A snooze that is over is heard, one that somebody took back is not.
        (["opened", "snoozed", "unsnoozed", "snoozed", "unsnoozed by ann"], [1, 3]),
    ],
    ids=str,
)
def test_what_is_told(events: list[str], told: list[int]) -> None:
    """The numbers of the steps."""
    assert sorted(listen(history(*events)).told) == [f"a-{n}" for n in told]


@pytest.mark.parametrize(
    ("events", "waiting"),
    [
        (["opened"], 1),
        (["opened", "no_data", "reopened"], 1),
        (["opened", "worsened"], 2),
        (["opened", "acknowledged"], None),
        (["opened", "acknowledged", "unacknowledged"], 3),
        (["opened", "acknowledged", "no_data", "worsened"], 4),
        (["opened", "snoozed", "unsnoozed"], 3),
        (["opened", "snoozed", "no_data", "reopened"], 4),
        (["opened", "resolved"], None),
        (["opened", "resolved", "reopened"], 3),
        (["resolved by ann"], None),
        ([], None),
    ],
    ids=str,
)
def test_since_when_it_waits(events: list[str], waiting: int | None) -> None:
    """From the step on that left it without anybody who knows of it."""
    found = listen(history(*events)).waiting
    assert (found and found.step) == waiting
