"""`alerts show`: one alert in words, what took most at that time, and its history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perfctl.alerts.details import say_process
from perfctl.alerts.quantities import say_quantity, say_round
from perfctl.answers.alerts import AlertStep, AlertSummary
from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.render.alerts import say_limit, status_cell
from perfctl.render.style import paint
from perfctl.render.table import NONE
from perfctl.render.text import heading, join, notes, render_pairs
from perfctl.render.values import say_moment
from perfctl.visible import visible


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """All of it, whatever the limit."""
    row: AlertSummary = answer.data["alert"]
    return join(
        heading(f"{row.rule} {row.subject}", [row.id], console),
        "\n" + render_pairs("", _pairs(row, answer.data["detail"]), console),
        _processes(answer.data["processes"], console),
        _history(answer.data["history"], row.unit, console),
        notes(answer, console),
    )


def _pairs(row: AlertSummary, detail: str | None) -> Iterator[tuple[str, object]]:
    yield "status", f"{status_cell(row.status, row.severity).text}, {row.severity}"
    peak = say_quantity(row.peak, row.unit)
    yield "value", f"{say_quantity(row.value, row.unit)}, at its worst {peak}"
    if say_limit(row) != NONE and row.target is not None:
        yield "limit", f"{say_limit(row)}, ends at {say_round(row.target, row.unit)}"
    if row.host:
        yield "host", row.host
    if row.opened_at:
        yield "opened", say_moment(row.opened_at)
    if row.acknowledged_at:
        yield "acknowledged", f"{say_moment(row.acknowledged_at)} by {row.acknowledged_by}"
    if row.snoozed_until:
        yield "snoozed", f"until {say_moment(row.snoozed_until)}"
    if row.resolved_at:
        yield "resolved", f"{say_moment(row.resolved_at)} by {row.resolved_by or 'itself'}"
    if row.note:
        yield "note", row.note
    if detail:
        yield "when it opened", detail


def _processes(found: list[dict[str, Any]], console: Console) -> str:
    if not found:
        return ""
    lines = [f"  {visible(say_process(process))}" for process in found]
    return "\n".join(["", paint("largest processes when it opened", "bold", console), *lines])


def _history(steps: list[AlertStep], unit: str, console: Console) -> str:
    if not steps:
        return ""
    lines = [f"  {say_moment(step.at)}  {visible(_step(step, unit))}" for step in steps]
    return "\n".join(["", paint("history", "bold", console), *lines])


def _step(step: AlertStep, unit: str) -> str:
    by = f" by {step.by}" if step.by else ""
    value = "" if step.value is None else f" at {say_quantity(step.value, unit)}"
    note = f": {step.note}" if step.note else ""
    return f"{step.event.replace('_', ' ')}{by}{value}{note}"
