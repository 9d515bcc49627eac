"""The text of an answer that has no face of its own: its values, and its lists as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.render.plain import to_plain
from perfctl.render.text import join, notes, render_pairs, render_rows


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """Single values first, then each list; the rows of `query` as they are."""
    data = to_plain(answer.data)
    lists = {name: value for name, value in data.items() if _is_table(value)}
    pairs = {name: value for name, value in data.items() if name not in lists}
    tables = [
        render_rows(
            rows,
            console,
            title=name.replace("_", " ") if len(data) > 1 else "",
            limit=limit,
            is_raw=answer.command == "query",
        )
        for name, rows in lists.items()
        if rows
    ]
    if not tables and not pairs:
        return join("no rows", notes(answer, console))
    title = answer.command.replace(".", " ") if pairs else ""
    return join(
        render_pairs(title, pairs, console) if pairs else "",
        *(f"\n{table}" if pairs else table for table in tables),
        notes(answer, console),
    )


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)
