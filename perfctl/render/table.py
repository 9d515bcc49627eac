"""Draws tables itself: rich.console and rich.table would cost 35 ms of the 120 that `health` has.

On a terminal a table fits: columns of less weight are left out and one flexible column is
shortened. Off a terminal it is whole. Every text passes `visible()` here, whatever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from perfctl.console import Console
from perfctl.render.glyphs import cut_end, pad, width, wrap
from perfctl.render.style import paint
from perfctl.visible import visible

GAP = "  "
NONE = "–"
_RULE_MOST = 100


class Column(NamedTuple):
    """One column; those with a higher `drop` are left out first, 0 stays."""

    title: str
    is_right: bool = False
    drop: int = 0
    cut: Callable[[str, int], str] | None = None
    """Makes this the flexible column: `cut_end` or `cut_middle`."""
    least: int = 24
    """Cells that a flexible column keeps before others are left out."""


class Cell(NamedTuple):
    """A text and its style."""

    text: str
    style: str = ""


class Row(NamedTuple):
    """Cells, and lines to stand below them."""

    cells: Sequence[str | Cell]
    notes: Sequence[str] = ()


def draw(
    columns: Sequence[Column], rows: Sequence[Row], console: Console, *, has_rule: bool = True
) -> str:
    """The table as text without a final newline."""
    grid = [[_cell(cell) for cell in row.cells] for row in rows]
    widths = [
        max([width(column.title), *(width(line[index].text) for line in grid)])
        for index, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    if console.width is not None:
        shown = [i for i in shown if not columns[i].drop or _is_used(line[i] for line in grid)]
        shown, widths = _fit(columns, shown, widths, console.width)
    titles = [Cell(column.title, "bold") for column in columns]
    lines = [_line(columns, shown, widths, titles, console)]
    if has_rule:
        lines.append(paint("─" * _rule(shown, widths, console.width), "dim", console))
    for cells, row in zip(grid, rows, strict=True):
        lines.append(_line(columns, shown, widths, cells, console))
        for note in row.notes:
            lines += _note(visible(note), console)
    return "\n".join(lines)


def _cell(cell: str | Cell) -> Cell:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return Cell(visible(text), style)


def _is_used(cells: Iterable[Cell]) -> bool:
    return any(cell.text not in ("", NONE) for cell in cells)


def _fit(
    columns: Sequence[Column], shown: list[int], widths: list[int], most: int
) -> tuple[list[int], list[int]]:
    """Leave columns out until the rest fits with the flexible one at its least, then cut that."""
    widths = list(widths)
    flexible = next((i for i in shown if columns[i].cut), None)
    needed = list(widths)
    if flexible is not None:
        needed[flexible] = min(widths[flexible], columns[flexible].least)
    while _total(shown, needed) > most and any(columns[i].drop for i in shown):
        shown.remove(max(shown, key=lambda i: columns[i].drop))
    if flexible in shown and flexible is not None:
        over = _total(shown, widths) - most
        widths[flexible] = max(1, widths[flexible] - max(0, over))
    return shown, widths


def _total(shown: Sequence[int], widths: Sequence[int]) -> int:
    return sum(widths[i] for i in shown) + len(GAP) * (len(shown) - 1)


def _rule(shown: Sequence[int], widths: Sequence[int], most: int | None) -> int:
    return min(_total(shown, widths), _RULE_MOST if most is None else most)


def _line(
    columns: Sequence[Column],
    shown: Sequence[int],
    widths: Sequence[int],
    cells: Sequence[Cell],
    console: Console,
) -> str:
    line, room = "", console.width
    for i in shown:
        cut = columns[i].cut or cut_end
        text = cells[i].text if console.width is None else cut(cells[i].text, widths[i])
        text = pad(text, widths[i], is_right=columns[i].is_right)
        if i == shown[-1]:
            text = text.rstrip()
        gap = GAP if i != shown[0] else ""
        if room is not None:  # a terminal narrower than what may not be left out
            text = cut_end(text, max(0, room - len(gap)))
            room -= len(gap) + width(text)
        line += gap + paint(text, cells[i].style, console)
    return line.rstrip()


def _note(note: str, console: Console) -> list[str]:
    """A note below its row, marked by `↳`, broken to fit."""
    room = None if console.width is None else max(1, console.width - 4)
    first, *rest = wrap(note, room)
    return [
        paint(f"  ↳ {first}", "dim", console),
        *(paint(f"    {r}", "dim", console) for r in rest),
    ]
