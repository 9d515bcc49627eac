"""`doctor`: what was looked at, and under what is wrong the line to run."""

from __future__ import annotations

from collections.abc import Iterator

from perfctl.answers.answer import Answer
from perfctl.answers.doctor import Finding, Verdict
from perfctl.console import Console
from perfctl.render.glyphs import pad, width, wrap
from perfctl.render.style import mark, paint, status_text
from perfctl.render.text import heading, join, notes
from perfctl.render.values import say_count
from perfctl.visible import visible

_STATUS = max(len(status_text(status)) for status in Verdict)


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """All findings, whatever the limit."""
    findings: list[Finding] = answer.data["findings"]
    problems = sum(finding.status is Verdict.PROBLEM for finding in findings)
    verdict = say_count(problems, "problem") if problems else "no problem found"
    left = max(width(visible(finding.name)) for finding in findings)
    lines = "\n".join(line for finding in findings for line in _lines(finding, left, console))
    return join(heading("Doctor", [verdict], console), f"\n{lines}", notes(answer, console))


def _lines(finding: Finding, left: int, console: Console) -> Iterator[str]:
    indent = _STATUS + left + 4
    room = None if console.width is None else max(1, console.width - indent)
    first, *rest = wrap(visible(finding.detail), room)
    status = paint(pad(status_text(finding.status), _STATUS), mark(finding.status).style, console)
    yield f"{status}  {pad(visible(finding.name), left)}  {first}".rstrip()
    yield from (" " * indent + line for line in rest)
    if finding.hint:
        yield " " * indent + paint(f"↳ {visible(finding.hint)}", "bold", console)
