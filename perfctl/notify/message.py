"""One message for all that happened in a cycle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from perfctl.alerts.quantities import say_quantity
from perfctl.alerts.transition import Transition
from perfctl.units import iso_utc
from perfctl.visible import visible

_LONGEST = 20
_WORDS = {
    "worsened": "got worse",
    "no_data": "no data",
    "unsnoozed": "firing after its snooze",
    "repeated": "still firing",
    "escalated": "not acknowledged",
}


class Message(NamedTuple):
    """What is told: an id that stays through all tries, a line, a text, and the same as data."""

    id: str
    title: str
    text: str
    critical: bool
    data: Mapping[str, object]

    def to_json(self) -> str:
        """As it is kept in the outbox and sent to programs."""
        return json.dumps(
            {"id": self.id, "title": self.title, "text": self.text, **self.data}, allow_nan=False
        )


def compose(
    transitions: Sequence[Transition], causes: Mapping[str, str], host: str, store: str
) -> Message:
    """All steps of a cycle in one message, the worst first and of these the new; `causes` by id."""
    ordered = sorted(transitions, key=_weight)
    lines = [line for step in ordered[:_LONGEST] for line in _lines(step, causes)]
    if len(ordered) > _LONGEST:
        lines.append(f"and {len(ordered) - _LONGEST} more: perfctl alerts")
    lines += ["", f"perfctl on {visible(host)}, store {visible(store)}"]
    joined = "\n".join(step.id for step in transitions)
    return Message(
        id=sha256(joined.encode()).hexdigest()[:20],
        title=_title(ordered, host),
        text="\n".join(lines),
        critical=any(step.severity == "critical" for step in transitions),
        data={
            "schema": "perfctl.notification/1",
            "host": host,
            "store": store,
            "events": [_event(step, causes.get(step.alert_id)) for step in ordered],
        },
    )


def _weight(step: Transition) -> tuple[bool, bool, bool, int, str]:
    return (
        step.event == "resolved",
        step.severity != "critical",
        step.event == "repeated",
        step.at_ms,
        step.id,
    )


def _title(ordered: Sequence[Transition], host: str) -> str:
    first = ordered[0]
    more = f" and {len(ordered) - 1} more" if len(ordered) > 1 else ""
    return f"[perfctl {visible(host)}] {_headline(first)}{more}"


def _headline(step: Transition) -> str:
    word = step.severity if step.event != "resolved" else "resolved"
    place = f" on {step.host}" if step.host and step.host != step.subject else ""
    return visible(f"{word}: {step.rule} {step.subject}{place}")


def _lines(step: Transition, causes: Mapping[str, str]) -> list[str]:
    word = _WORDS.get(step.event, step.event)
    by = f" by {visible(step.actor)}" if step.actor else ""
    said = f"{_headline(step)} {word}{by}{_measured(step)}"
    extras = (step.detail, step.note, causes.get(step.alert_id))
    return [
        f"{said}, {iso_utc(step.at_ms)}, id {step.alert_id}",
        *(f"  {visible(extra)}" for extra in extras if extra),
    ]


def _measured(step: Transition) -> str:
    """The value and its limit, if there is one: a rule for new things has 0."""
    if step.value is None:
        return ""
    value = say_quantity(step.value, step.unit)
    last = "last " if step.event == "no_data" else ""
    limit = f" (limit {say_quantity(step.threshold, step.unit)})" if step.threshold else ""
    return f", {last}{value}{limit}"


def _event(step: Transition, cause: str | None) -> dict[str, object]:
    return {**step._asdict(), "at": iso_utc(step.at_ms), "cause": cause}
