"""`requests`: single requests, newest first, or as they come."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.answers.requests import RequestRow
from perfctl.console import Console
from perfctl.render.glyphs import cut_end, cut_middle
from perfctl.render.style import paint
from perfctl.render.table import NONE, Cell, Column, Row, draw
from perfctl.render.text import about, cut, empty, heading, join, notes
from perfctl.render.values import cell_count, cell_ms
from perfctl.units import format_bytes, format_local, parse_moment
from perfctl.visible import visible

_COLUMNS = (
    Column("time"),
    Column("endpoint", cut=cut_middle, least=30),
    Column("status", is_right=True),
    Column("duration", is_right=True),
    Column("SQL", is_right=True, drop=2),
    Column("db", is_right=True, drop=3),
    Column("queue", is_right=True, drop=5),
    Column("CPU", is_right=True, drop=6),
    Column("cache", is_right=True, drop=8),
    Column("size", is_right=True, drop=9),
    Column("user", drop=7),
    Column("host", drop=10),
    Column("request id", drop=4),
    Column("flags", drop=1),
)


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """A line a request, in local time."""
    found: list[RequestRow] = answer.data["requests"]
    if not found:
        return empty("such requests", answer, console, store)
    shown = cut(found, limit)
    days = {_local(row)[:10] for row in shown}
    rows = [_row(row, is_one_day=len(days) == 1) for row in shown]
    pieces = [f"newest {len(shown):,}", *about(answer)]
    return join(
        heading("Requests", pieces, console),
        "\n" + draw(_COLUMNS, rows, console),
        _more(len(shown), limit, console),
        notes(answer, console),
    )


def render_request_lines(answer: Answer, console: Console) -> str:
    """A line a request without a header, for rows that come one by one."""
    found: list[RequestRow] = answer.data["requests"]
    lines = []
    for row in found:
        flags = _flags(row)
        line = visible(
            f"{_local(row)[11:19]}  {row.status}  {cell_ms(row.duration_ms):>8}"
            f"  {row.method} {row.route}" + (f"  {flags}" if flags else "")
        )
        if console.width is not None:
            line = cut_end(line, console.width)
        lines.append(paint(line, _style(row), console))
    return "\n".join(lines)


def _row(row: RequestRow, *, is_one_day: bool) -> Row:
    local = _local(row)
    looked_up = (row.cache_hits or 0) + (row.cache_misses or 0)
    return Row(
        (
            Cell(local[11:19] if is_one_day else local[5:19]),
            Cell(f"{row.method} {row.route}"),
            Cell(str(row.status), _style(row)),
            Cell(cell_ms(row.duration_ms), "bold"),
            Cell(cell_count(row.queries)),
            Cell(cell_ms(row.db_ms)),
            Cell(cell_ms(row.queue_ms)),
            Cell(cell_ms(row.cpu_ms)),
            Cell(f"{row.cache_hits}/{looked_up}" if looked_up else NONE),
            Cell(NONE if row.response_bytes is None else format_bytes(row.response_bytes)),
            Cell(row.user or NONE),
            Cell(row.host),
            Cell(row.request_id, "dim"),
            Cell(_flags(row), "yellow"),
        )
    )


def _flags(row: RequestRow) -> str:
    """In words; what a finding repeats stands once."""
    words = [flag for flag in row.flags if flag != "duplicates"]
    if row.n_plus_one:
        words.append("N+1" if row.n_plus_one == 1 else f"N+1 ×{row.n_plus_one}")
    if row.duplicates:
        words.append("duplicates" if row.duplicates == 1 else f"duplicates ×{row.duplicates}")
    return ", ".join(words)


def _style(row: RequestRow) -> str:
    if row.status >= 500 or "error" in row.flags:
        return "red"
    return "yellow" if row.status >= 400 else ""


def _local(row: RequestRow) -> str:
    return format_local(parse_moment(row.started_at, 0))


def _more(shown: int, limit: int | None, console: Console) -> str:
    """The answer itself stops at the limit: how many more there are is not known."""
    if limit == 0 or shown < (20 if limit is None else limit):
        return ""
    return paint("--limit 0 shows all", "dim", console)
