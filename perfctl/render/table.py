"""Draws tables itself: rich.console and rich.table would cost 35 ms of the 120 that `health` has.

On a terminal a table fits: columns of less weight are left out and flexible ones are
shortened. Off a terminal it is whole. Every text passes `visible()` here, whatever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from perfctl.console import Console
from perfctl.render.glyphs import cut_end, width, wrap
from perfctl.render.style import paint
from perfctl.visible import visible

GAP = "  "
NONE = "–"
_LAST_MOST = 24


class Column(NamedTuple):
    """One column: with `drop` 0 it always stays, as one must; else a low one is preferred."""

    title: str
    is_right: bool = False
    drop: int = 0
    cut: Callable[[str, int], str] | None = None
    """Makes the column flexible: `cut_end`, `cut_middle`."""
    least: int = 24
    """Cells that a flexible column keeps before others are left out."""


class Cell(NamedTuple):
    """A text and its style."""

    text: str
    style: str = ""


class Row(NamedTuple):
    """Cells, and lines to stand below them."""

    cells: Sequence[str | Cell]
    notes: Sequence[Cell] = ()


def draw(
    columns: Sequence[Column], rows: Sequence[Row], console: Console, *, has_rule: bool = True
) -> str:
    """The table as text without a final newline."""
    grid = _grid(columns, rows)
    widths = _widths(grid)
    titles, *body = grid
    shown = list(range(len(columns)))
    if console.width is not None:
        shown = [i for i in shown if not columns[i].drop or _is_used(line[i] for line in body)]
        shown, widths = _fit(columns, shown, widths, console.width)
    lines = [_line(columns, shown, widths, titles, console)]
    if has_rule:
        lines.append(paint("─" * _rule(shown, widths, console.width), "dim", console))
    for cells, row in zip(body, rows, strict=True):
        lines.append(_line(columns, shown, widths, cells, console))
        for note in row.notes:
            lines += _note(visible(note.text), note.style, console)
    return "\n".join(lines)


def fits(columns: Sequence[Column], rows: Sequence[Row], most: int | None) -> bool:
    """Whether all columns find room, the flexible ones at their least."""
    if most is None:
        return True
    return _total(range(len(columns)), _least(columns, _widths(_grid(columns, rows)))) <= most


def _grid(columns: Sequence[Column], rows: Sequence[Row]) -> list[list[Cell]]:
    """The titles and the cells of each row, safe to print."""
    titles = [Cell(visible(column.title), "bold") for column in columns]
    return [titles, *([_cell(cell) for cell in row.cells] for row in rows)]


def _cell(cell: str | Cell) -> Cell:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return Cell(visible(text), style)


def _widths(grid: Sequence[Sequence[Cell]]) -> list[int]:
    return [max(width(cell.text) for cell in column) for column in zip(*grid, strict=True)]


def _is_used(cells: Iterable[Cell]) -> bool:
    return any(cell.text not in ("", NONE) for cell in cells)


def _fit(
    columns: Sequence[Column], shown: Sequence[int], widths: Sequence[int], most: int
) -> tuple[list[int], list[int]]:
    """The columns for which there is room, the flexible ones as narrow as they must be."""
    needed = _least(columns, widths)
    chosen: list[int] = []
    for i in sorted(shown, key=lambda i: columns[i].drop):
        if not columns[i].drop or _total([*chosen, i], needed) <= most:
            chosen.append(i)
    flexible = [i for i in chosen if columns[i].cut]
    fitted = [
        min(wide, most) if column.cut else wide
        for wide, column in zip(widths, columns, strict=True)
    ]
    while flexible and _total(chosen, fitted) > most:
        widest = max(flexible, key=lambda i: fitted[i])
        if fitted[widest] == 1:
            break
        fitted[widest] -= 1
    return sorted(chosen), fitted


def _least(columns: Sequence[Column], widths: Sequence[int]) -> list[int]:
    """What each column needs where flexible ones are as narrow as they may be."""
    return [
        min(wide, column.least) if column.cut else wide
        for wide, column in zip(widths, columns, strict=True)
    ]


def _total(shown: Sequence[int], widths: Sequence[int]) -> int:
    return sum(widths[i] for i in shown) + len(GAP) * (len(shown) - 1)


def _rule(shown: Sequence[int], widths: Sequence[int], most: int | None) -> int:
    """As wide as the table, whatever long text a pipe gets in its last column."""
    total = _total(shown, widths)
    last = widths[shown[-1]]
    return min(total - max(0, last - _LAST_MOST) if most is None else total, most or total)


def _line(
    columns: Sequence[Column],
    shown: Sequence[int],
    widths: Sequence[int],
    cells: Sequence[Cell],
    console: Console,
) -> str:
    line, room = "", console.width
    for i in shown:
        text, gap, cells_wide = cells[i].text, GAP if i != shown[0] else "", widths[i]
        if room is not None:
            # A terminal narrower than what always stays cuts that too.
            cells_wide = max(0, min(cells_wide, room - len(gap)))
            room -= len(gap) + cells_wide
            text = (columns[i].cut or cut_end)(text, cells_wide)
        fill = " " * (cells_wide - width(text))
        text = paint(text, cells[i].style, console)
        line += gap + (fill + text if columns[i].is_right else text + fill)
    return line.rstrip()


def _note(text: str, style: str, console: Console) -> list[str]:
    """A note below its row, marked by `↳`, broken to fit."""
    room = None if console.width is None else max(1, console.width - 4)
    first, *rest = wrap(text, room)
    lines = [f"  ↳ {first}", *(f"    {line}" for line in rest)]
    return [paint(line, style, console) for line in lines]
