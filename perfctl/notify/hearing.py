"""What of an alert's history people hear, and since when it waits for one of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from perfctl.store.alerts import AlertEvent

_TAKEN_BACK = ("unacknowledged", "unsnoozed")
_HEARD = ("opened", "reopened", "worsened", *_TAKEN_BACK)
_QUIET = ("acknowledged", "snoozed", "resolved")


class Heard(NamedTuple):
    """What a history comes to."""

    told: frozenset[str] = frozenset()
    """Ids of the steps to tell, `k3x9m2pq-4`."""
    waiting: AlertEvent | None = None
    """The step that left the alert without anybody who knows of it; None where somebody does."""
    is_open: bool = False
    was_silent: bool = False
    """Whether people heard, since it opened, that its data is missing."""
    is_gone_unheard: bool = False
    """Whether its data is missing and nobody was told: then its return is no news either."""


def listen(history: Iterable[AlertEvent]) -> Heard:
    """Go through the steps of one alert, from its beginning.

    That the data of an alert is missing is told once an opening, as traffic comes and goes, and not
    of one that somebody has acknowledged or snoozed. Of what people did, others hear the end alone.
    """
    heard = Heard()
    for step in history:
        is_told = _is_told(step, heard)
        if is_told:
            heard = heard._replace(told=heard.told | {f"{step.alert_id}-{step.step}"})
        heard = _after(step, heard, is_told=is_told)
    return heard


def _is_told(step: AlertEvent, before: Heard) -> bool:
    match step.event:
        case "opened" | "worsened":
            return True
        case "reopened":
            return before.waiting is None or not before.is_gone_unheard
        case "no_data":
            return before.waiting is not None and not before.was_silent
        case "resolved":
            return before.is_open
        case "unsnoozed":
            return step.actor is None
        case _:
            return False


def _after(step: AlertEvent, before: Heard, *, is_told: bool) -> Heard:
    if step.event == "no_data":
        return before._replace(was_silent=before.was_silent or is_told, is_gone_unheard=not is_told)
    if step.event in _QUIET:
        is_open = before.is_open and step.event != "resolved"
        return before._replace(
            waiting=None, is_open=is_open, was_silent=is_open and before.was_silent
        )
    if step.event not in _HEARD:
        return before
    begins = before.waiting is None or step.event == "worsened"
    return before._replace(
        waiting=step if begins else before.waiting,
        is_open=True,
        is_gone_unheard=before.is_gone_unheard and step.event in _TAKEN_BACK,
    )
