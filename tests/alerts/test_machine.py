"""The life of an alert, step by step."""

from __future__ import annotations

import pytest

from perfctl.alerts import actions
from perfctl.alerts.actions import Said
from perfctl.alerts.machine import Severity
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS
from perfctl.thresholds import Limits
from tests.alerts.conftest import RULES, Life


def acknowledge(life: Life) -> None:
    """Somebody sees it."""
    assert life.alert is not None
    life.alert = actions.acknowledge(life.alert, Said("ann", life.at_ms)).alert


def test_one_sample_above_is_pending(cpu: Life) -> None:
    """It takes two."""
    assert cpu.read(0.5, 0.95).status == "pending"
    assert cpu.told == []


def test_two_minutes_above_fire(cpu: Life) -> None:
    """With the sample that completes `for`."""
    assert cpu.read(0.5, 0.95, 0.9).status == "firing"
    assert cpu.told == ["opened"]
    assert cpu.alert is not None
    assert (cpu.alert.value, cpu.alert.peak, cpu.alert.opened_ms) == (0.9, 0.95, cpu.at_ms)


def test_many_samples_must_all_fill_the_time() -> None:
    """A sample each 10 s: twelve of them are two minutes."""
    life = Life(RULES["cpu"], Limits(0.6, 0.8), every_ms=10_000)
    assert life.read(*[0.9] * 11).status == "pending"
    assert life.read(0.9).status == "firing"


def test_a_sample_an_hour_takes_two() -> None:
    """One alone speaks for an hour, and may still be a spike."""
    life = Life(RULES["cpu"], Limits(0.6, 0.8), every_ms=HOUR_MS)
    assert life.read(0.9).status == "pending"
    assert life.read(0.9).status == "firing"


@pytest.mark.parametrize("late_ms", [-900, 900])
def test_a_collector_that_is_not_on_the_second_changes_nothing(cpu: Life, late_ms: int) -> None:
    """Cron starts a second earlier or later."""
    cpu.read(0.9)
    cpu.at_ms += late_ms
    assert cpu.read(0.9).status == "firing"


def test_back_under_the_target_ends_what_is_pending(cpu: Life) -> None:
    """Nothing is left of it."""
    assert cpu.read(0.9, 0.5).status is None
    assert cpu.read(0.9).status == "pending"
    assert cpu.told == []


def test_flapping_around_the_threshold_is_one_alert(cpu: Life) -> None:
    """81, 79, 81, 79 %: between target and threshold nothing begins or ends."""
    cpu.read(*[0.81, 0.79] * 10)
    assert cpu.told == ["opened"]
    assert cpu.status == "firing"


def test_rare_spikes_open_nothing(cpu: Life) -> None:
    """Above once in a while, between target and threshold most of the time."""
    cpu.read(*[0.95, 0.7, 0.7, 0.7] * 10)
    assert cpu.told == []


def test_it_ends_only_under_the_target(cpu: Life) -> None:
    """Between target and threshold it goes on."""
    assert cpu.read(0.9, 0.9, 0.79, 0.61).status == "firing"
    assert cpu.read(0.6).status == "resolved"
    assert cpu.told == ["opened", "resolved"]


def test_a_return_within_an_hour_goes_on_with_its_alert(cpu: Life) -> None:
    """The same id, its history and its peak."""
    cpu.read(0.95, 0.95, 0.5)
    first = cpu.alert
    cpu.read(*[0.5] * 20)
    cpu.read(0.85, 0.85)
    assert cpu.told == ["opened", "resolved", "reopened"]
    assert first is not None
    assert cpu.alert is not None
    assert (cpu.alert.id, cpu.alert.opened_ms, cpu.alert.peak) == (first.id, first.opened_ms, 0.95)
    assert cpu.alert.resolved_ms is None


def test_a_return_that_comes_to_nothing_leaves_it_ended(cpu: Life) -> None:
    """One sample above, and under the target again."""
    cpu.read(0.9, 0.9, 0.5)
    ended = cpu.alert
    cpu.read(0.9, 0.5)
    assert ended is not None
    assert cpu.alert is not None
    assert (cpu.alert.status, cpu.alert.resolved_ms) == ("resolved", ended.resolved_ms)


