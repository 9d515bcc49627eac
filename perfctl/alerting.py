"""One round of evaluation on the store; only `collect` runs it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from perfctl.alerts.transition import Transition
from perfctl.config import Config


class Round(NamedTuple):
    """What a round changed: ids of alerts that opened and that ended, and every step."""

    opened: list[str]
    resolved: list[str]
    transitions: tuple[Transition, ...]


def evaluate(store: Path, config: Config, now_ms: int) -> Round:
    """Judge each minute that is over and was not judged yet."""
    return Round([], [], ())
