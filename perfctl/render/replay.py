"""`alerts test`: both settings side by side, and the openings."""

from __future__ import annotations

from perfctl.alerts.quantities import say_quantity, say_round
from perfctl.alerts.replay import Episode, Firings, Replay
from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.render.glyphs import cut_middle
from perfctl.render.style import paint
from perfctl.render.table import Cell, Column, Row, draw
from perfctl.render.text import about, cut, footer, heading, join, notes
from perfctl.render.values import say_moment
from perfctl.units import format_duration, write_duration

_SETTINGS = (
    Column("setting"),
    Column("openings", is_right=True),
    Column("firing", is_right=True),
    Column("longest", is_right=True, drop=1),
    Column("subjects", is_right=True, drop=2),
)
_OPENINGS = (
    Column("opened"),
    Column("firing", is_right=True),
    Column("subject", cut=cut_middle, least=16),
    Column("peak", is_right=True, drop=1),
    Column("returned", is_right=True, drop=2),
)


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """How often, how long, and when."""
    found: Replay = answer.data
    rows = [_setting("now", found.present, found.unit)]
    if found.proposed is not None:
        rows.append(_setting("proposed", found.proposed, found.unit))
    shown = cut(found.openings, limit)
    return join(
        heading(f"{found.rule} replayed", about(answer), console),
        "\n" + draw(_SETTINGS, rows, console),
        "\n" + draw(_OPENINGS, [_opening(row, found.unit) for row in shown], console)
        if shown
        else "",
        footer(len(shown), len(found.openings), "openings", console),
        _late(found, console),
        notes(answer, console),
    )


def _setting(name: str, firings: Firings, unit: str) -> Row:
    limit = "each route's limit" if firings.limit is None else say_round(firings.limit, unit)
    pieces = [limit]
    if firings.for_s:
        pieces.append(f"for {write_duration(round(firings.for_s * 1000))}")
    if firings.over_s:
        pieces.append(f"over {write_duration(round(firings.over_s * 1000))}")
    return Row(
        (
            f"{name}: {', '.join(pieces)}",
            Cell(f"{firings.openings:,}", "bold"),
            format_duration(firings.firing_s * 1e6),
            format_duration(firings.longest_s * 1e6),
            f"{firings.subjects:,}",
        )
    )


def _opening(row: Episode, unit: str) -> Row:
    still = "" if row.resolved_at else " +"
    return Row(
        (
            say_moment(row.opened_at),
            format_duration(row.firing_s * 1e6) + still,
            row.subject,
            say_quantity(row.peak, unit),
            f"{row.returned}" if row.returned else "",
        )
    )


def _late(found: Replay, console: Console) -> str:
    if not found.late_arrivals:
        return ""
    text = f"{found.late_arrivals:,} requests came in after their minute was judged: counted here"
    return paint(text, "dim", console)
