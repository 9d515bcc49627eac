"""`forget`: from how many rows a user was taken out, and where the identifier is left."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.forgetting import Forgotten
from perfctl.render.style import paint
from perfctl.render.text import heading, join, notes
from perfctl.render.values import say_count
from perfctl.visible import visible

_SAID = {
    "performance_metric": "request",
    "error_log": "error",
    "frontend_metric": "front-end record",
}


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """One line, and one for each place that could not be cleared."""
    done: Forgotten = answer.data
    pieces = [say_count(n, _SAID.get(table, table)) for table, n in done.rows.items()]
    if done.spool_lines:
        pieces.append(say_count(done.spool_lines, "line") + " of the spool")
    left = [paint(f"✖ still in {visible(place)}", "red", console) for place in done.left]
    return join(
        heading("Forgotten", [f"user {done.user}", *pieces], console),
        *left,
        notes(answer, console),
    )
