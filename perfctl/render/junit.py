"""`ci --format junit`: a test case a check, for services that show test reports."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from perfctl.answers.answer import Answer
from perfctl.gate.verdict import Check, Status, Verdict
from perfctl.gating import Gate
from perfctl.render.ci import sum_up
from perfctl.visible import visible


def render(answer: Answer) -> str:
    """What cannot be told is an error, where it does not count it is skipped."""
    gate: Gate = answer.data
    counts = {status: sum(c.status is status for c in gate.checks) for status in Status}
    is_told = gate.verdict is Verdict.PASS
    errors = 0 if is_told else counts[Status.INCONCLUSIVE]
    skipped = counts[Status.SKIPPED] + (counts[Status.INCONCLUSIVE] if is_told else 0)
    head = (
        f'tests="{len(gate.checks)}" failures="{counts[Status.FAIL]}" errors="{errors}"'
        f' skipped="{skipped}"'
    )
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="perfctl" {head}>',
            f'<testsuite name="perfctl ci" {head}>',
            *(_case(check, is_told=is_told) for check in gate.checks),
            f"<system-out>{_text(f'{gate.verdict}: {sum_up(gate)}')}</system-out>",
            "</testsuite>",
            "</testsuites>",
        ]
    )


def _case(check: Check, *, is_told: bool) -> str:
    head = f"<testcase classname={_attribute(f'perfctl.{check.name}')} name={_attribute(check.subject)}"
    said = _attribute(check.evidence)
    at = f"at {check.call_site}" if check.call_site else ""
    match check.status:
        case Status.FAIL:
            return f'{head}><failure type="fail" message={said}>{_text(at)}</failure></testcase>'
        case Status.INCONCLUSIVE if not is_told:
            return f'{head}><error type="inconclusive" message={said}/></testcase>'
        case Status.INCONCLUSIVE | Status.SKIPPED:
            return f"{head}><skipped message={said}/></testcase>"
    return f"{head}/>"


def _attribute(text: str) -> str:
    return quoteattr(visible(text))


def _text(text: str) -> str:
    return escape(visible(text))
