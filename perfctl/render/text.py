"""What all texts share: headings, lists of pairs, plain tables, what is missing from the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.render.glyphs import cut_end, pad, width, wrap
from perfctl.render.plain import is_number
from perfctl.render.style import paint
from perfctl.render.table import NONE, Cell, Column, Row, draw, fits
from perfctl.render.values import say_name, say_value, say_window
from perfctl.units import format_bytes, format_duration
from perfctl.visible import visible

LIMIT = 20
_OLD_S = 900
_Item = TypeVar("_Item")


def cut(rows: Sequence[_Item], limit: int | None) -> Sequence[_Item]:
    """The first rows: 20 unless a limit says otherwise, all where it is 0."""
    return rows[: LIMIT if limit is None else limit or None]


def heading(title: str, pieces: Iterable[str], console: Console) -> str:
    """A title, and what it is about behind it, on as many lines as it takes."""
    title = visible(title)
    lines = flow([title, *pieces], console.width, " · ")
    first = paint(title, "bold", console) + paint(lines[0][len(title) :], "dim", console)
    return "\n".join([first, *(paint(line, "dim", console) for line in lines[1:])])


def flow(pieces: Iterable[str], most: int | None, between: str) -> list[str]:
    """Pieces side by side, broken only between them; one that is too wide has its own line."""
    lines: list[str] = []
    for piece in map(visible, pieces):
        if lines and (most is None or width(lines[-1]) + len(between) + width(piece) <= most):
            lines[-1] += between + piece
        else:
            lines.append(piece)
    return lines


def about(answer: Answer) -> list[str]:
    """The window really used and, where there is more than one, the hosts."""
    pieces = [] if answer.window is None else [say_window(answer.window)]
    hosts = answer.coverage.hosts
    return pieces + ([f"{len(hosts)} hosts"] if len(hosts) > 1 else [])


def footer(shown: int, total: int, noun: str, console: Console) -> str:
    """How many rows are not shown, and how to see them; nothing where all are."""
    if shown >= total:
        return ""
    return paint(f"{shown} of {total:,} {noun}; --limit 0 shows all", "dim", console)


def notes(answer: Answer, console: Console) -> str:
    """Warnings, and what the numbers do not hold."""
    coverage = answer.coverage
    lines = [paint(line, "yellow", console) for line in _warnings(answer, console)]
    missing = []
    if coverage.dropped:
        missing.append(f"{coverage.dropped:,} records were dropped (perfctl doctor)")
    if coverage.pending_bytes:
        waiting = format_bytes(coverage.pending_bytes)
        remedy = "" if answer.command == "collect" else " (perfctl collect)"  # it left them itself
        missing.append(f"{waiting} wait in the spool{remedy}")
    if coverage.newest_age_s is not None and coverage.newest_age_s > _OLD_S:
        missing.append(f"newest request {format_duration(coverage.newest_age_s * 1e6)} ago")
    lines += [paint(line, "dim", console) for line in flow(missing, console.width, " · ")]
    return "\n".join(lines)


def _warnings(answer: Answer, console: Console) -> list[str]:
    lines = []
    for warning in answer.warnings:
        lines += wrap(f"▲ {visible(warning)}", console.width)
    return lines


def empty(what: str, answer: Answer, console: Console, store: str) -> str:
    """That nothing was found, where it was looked for, and what brings it."""
    within = "" if answer.window is None else f", {say_window(answer.window)}"
    if answer.coverage.pending_bytes:
        remedy = "`perfctl collect` brings in what waits"
    elif answer.coverage.newest_age_s is not None:
        remedy = "a longer --since may find older ones"
    else:
        remedy = "`perfctl doctor` tells what is missing"
    return join(
        *wrap(f"No {what} in {visible(store)}{within}: {remedy}.", console.width),
        notes(answer, console),
    )


def join(*blocks: str) -> str:
    """Blocks below each other; empty ones are left out."""
    return "\n".join(block for block in blocks if block)


def render_pairs(
    title: str,
    pairs: Iterable[tuple[str, object]] | Mapping[str, object],
    console: Console,
    *,
    is_raw: bool = False,
) -> str:
    """Names and values below a title, the values aligned; raw names stay, others lose their unit."""
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    said = [
        (visible(name if is_raw else say_name(name)), visible(say_value(name, value)))
        for name, value in items
    ]
    left = max((width(name) for name, _ in said), default=0)
    room = None if console.width is None else max(1, console.width - left - 2)
    lines = [paint(visible(title), "bold", console)] if title else []
    for name, value in said:
        first, *rest = wrap(value, room)
        lines.append(f"{paint(pad(name, left), 'dim', console)}  {first}".rstrip())
        lines += [" " * (left + 2) + line for line in rest]
    return "\n".join(lines)


def render_rows(
    rows: Sequence[Mapping[str, Any]],
    console: Console,
    *,
    title: str = "",
    limit: int | None = None,
    is_raw: bool = False,
) -> str:
    """A table of whatever the rows hold; raw values stay as they are, others get their unit."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown = cut(rows, limit)
    if not names:
        return paint(visible(title), "bold", console)
    columns = [_column(name, rows) for name in names]
    body = [Row([_cell(name, row.get(name), is_raw) for name in names]) for row in shown]
    if fits(columns, body, console.width):
        table = draw(columns, body, console)
    else:
        table = "\n\n".join(_record(names, row, console) for row in body)
    return join(
        paint(visible(title), "bold", console),
        table,
        footer(len(shown), len(rows), "rows", console),
    )


def _column(name: str, rows: Sequence[Mapping[str, Any]]) -> Column:
    is_right = all(is_number(row.get(name)) for row in rows)
    return Column(name, is_right, cut=None if is_right else cut_end, least=12)


def _record(names: Sequence[str], row: Row, console: Console) -> str:
    """A row too wide for the terminal, a line a column."""
    texts = [cell if isinstance(cell, str) else cell.text for cell in row.cells]
    return render_pairs("", zip(names, texts, strict=True), console, is_raw=True)


def _cell(name: str, value: Any, is_raw: bool) -> Cell:
    if is_raw:
        return Cell(NONE, "dim") if value is None else Cell(str(value))
    return Cell(say_value(name, value))
