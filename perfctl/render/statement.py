"""SQL made short enough for a cell: what is left still tells which table is asked for what."""

from __future__ import annotations

import re

from perfctl.render.glyphs import ELLIPSIS, cut_end, width

_SELECTED = re.compile(r"^(SELECT (?:DISTINCT )?)(?!COUNT\(|1 )(.{12,}?)( FROM )", re.IGNORECASE)
_NAMED = re.compile(r"^(INSERT INTO \S+ )(\(.{12,}?\))( VALUES )", re.IGNORECASE)
_QUOTES = str.maketrans("", "", '"`')


def cut_statement(sql: str, cells: int) -> str:
    """The statement; where it is too wide without its list of columns, then its quotes, then its end."""
    if width(sql) <= cells:
        return sql
    short = _NAMED.sub(rf"\1({ELLIPSIS})\3", _SELECTED.sub(rf"\1{ELLIPSIS}\3", sql))
    return short if width(short) <= cells else cut_end(short.translate(_QUOTES), cells)
