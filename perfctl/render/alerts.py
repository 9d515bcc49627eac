"""`alerts`: one a line, with what was said about it below; and what became of some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from perfctl.alerting import Acted
from perfctl.alerts.quantities import say_quantity, say_round
from perfctl.answers.alerts import AlertSummary
from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.render.glyphs import cut_middle
from perfctl.render.style import paint
from perfctl.render.table import NONE, Cell, Column, Row, draw
from perfctl.render.text import about, cut, footer, heading, join, notes
from perfctl.render.values import say_moment, say_window
from perfctl.visible import visible

_COLUMNS = (
    Column("status"),
    Column("rule"),
    Column("subject", cut=cut_middle, least=16),
    Column("value", is_right=True, drop=1),
    Column("limit", is_right=True, drop=3),
    Column("peak", is_right=True, drop=5),
    Column("since", drop=2),
    Column("by", drop=4),
    Column("id"),
)
_SIGNS = {
    "firing": ("✖", "red"),
    "acknowledged": ("–", "yellow"),
    "snoozed": ("–", "dim"),
    "no_data": ("?", "yellow"),
    "pending": ("·", ""),
    "resolved": ("●", "green"),
}
_WORDS = {"no_data": "no data"}


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """The alerts, or what was said about some."""
    if answer.command != "alerts":
        lines = (_acted(row, console) for row in answer.data["alerts"])
        return join(*lines, notes(answer, console))
    found: list[AlertSummary] = answer.data["alerts"]
    if not found:
        return join(_none(answer, store), notes(answer, console))
    shown = cut(found, limit)
    counts = Counter(_WORDS.get(row.status, row.status) for row in found)
    pieces = [f"{count} {status}" for status, count in counts.items()]
    return join(
        heading("Alerts", [*pieces, *about(answer)], console),
        "\n" + draw(_COLUMNS, [_row(row) for row in shown], console),
        footer(len(shown), len(found), "alerts", console),
        notes(answer, console),
    )


_OF_NEW_THINGS = frozenset({"n_plus_one", "error_group", "vulnerable_dependency"})


def status_cell(status: str, severity: str = "critical") -> Cell:
    """`✖ firing`, `▲ firing` for a warning, `? no data`, `● resolved`."""
    sign, style = _SIGNS.get(status, ("·", ""))
    if status == "firing" and severity == "warning":
        sign, style = "▲", "yellow"
    return Cell(f"{sign} {_WORDS.get(status, status)}", style)


def say_limit(row: AlertSummary) -> str:
    """`> 1 s`; `<` where it fires below."""
    if row.threshold is None or row.rule in _OF_NEW_THINGS:  # one is enough
        return NONE
    is_below = row.target is not None and row.target > row.threshold
    return f"{'<' if is_below else '>'} {say_round(row.threshold, row.unit)}"


def say_alert(row: AlertSummary | Acted) -> str:
    """`k3x9m2pq request_p95 GET /items/`."""
    return f"{row.id} {row.rule} {row.subject}"


def _none(answer: Answer, store: str) -> str:
    within = "" if answer.window is None else f", {say_window(answer.window)}"
    return f"No alerts in {visible(store)}{within}."


def _row(row: AlertSummary) -> Row:
    by = row.resolved_by or row.acknowledged_by
    since = row.resolved_at if row.status == "resolved" else row.opened_at
    cells = (
        status_cell(row.status, row.severity),
        Cell(row.rule, "bold" if row.status == "firing" else ""),
        Cell(row.subject),
        Cell(say_quantity(row.value, row.unit)),
        Cell(say_limit(row)),
        Cell(say_quantity(row.peak, row.unit), "dim"),
        Cell(NONE if since is None else say_moment(since)[5:]),
        Cell(by or NONE),
        Cell(row.id, "dim"),
    )
    return Row(cells, tuple(Cell(note, "dim") for note in _notes(row)))


def _notes(row: AlertSummary) -> Iterator[str]:
    if row.status == "snoozed" and row.snoozed_until:
        yield f"until {say_moment(row.snoozed_until)}"
    if row.note:
        yield row.note


def _acted(row: Acted, console: Console) -> str:
    """`k3x9… request_p95 GET /items/: acknowledged by ann`; or that it was so, and since when."""
    who = f" by {row.actor}" if row.actor else ""
    until = ""
    if row.status == "snoozed" and row.snoozed_until:
        until = f" until {say_moment(row.snoozed_until)}"
    word = _WORDS.get(row.status, row.status)
    if row.changed:
        text = f"{word}{who}{until}"
    else:
        when = f", {say_moment(row.at)}" if row.at else ""
        text = f"{word} already{who or _itself(row)}{when}{until}"
    note = f" ({row.note})" if row.note else ""
    said = paint(visible(text), status_cell(row.status).style, console)
    return f"{visible(say_alert(row))}: {said}{visible(note)}"


def _itself(row: Acted) -> str:
    return " by itself" if row.status == "resolved" else ""
