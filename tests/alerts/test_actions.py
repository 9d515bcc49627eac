"""What people say about alerts, and what becomes of it."""

from __future__ import annotations

import pytest

from perfctl.alerts import actions
from perfctl.alerts.actions import Action, Said
from perfctl.model import HOUR_MS, MINUTE_MS
from perfctl.store.alerts import AlertRow
from tests.segments import NOW_MS

ANN = Said("ann", NOW_MS, "on it")
BEN = Said("ben", NOW_MS + 1000)
LATER_MS = NOW_MS + 2 * HOUR_MS
FIRING = AlertRow(
    "k3x9m2pq", "cpu", "web1", "web1", "critical", "firing", 0.9, opened_ms=NOW_MS - 60_000, steps=1
)
PENDING = FIRING._replace(status="pending", opened_ms=None, pending_ms=NOW_MS, steps=0)


def after(*said: tuple[Action, Said], alert: AlertRow = FIRING) -> AlertRow:
    """The alert after all of it."""
    for action, by in said:
        alert = action(alert, by).alert
    return alert


def test_an_acknowledgement_keeps_who_when_why_and_the_value() -> None:
    """Against which it will be measured."""
    alert, event = actions.acknowledge(FIRING, ANN)
    assert alert == FIRING._replace(
        status="acknowledged",
        acknowledged_ms=NOW_MS,
        acknowledged_by="ann",
        acknowledged_value=0.9,
        acknowledged_severity="critical",
        note="on it",
        steps=2,
    )
    assert event is not None
    assert (event.event, event.actor, event.note, event.at_ms) == (
        "acknowledged", "ann", "on it", NOW_MS,
    )  # fmt: skip


@pytest.mark.parametrize("action", [actions.acknowledge, actions.snooze(LATER_MS), actions.resolve])
def test_the_same_twice_changes_nothing(action: Action) -> None:
    """The first one stays."""
    once = after((action, ANN))
    again = action(once, BEN)
    assert (again.alert, again.event) == (once, None)


def test_a_snooze_for_two_hours_said_again_is_the_same() -> None:
    """A few seconds later it would be until a few seconds later."""
    once = after((actions.snooze(LATER_MS), ANN))
    assert actions.snooze(LATER_MS + MINUTE_MS // 2)(once, BEN).event is None
    longer = actions.snooze(LATER_MS + HOUR_MS)(once, BEN)
    assert longer.alert.snoozed_until_ms == LATER_MS + HOUR_MS


def test_an_acknowledgement_ends_a_snooze_and_the_other_way_round() -> None:
    """The last word counts."""
    alert = after((actions.snooze(LATER_MS), ANN), (actions.acknowledge, BEN))
    assert (alert.status, alert.snoozed_until_ms) == ("acknowledged", None)
    alert = after((actions.acknowledge, ANN), (actions.snooze(LATER_MS), BEN))
    assert (alert.status, alert.acknowledged_by) == ("snoozed", None)


@pytest.mark.parametrize(
    ("action", "event"),
    [(actions.acknowledge, "unacknowledged"), (actions.snooze(LATER_MS), "unsnoozed")],
)
def test_both_can_be_taken_back(action: Action, event: str) -> None:
    """It fires as if nothing had been said; nothing to take back is harmless."""
    outcome = actions.unacknowledge(after((action, ANN)), BEN)
    assert outcome.alert.status == "firing"
    assert (outcome.alert.acknowledged_by, outcome.alert.snoozed_until_ms) == (None, None)
    assert outcome.event is not None
    assert outcome.event.event == event
    assert actions.unacknowledge(FIRING, BEN).event is None


def test_without_data_it_stays_without() -> None:
    """Who knows of it is kept for when it is measured again."""
    alert = after((actions.acknowledge, ANN), alert=FIRING._replace(status="no_data"))
    assert (alert.status, alert.acknowledged_by) == ("no_data", "ann")


def test_resolving_keeps_who_and_when() -> None:
    """Also of what was acknowledged, and of what is only pending."""
    alert = after((actions.acknowledge, BEN), (actions.resolve, ANN))
    assert (alert.status, alert.resolved_by, alert.resolved_ms) == ("resolved", "ann", NOW_MS)
    assert alert.acknowledged_by == "ben"
    assert after((actions.resolve, ANN), alert=PENDING).status == "resolved"


@pytest.mark.parametrize("action", [actions.acknowledge, actions.snooze(LATER_MS)])
def test_what_does_not_fire_cannot_be_made_quiet(action: Action) -> None:
    """Pending or ended: nothing happens."""
    for alert in (PENDING, after((actions.resolve, ANN))):
        assert action(alert, BEN) == (alert, None)
