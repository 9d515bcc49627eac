"""One message for all that happened in a cycle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from perfctl.alerts.transition import Transition
from perfctl.units import format_duration, format_ratio, iso_utc
from perfctl.visible import visible

TELLING = ("opened", "reopened", "worsened", "no_data", "resolved", "repeated", "escalated")
_LONGEST = 20


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
    """All steps of a cycle in one message, the worst first; `causes` by alert id."""
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


def _weight(step: Transition) -> tuple[bool, bool, int, str]:
    return step.event == "resolved", step.severity != "critical", step.at_ms, step.id


def _title(ordered: Sequence[Transition], host: str) -> str:
    first = ordered[0]
    more = f" and {len(ordered) - 1} more" if len(ordered) > 1 else ""
    return f"[perfctl {visible(host)}] {_headline(first)}{more}"


def _headline(step: Transition) -> str:
    word = step.severity if step.event != "resolved" else "resolved"
    return f"{word}: {visible(step.rule)} {visible(step.subject)}"


def _lines(step: Transition, causes: Mapping[str, str]) -> list[str]:
    value = say(step.value, step.unit)
    limit = say(step.threshold, step.unit)
    measured = f", {value} (limit {limit})" if step.value is not None else ""
    lines = [f"{_headline(step)} {step.event}{measured}, {iso_utc(step.at_ms)}, id {step.alert_id}"]
    extras = (step.detail, step.note, causes.get(step.alert_id))
    return lines + [f"  {visible(extra)}" for extra in extras if extra]


def _event(step: Transition, cause: str | None) -> dict[str, object]:
    return {**step._asdict(), "at": iso_utc(step.at_ms), "cause": cause}


def say(value: float | None, unit: str) -> str:
    """A value with its unit, as a person reads it."""
    if value is None:
        return "unknown"
    if unit == "ratio":
        return format_ratio(value)
    if unit == "ms":
        return format_duration(value * 1000)
    if unit == "s":
        return format_duration(value * 1e6)
    return f"{value:g} {unit}".strip()
