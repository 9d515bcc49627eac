"""What lies behind an alert, in one line of its message."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from perfctl.alerts.transition import Transition
from perfctl.config import Config
from perfctl.model import HOUR_MS, Window

_BEGINNING = ("opened", "reopened", "worsened")
_MOST = 5
"""A cause takes some reading; of a storm of alerts the first ones are enough to begin with."""


def find_causes(
    con: sqlite3.Connection, steps: Sequence[Transition], config: Config, now_ms: int
) -> dict[str, str]:
    """The likeliest cause of what begins, by alert id; without those that have none to name.

    Args:
        con: of the store, for reading: a search is no work to do under the write lock.
        steps: what is about to be told; of more than 5 that begin, the critical ones come first.
        config: the thresholds and own rules that the alerts were judged by.
        now_ms: when they are told.
    """
    begun = [step for step in steps if step.event in _BEGINNING]
    begun.sort(key=lambda step: (step.severity != "critical", step.at_ms))
    lines = {step.alert_id: _line(con, step, config, now_ms) for step in begun[:_MOST]}
    return {alert_id: line for alert_id, line in lines.items() if line}


def _line(con: sqlite3.Connection, step: Transition, config: Config, now_ms: int) -> str | None:
    from perfctl.answers.answer import Question
    from perfctl.answers.why import cause_line

    question = Question(con, now_ms, Window(now_ms - HOUR_MS, now_ms))
    try:
        return cause_line(question, step.alert_id, config)
    except Exception:  # people are told of the alert, whatever keeps its cause from being found
        return None