def test_a_return_after_an_hour_is_a_new_alert(cpu: Life) -> None:
    """With an id of its own."""
    cpu.read(0.9, 0.9, 0.5)
    cpu.at_ms += HOUR_MS
    cpu.read(0.9, 0.9)
    assert [event.alert.id for event in cpu.events] == ["a1", "a1", "a2"]


def test_a_missing_sample_moves_nothing(cpu: Life) -> None:
    """Neither towards firing nor towards its end."""
    assert cpu.read(0.9).wait(2).status == "pending"
    assert cpu.read(0.9).status == "firing"
    assert cpu.wait(3).status == "firing"
    assert cpu.told == ["opened"]


def test_three_intervals_without_a_sample_are_no_data(cpu: Life) -> None:
    """Told once; the last value stays."""
    assert cpu.read(0.9, 0.9).wait(10).status == "no_data"
    assert cpu.told == ["opened", "no_data"]


def test_pending_without_data_comes_to_nothing(cpu: Life) -> None:
    """It never fired."""
    assert cpu.read(0.9).wait(4).status is None


def test_back_from_no_data_it_is_what_it_was(cpu: Life) -> None:
    """Firing again is told; acknowledged again is not."""
    cpu.read(0.9, 0.9).wait(5).read(0.7)
    assert (cpu.status, cpu.told[-1]) == ("firing", "reopened")
    acknowledge(cpu)
    cpu.wait(5).read(0.7)
    assert (cpu.status, cpu.told[-1]) == ("acknowledged", "no_data")


def test_back_from_no_data_and_well_it_ends(cpu: Life) -> None:
    """The machine was down, and is well."""
    assert cpu.read(0.9, 0.9).wait(5).read(0.2).status == "resolved"


def test_a_week_without_data_is_given_up(cpu: Life) -> None:
    """The host is gone."""
    cpu.read(0.9, 0.9)
    cpu.at_ms += 7 * DAY_MS
    assert cpu.wait(1).status == "resolved"
    assert cpu.events[-1].note == "not measured for 7d"


def test_silence_that_means_nothing_moves_nothing(cpu: Life) -> None:
    """A vulnerable package stays one until a scan says otherwise."""
    cpu.read(0.9, 0.9)
    cpu.at_ms += 30 * DAY_MS
    assert cpu.wait(1, gap_ms=None).status == "firing"


def test_an_acknowledged_alert_is_quiet(cpu: Life) -> None:
    """It may be somewhat worse."""
    cpu.read(0.81, 0.81)
    acknowledge(cpu)
    assert cpu.read(0.99).status == "acknowledged"
    assert cpu.told == ["opened"]


def test_it_is_heard_again_when_its_value_is_half_as_much_again() -> None:
    """1.5 times the value at the acknowledgement; the acknowledgement is over then."""
    life = Life(RULES["request_p95"], Limits(500, 1000)).read(1200)
    acknowledge(life)
    assert life.read(1800).status == "acknowledged"
    assert life.read(1801).status == "firing"
    assert life.told == ["opened", "worsened"]
    assert life.alert is not None
    assert life.alert.acknowledged_by is None


def test_it_is_heard_again_when_it_is_more_severe() -> None:
    """A warning that became critical; also out of a snooze."""
    rule = RULES["vulnerable_dependency"]
    life = Life(rule, Limits(0, 0)).read(1, severity=Severity.WARNING)
    acknowledge(life)
    assert life.read(1, severity=Severity.CRITICAL).told == ["opened", "worsened"]
    snoozed = Life(rule, Limits(0, 0)).read(1, severity=Severity.WARNING)
    assert snoozed.alert is not None
    say = actions.snooze(snoozed.at_ms + HOUR_MS)
    snoozed.alert = say(snoozed.alert, Said("ann", snoozed.at_ms)).alert
    assert snoozed.read(1, severity=Severity.CRITICAL).told == ["opened", "worsened"]
    assert snoozed.status == "firing"


def test_an_acknowledged_alert_ends_by_recovery(cpu: Life) -> None:
    """Nobody has to resolve it."""
    cpu.read(0.9, 0.9)
    acknowledge(cpu)
    assert cpu.read(0.5).status == "resolved"
    assert cpu.alert is not None
    assert cpu.alert.resolved_by is None


