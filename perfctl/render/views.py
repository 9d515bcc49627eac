"""`query .views`: each view with all its columns, on as many lines as they take."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.render.text import join, notes, render_pairs


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """The names on the left; nothing is cut, as it is all there to be read."""
    rows: list[dict[str, str]] = answer.data["rows"]
    views = [(row["view"], row["columns"]) for row in rows[: limit or None]]
    return join(render_pairs("", views, console, is_raw=True), notes(answer, console))
