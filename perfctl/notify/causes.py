"""What lies behind an alert, in one line of its message."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from perfctl.alerts.transition import Transition
from perfctl.config import Config
from perfctl.model import HOUR_MS, Window

_BEGINNING = ("opened", "reopened", "worsened", "escalated")
_MOST = 5
"""A cause takes some reading; of a storm of alerts the first ones are enough to begin with."""


class Causes(NamedTuple):
    """The likeliest causes by alert id, and what went wrong in looking for some."""

    lines: Mapping[str, str]
    failures: tuple[str, ...]


def find_causes(
    con: sqlite3.Connection, steps: Iterable[Transition], config: Config, now_ms: int
) -> Causes:
    """The likeliest cause of what begins or is escalated; without those that have none to name.

    Args:
        con: of the store, for reading: a search is no work to do under the write lock.
        steps: what is about to be told; of more than 5 that begin, the critical ones come first.
        config: the thresholds and own rules that the alerts were judged by.
        now_ms: when they are told.
    """
    begun = [step for step in steps if step.event in _BEGINNING]
    begun.sort(key=lambda step: (step.severity != "critical", step.at_ms))
    lines, failures = dict[str, str](), list[str]()
    for alert_id in list(dict.fromkeys(step.alert_id for step in begun))[:_MOST]:
        try:
            line = _line(con, alert_id, config, now_ms)
        except Exception as exc:  # people are told of the alert, whatever is wrong with the search
            problem = f"{type(exc).__name__}: {exc}"
            failures.append(f"the cause of alert {alert_id} was not looked for: {problem}")
        else:
            lines |= {} if line is None else {alert_id: line}
    return Causes(lines, tuple(failures))


def _line(con: sqlite3.Connection, alert_id: str, config: Config, now_ms: int) -> str | None:
    from perfctl.answers.answer import Question
    from perfctl.answers.why import cause_line

    question = Question(con, now_ms, Window(now_ms - HOUR_MS, now_ms))
    return cause_line(question, alert_id, config)
