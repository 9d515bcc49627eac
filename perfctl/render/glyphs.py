"""How wide text stands in a terminal, cut and wrapped to fit; text is `visible()` before it comes.

`rich.cells` (14 ms at start) is asked only for text beyond ASCII and our own glyphs.
"""

from __future__ import annotations

import re

ELLIPSIS = "…"
_ONE_CELL = re.compile("[ -~\xa1-\xac\xae-\u02ff‐-‧←-⇿─-▟●▲✖]*")


def width(text: str) -> int:
    """Cells that the text takes: 2 for a CJK sign or an emoji, 0 for a combining mark."""
    if text.isascii() or _ONE_CELL.fullmatch(text):
        return len(text)
    return sum(map(_sign_width, text))


def _sign_width(sign: str) -> int:
    if _ONE_CELL.fullmatch(sign):
        return 1
    from rich.cells import get_character_cell_size

    return get_character_cell_size(sign)


def pad(text: str, cells: int, *, is_right: bool = False) -> str:
    """The text filled up with spaces to so many cells."""
    fill = " " * (cells - width(text))
    return fill + text if is_right else text + fill


def cut_end(text: str, cells: int) -> str:
    """The text, its end replaced by `…` where it is wider than so many cells."""
    if width(text) <= cells:
        return text
    return _head(text, cells - 1) + ELLIPSIS if cells > 0 else ""


def cut_middle(text: str, cells: int) -> str:
    """The text, its middle replaced by `…`: both ends of a route or a statement tell it apart."""
    if width(text) <= cells:
        return text
    if cells < 1:
        return ""
    tail = (cells - 1) // 2
    return _head(text, cells - 1 - tail) + ELLIPSIS + _tail(text, tail)


def wrap(text: str, cells: int | None) -> list[str]:
    """Lines of at most so many cells, broken between words where it can be; None does not break."""
    if cells is None:
        return [text]
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if width(joined) <= cells:
            line = joined
            continue
        if line:
            lines.append(line)
        *whole, line = _chop(word, cells)
        lines += whole
    return [*lines, line]


def _chop(word: str, cells: int) -> list[str]:
    pieces = []
    while width(word) > cells:
        head = _head(word, cells) or word[0]
        pieces.append(head)
        word = word[len(head) :]
    return [*pieces, word]


def _head(text: str, cells: int) -> str:
    taken = 0
    for index, sign in enumerate(text):
        taken += width(sign)
        if taken > cells:
            return text[:index]
    return text


def _tail(text: str, cells: int) -> str:
    return _head(text[::-1], cells)[::-1]