def test_a_snooze_ends_with_its_time(cpu: Life) -> None:
    """Also where nothing is measured meanwhile."""
    cpu.read(0.9, 0.9)
    assert cpu.alert is not None
    say = actions.snooze(cpu.at_ms + 2 * MINUTE_MS)
    cpu.alert = say(cpu.alert, Said("ann", cpu.at_ms)).alert
    assert cpu.read(0.99).status == "snoozed"
    assert cpu.wait(1).status == "firing"
    assert cpu.told == ["opened", "unsnoozed"]


def test_a_claim_that_is_not_so_reopens_at_once(cpu: Life) -> None:
    """The next reading is above: no `for` again, the same id, and whose claim it was."""
    cpu.read(0.9, 0.9)
    assert cpu.alert is not None
    cpu.alert = actions.resolve(cpu.alert, Said("ann", cpu.at_ms)).alert
    assert cpu.status == "resolved"
    cpu.read(0.9)
    assert (cpu.status, cpu.told) == ("firing", ["opened", "reopened"])
    assert cpu.events[-1].note == "still true after ann resolved it: 90 %"


def test_what_was_measured_before_a_claim_does_not_refute_it(cpu: Life) -> None:
    """A window that began before still holds what was bad."""
    cpu.read(0.9, 0.9)
    assert cpu.alert is not None
    cpu.alert = actions.resolve(cpu.alert, Said("ann", cpu.at_ms)).alert
    assert cpu.read(0.9, since_ms=cpu.at_ms - 1).status == "resolved"


def test_a_claim_that_holds_is_an_end_as_any(cpu: Life) -> None:
    """What comes later takes its time to fire."""
    cpu.read(0.9, 0.9)
    assert cpu.alert is not None
    cpu.alert = actions.resolve(cpu.alert, Said("ann", cpu.at_ms)).alert
    assert cpu.read(0.5, 0.9).status == "pending"
    assert cpu.read(0.9).told == ["opened", "reopened"]


def test_below_is_the_mirror_of_above() -> None:
    """A hit rate: fires under 0.8, ends at 0.88, and its worst is the least."""
    rule = RULES["cpu"]._replace(is_above=False, for_ms=0, samples=1)
    life = Life(rule, Limits(0.88, 0.8)).read(0.9, 0.75, 0.5, 0.85)
    assert (life.status, life.told) == ("firing", ["opened"])
    assert life.alert is not None
    assert life.alert.peak == 0.5
    assert life.read(0.88).status == "resolved"


def test_below_gets_worse_downwards() -> None:
    """Two thirds of the value at the acknowledgement, and less."""
    rule = RULES["cpu"]._replace(is_above=False, for_ms=0, samples=1)
    life = Life(rule, Limits(0.88, 0.8)).read(0.75)
    acknowledge(life)
    assert life.read(0.51).status == "acknowledged"
    assert life.read(0.49).status == "firing"


def test_new_things_open_only_with_news() -> None:
    """What was seen before is none."""
    life = Life(RULES["n_plus_one"], Limits(0, 0))
    assert life.read(3, is_news=False).status is None
    assert life.read(3).status == "firing"


def test_new_things_end_when_they_were_not_seen_for_a_day() -> None:
    """And are then known: the next time is no alert; within the hour it goes on."""
    life = Life(RULES["n_plus_one"], Limits(0, 0)).read(3)
    life.at_ms += DAY_MS
    assert life.wait(1, gap_ms=None).status == "resolved"
    assert life.events[-1].note == "not seen for 24h"
    assert life.read(1, is_news=False).status == "firing"
    life.at_ms += DAY_MS
    life.wait(1, gap_ms=None)
    life.at_ms += 2 * HOUR_MS
    assert life.read(1, is_news=False).status == "resolved"
    assert life.told == ["opened", "resolved", "reopened", "resolved"]


def test_a_new_thing_that_is_said_to_be_over_ends() -> None:
    """Its group was resolved or ignored."""
    life = Life(RULES["error_group"], Limits(0, 0)).read(3, 0, is_news=True)
    assert life.status == "resolved"


def test_steps_are_numbered() -> None:
    """Each event has a number of its own within its alert."""
    life = Life(RULES["request_p95"], Limits(500, 1000)).read(1200, 100, 1200, 100)
    assert [event.alert.steps for event in life.events] == [1, 2, 3, 4]
