"""`errors`: a group a line, where it comes from below; and what became of groups."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.answers.errors import ErrorGroup
from perfctl.console import Console
from perfctl.render.glyphs import cut_end
from perfctl.render.sparkline import sparkline
from perfctl.render.style import paint
from perfctl.render.table import NONE, Cell, Column, Row, draw
from perfctl.render.text import about, cut, empty, footer, heading, join, notes
from perfctl.render.values import cell_count, say_count, say_moment
from perfctl.triage import Acted
from perfctl.visible import visible

_COLUMNS = (
    Column("status"),
    Column("count", is_right=True),
    Column("users", is_right=True, drop=1),
    Column("error", cut=cut_end, least=30),
    Column("last seen", drop=2),
    Column("trend", drop=4),
    Column("release", drop=3),
    Column("id"),
)
_TREND = 12
_SIGNS = {
    "regressed": ("✖", "red"),
    "open": ("▲", "yellow"),
    "ignored": ("–", "dim"),
    "resolved": ("●", "green"),
}


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """The groups of the window, or what was said about some."""
    if answer.command != "errors":
        return join(
            *(_acted(row, console) for row in answer.data["groups"]), notes(answer, console)
        )
    found: list[ErrorGroup] = answer.data["groups"]
    if not found:
        return empty("errors", answer, console, store)
    shown = cut(found, limit)
    pieces = [
        say_count(sum(row.count for row in found), "occurrence"),
        say_count(len(found), "group"),
        *about(answer),
    ]
    return join(
        heading("Errors", pieces, console),
        "\n" + draw(_COLUMNS, [_row(row) for row in shown], console),
        footer(len(shown), len(found), "groups", console),
        notes(answer, console),
    )


def status_cell(status: str) -> Cell:
    """`✖ regressed`, `▲ open`, `– ignored`, `● resolved`."""
    sign, style = _SIGNS.get(status, ("·", ""))
    return Cell(f"{sign} {status}", style)


def say_error(group: ErrorGroup) -> str:
    """`KeyError: message`."""
    return f"{group.type}: {group.message}" if group.message else group.type


def trend_of(group: ErrorGroup, width: int) -> str:
    """How often over the window; `·` where it did not occur."""
    return sparkline([count or None for count in group.trend], width)


def _row(group: ErrorGroup) -> Row:
    cells = (
        status_cell(group.status),
        Cell(cell_count(group.count), "bold"),
        Cell(cell_count(group.users) if group.users else NONE),
        Cell(say_error(group)),
        Cell(say_moment(group.last_seen)[5:]),
        Cell(trend_of(group, _TREND), "cyan"),
        Cell(group.release or NONE),
        Cell(group.id, "dim"),
    )
    where = _where(group)
    return Row(cells, (Cell(where, "dim"),) if where else ())


def _where(group: ErrorGroup) -> str:
    """`app/views.py:3 in page · GET /items/ 500`."""
    context = group.context
    route = " ".join(str(part) for part in (context.method, context.route, context.status) if part)
    source = group.source if group.source != "live" else ""
    return " · ".join(piece for piece in (group.location, route, source) if piece)


def _acted(row: Acted, console: Console) -> str:
    """`3f2a… KeyError: resolved by ana`; or that it was so already, and by whom."""
    said = visible(f"{row.id} {row.type}: ")
    who = f" by {row.actor}" if row.actor else ""
    if row.changed:
        text = f"{row.status}{who}{_terms(row)}"
    else:
        when = f", {say_moment(row.at)}" if row.at and row.actor else ""
        text = f"{row.status} already{who}{when}{_terms(row)}"
    note = f" ({row.note})" if row.note else ""
    return said + paint(visible(text), status_cell(row.status).style, console) + visible(note)


def _terms(row: Acted) -> str:
    terms = []
    if row.ignored_until:
        terms.append(f"until {say_moment(row.ignored_until)}")
    if row.ignored_until_count is not None:
        terms.append(f"up to {say_count(row.ignored_until_count, 'occurrence')} in all")
    return f" {' or '.join(terms)}" if terms else ""
