"""`errors show`: one group in words, its frames, where and when, and what was said about it."""

from __future__ import annotations

from collections.abc import Iterator

from perfctl.answers.answer import Answer
from perfctl.answers.errors import ErrorDetail, ErrorGroup, EventRow, OccurrenceRow, ShareRow
from perfctl.console import Console
from perfctl.render.errors import say_error, status_cell, trend_of
from perfctl.render.glyphs import cut_end, cut_middle
from perfctl.render.style import paint
from perfctl.render.table import NONE, Cell, Column, Row, draw
from perfctl.render.text import about, cut, heading, join, notes, render_pairs
from perfctl.render.values import cell_count, cell_ms, say_count, say_moment
from perfctl.units import format_local, parse_moment
from perfctl.visible import visible

_OCCURRENCES = (
    Column("time"),
    Column("request id"),
    Column("endpoint", cut=cut_middle, least=24),
    Column("status", is_right=True, drop=1),
    Column("duration", is_right=True, drop=4),
    Column("SQL", is_right=True, drop=5),
    Column("release", drop=2),
    Column("user agent", drop=3),
    Column("user", drop=6),
    Column("host", drop=7),
)
_SHARES = (
    Column("share", cut=cut_end, least=20),
    Column("count", is_right=True),
    Column("users", is_right=True, drop=1),
    Column("first seen", drop=3),
    Column("last seen", drop=2),
)
_TREND = 24


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """All of it; the limit holds for the occurrences."""
    detail: ErrorDetail = answer.data
    return join(
        heading(say_error(detail.group), about(answer), console),
        "\n" + render_pairs("", _pairs(detail.group), console),
        _frames(detail, console),
        *_shares(detail, console),
        _occurrences(detail.occurrences, limit, console),
        _history(detail.history, console),
        notes(answer, console),
    )


def _pairs(group: ErrorGroup) -> Iterator[tuple[str, object]]:
    yield "status", _status(group)
    yield "group", f"{group.id}, {group.source}"
    users = f", {say_count(group.users, 'user')}" if group.users else ""
    yield "count", f"{group.count:,} in the window, {group.total:,} in all{users}"
    release = f" in {group.first_release}" if group.first_release else ""
    yield "first seen", f"{say_moment(group.first_seen)}{release}"
    release = f" in {group.release}" if group.release else ""
    yield "last seen", f"{say_moment(group.last_seen)}{release}"
    if group.count:
        yield "over time", trend_of(group, _TREND)


def _status(group: ErrorGroup) -> str:
    said = status_cell(group.status).text
    if group.resolved_at:
        who = f" by {group.resolved_by}" if group.resolved_by else ""
        said += f", resolved {say_moment(group.resolved_at)}{who}"
    if group.status == "ignored" and group.ignored_until:
        said += f", until {say_moment(group.ignored_until)}"
    if group.status == "ignored" and group.ignored_until_count is not None:
        said += f", up to {say_count(group.ignored_until_count, 'occurrence')} in all"
    return said


def _frames(detail: ErrorDetail, console: Console) -> str:
    """Outermost first, as a traceback has them."""
    if not detail.frames:
        return ""
    lines = [visible(f"{frame.file}:{frame.line} in {frame.function}") for frame in detail.frames]
    return "\n".join(["", paint("own frames", "bold", console), *(f"  {line}" for line in lines)])


def _shares(detail: ErrorDetail, console: Console) -> Iterator[str]:
    kinds = (
        ("release", detail.releases),
        ("user agent", detail.user_agents),
        ("endpoint", detail.routes),
        ("host", detail.hosts if len(detail.hosts) > 1 else []),
    )
    for title, rows in kinds:
        if any(row.name for row in rows):
            columns = (_SHARES[0]._replace(title=title), *_SHARES[1:])
            yield "\n" + draw(columns, [_share(row) for row in rows], console, has_rule=False)


def _share(row: ShareRow) -> Row:
    return Row(
        (
            row.name or NONE,
            cell_count(row.count),
            cell_count(row.users) if row.users else NONE,
            say_moment(row.first_seen),
            say_moment(row.last_seen),
        )
    )


def _occurrences(rows: list[OccurrenceRow], limit: int | None, console: Console) -> str:
    shown = cut(rows, limit)
    if not shown:
        return ""
    return "\n" + draw(_OCCURRENCES, [_occurrence(row) for row in shown], console)


def _occurrence(row: OccurrenceRow) -> Row:
    return Row(
        (
            format_local(parse_moment(row.at, 0))[5:19],
            Cell(row.request_id or NONE, "dim"),
            f"{row.method} {row.route}" if row.route else NONE,
            NONE if row.status is None else str(row.status),
            cell_ms(row.duration_ms),
            cell_count(row.queries),
            row.release or NONE,
            row.user_agent or NONE,
            row.user or NONE,
            row.host,
        )
    )


def _history(events: list[EventRow], console: Console) -> str:
    if not events:
        return ""
    lines = [f"  {say_moment(event.at)}  {visible(_event(event))}" for event in events]
    return "\n".join(["", paint("history", "bold", console), *lines])


def _event(event: EventRow) -> str:
    by = f" by {event.actor}" if event.actor else ""
    note = f": {event.note}" if event.note and event.actor else ""
    release = f" in {event.note}" if event.note and not event.actor else ""
    said = "open again" if event.event == "unignored" else event.event
    return f"{said}{by}{release}{note}"
