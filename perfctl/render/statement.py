"""SQL made short enough for a cell: what is left still tells which table is asked for what."""

from __future__ import annotations

import re

from perfctl.render.glyphs import ELLIPSIS, cut_end, width

_SELECTED = re.compile(r"^(SELECT (?:DISTINCT )?)(?!COUNT\(|1 )(.{12,}?)( FROM )", re.IGNORECASE)
_NAMED = re.compile(r"^(INSERT INTO \S+ )(\(.{12,}?\))( VALUES )", re.IGNORECASE)
_JOINED = re.compile(
    r"\b(?:INNER |(?:LEFT |RIGHT )?OUTER )?(JOIN \S+) ON \([^()]*\)", re.IGNORECASE
)
_QUALIFIED = re.compile(r"\b[A-Za-z_]\w*\.(?=[A-Za-z_*])")
_QUOTED = re.compile(r"([\"`])(\w+)\1")


def cut_statement(sql: str, cells: int) -> str:
    """The statement without quotes; where it is too wide, without what tells less and less.

    Quotes go from all of them: below each other they must not look like different tables.
    """
    steps = (_without_columns, _without_joins, _without_tables)
    short = _QUOTED.sub(r"\2", sql)
    for step in steps:
        if width(short) <= cells:
            return short
        short = step(short)
    return cut_end(short, cells)


def _without_columns(sql: str) -> str:
    return _NAMED.sub(rf"\1({ELLIPSIS})\3", _SELECTED.sub(rf"\1{ELLIPSIS}\3", sql))


def _without_joins(sql: str) -> str:
    """Without the conditions on which tables are joined."""
    return _JOINED.sub(r"\1", sql)


def _without_tables(sql: str) -> str:
    """`id` for `auth_user.id`."""
    return _QUALIFIED.sub("", sql)
