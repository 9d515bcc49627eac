"""What a project has timed by name (`django_hook.measure`) in the requests of one route."""

from __future__ import annotations

from typing import NamedTuple

from perfctl.answers.answer import Question
from perfctl.answers.window import plan_details
from perfctl.config import Retention
from perfctl.model import Window
from perfctl.store import details


class SpanSummary(NamedTuple):
    """One name within the requests of a method of the route."""

    method: str
    name: str
    requests: int
    """How many requests came by."""
    calls: int
    avg_ms: float
    """The time of one call."""
    total_ms: float


def summarise_spans(
    question: Question, retention: Retention, route: str
) -> tuple[list[SpanSummary], Window]:
    """The spans of a route, the one that took most time first, and the window of their cells.

    That is by ten minutes, where the route's own is by minutes.
    """
    cells, used = plan_details(question.window, question.now_ms, retention)
    groups: dict[tuple[str, str], list[details.SpanCell]] = {}
    for method, name, cell in details.select_spans(question.con, cells, question.filters, route):
        groups.setdefault((method, name), []).append(cell)
    rows = [_summary(*key, group) for key, group in groups.items()]
    return sorted(rows, key=lambda row: (-row.total_ms, row.method, row.name)), used


def _summary(method: str, name: str, group: list[details.SpanCell]) -> SpanSummary:
    requests, calls, sum_us = map(sum, zip(*group, strict=True))
    return SpanSummary(method, name, requests, calls, sum_us / max(1, calls) / 1000, sum_us / 1000)
