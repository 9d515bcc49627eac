"""`ci --format github`: annotations of a workflow's step, and the text of its summary.

GitHub shows ten annotations of a kind a step and drops the others without a word, and takes 1 MiB of
summary.
"""

from __future__ import annotations

from collections.abc import Mapping

from perfctl.answers.answer import Answer
from perfctl.gate.verdict import Check, Status, place_of
from perfctl.gating import Gate
from perfctl.render.ci import render_markdown, say_number, sum_up
from perfctl.visible import visible

_MOST = 9
_MOST_BYTES = 1 << 20
_LEVELS = {Status.FAIL: "error", Status.INCONCLUSIVE: "warning"}


def render(answer: Answer) -> str:
    """A line an annotation, the worst first; what was accepted and the verdict as plain lines."""
    gate: Gate = answer.data
    told = [check for check in gate.checks if check.status in _LEVELS]
    lines = [_annotation(check, gate.files) for check in told[:_MOST]]
    if len(told) > _MOST:
        level = _LEVELS[told[_MOST].status]
        lines.append(f"::{level} title=perfctl::and {len(told) - _MOST} more, in the step summary")
    lines += [_accepted(check) for check in gate.accepted_findings]
    return "\n".join([*lines, visible(f"perfctl: {gate.verdict}, {sum_up(gate)}")])


def _annotation(check: Check, files: Mapping[str, str]) -> str:
    place = place_of(check.call_site)
    properties = {}
    if place is not None:
        properties = {"file": files.get(place.file, place.file), "line": str(place.line)}
    properties["title"] = f"perfctl {check.name}: {check.subject}"
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_LEVELS[check.status]} {written}::{_message(_sentence(check))}"


def _accepted(check: Check) -> str:
    """A plain line of the log: the step that accepts a finding does not fail for it."""
    place = f" at {check.call_site}" if check.call_site else ""
    return visible(f"accepted: {check.name} {check.subject}{place}: {_sentence(check)}")


def _sentence(check: Check) -> str:
    now = say_number(check.value, check.unit)
    unit = "" if check.unit in ("ms", "ratio") else check.unit  # those have theirs with them
    numbers = "" if check.value is None else f"{now} {unit}".rstrip()
    if check.value is not None and check.baseline is not None:
        numbers = f"{say_number(check.baseline, check.unit)} → {numbers}"
    elif check.value is not None and check.limit is not None:
        numbers += f", the limit is {say_number(check.limit, check.unit)}"
    return ": ".join(filter(None, (numbers, check.evidence)))


def _message(text: str) -> str:
    """As GitHub's toolkit escapes a command's data."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def render_summary(answer: Answer) -> str:
    """The summary of a step in Markdown, cut at a line where it would be too long."""
    text = render_markdown(answer)
    if len(text.encode()) < _MOST_BYTES:
        return text
    cut = text.encode()[: _MOST_BYTES - 100].decode("utf-8", "ignore").rpartition("\n")[0]
    return f"{cut}\n\nCut here: a summary holds 1 MiB."
