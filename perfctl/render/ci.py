"""`ci`: the verdict, and below it what failed or could not be told; what is well is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.gate.verdict import Check, Status, Verdict
from perfctl.gating import Gate
from perfctl.render.glyphs import cut_middle, wrap
from perfctl.render.rows import escape
from perfctl.render.style import Mark, paint
from perfctl.render.table import NONE, Cell, Column, Row, draw
from perfctl.render.text import about, cut, flow, footer, join, notes
from perfctl.render.values import cell_mean, cell_ms, cell_ratio, say_count
from perfctl.visible import visible

_MARKS = {
    "fail": Mark("✖", "fail", "red"),
    "inconclusive": Mark("?", "inconclusive", "yellow"),
    "skipped": Mark("–", "skipped", "dim"),
    "pass": Mark("●", "pass", "green"),
    "accepted": Mark("✓", "accepted", "green"),
}
_COLUMNS = (
    Column("status"),
    Column("check"),
    Column("subject", cut=cut_middle, least=20),
    Column("now", is_right=True),
    Column("baseline", is_right=True, drop=1),
    Column("limit", is_right=True, drop=2),
)


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """All that does not pass; in `notes` below each line the evidence and the place."""
    gate: Gate = answer.data
    told = list(_told(gate))
    shown = cut(told, limit)
    return join(
        _headline(gate, console),
        *(paint(line, "dim", console) for line in flow(_about(answer), console.width, " · ")),
        "\n" + draw(_COLUMNS, [_row(*item) for item in shown], console) if shown else "",
        footer(len(shown), len(told), "checks", console),
        notes(answer, console),
    )


def _told(gate: Gate) -> Iterator[tuple[str, Check]]:
    """What was accepted, and all that does not pass, each with its word."""
    yield from (("accepted", check) for check in gate.accepted_findings)
    for check in gate.checks:
        if check.status is not Status.PASS:
            yield check.status.value, check


def _headline(gate: Gate, console: Console) -> str:
    sign, word, style = _MARKS[gate.verdict]
    said = f"{sign} {word}"
    first, *rest = wrap(f"{said}  {visible(sum_up(gate))}", console.width)
    return "\n".join([paint(said, f"bold {style}", console) + first[len(said) :], *rest])


def sum_up(gate: Gate) -> str:
    """`2 checks failed, 1 cannot be told, 35 passed`."""
    if gate.saved is not None:
        return f"kept as the baseline {gate.saved}: {gate.checks[0].evidence}"
    counts = {status: sum(c.status is status for c in gate.checks) for status in Status}
    pieces = [
        f"{say_count(counts[Status.FAIL], 'check')} failed" if counts[Status.FAIL] else "",
        f"{counts[Status.INCONCLUSIVE]} cannot be told" if counts[Status.INCONCLUSIVE] else "",
        f"{say_count(counts[Status.PASS], 'check')} passed" if counts[Status.PASS] else "",
        f"{counts[Status.SKIPPED]} skipped" if counts[Status.SKIPPED] else "",
        f"{say_count(gate.accepted, 'finding')} accepted" if gate.accepted else "",
    ]
    return ", ".join(filter(None, pieces)) or "nothing was judged"


def _about(answer: Answer) -> list[str]:
    gate: Gate = answer.data
    python, django, database = gate.environment
    of = f" ({gate.baseline_commit[:9]})" if gate.baseline_commit else ""
    pieces = [
        "test run" if gate.source == "test" else "live traffic",
        say_count(answer.coverage.samples, "request"),
        *about(answer),
        f"commit {gate.commit[:9]}" if gate.commit else "",
        f"against {gate.against}{of}" if gate.against else "",
        f"Python {python}" if python else "",
        f"Django {django}" if django else "",
        database or "",
    ]
    return [piece for piece in pieces if piece]


def _row(said: str, check: Check) -> Row:
    sign, word, style = _MARKS[said]
    cells = (
        Cell(f"{sign} {word}", style),
        Cell(check.name),
        Cell(check.subject),
        Cell(say_number(check.value, check.unit)),
        Cell(say_number(check.baseline, check.unit), "dim"),
        Cell(say_number(check.limit, check.unit), "dim"),
    )
    place = f"at {check.call_site}: " if check.call_site else ""
    return Row(cells, (Cell(place + check.evidence, "dim"),) if place or check.evidence else ())


def say_number(value: float | None, unit: str) -> str:
    """A number as its unit has it."""
    match unit:
        case "ms":
            return cell_ms(value)
        case "ratio":
            return cell_ratio(value)
        case _:
            return NONE if value is None else cell_mean(value)


def render_markdown(answer: Answer, limit: int | None = None) -> str:
    """The verdict and a table, for a comment on a pull request."""
    gate: Gate = answer.data
    sign = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.INCONCLUSIVE: "❔"}[gate.verdict]
    pieces = " · ".join(escape(visible(piece)) for piece in _about(answer))
    told = list(_told(gate))
    shown = told[: limit or None]
    lines = [
        f"### {sign} perfctl: {gate.verdict}",
        "",
        f"{escape(visible(sum_up(gate)))}  ",
        pieces,
        *_markdown_table(shown),
    ]
    if len(shown) < len(told):
        lines += ["", f"{len(shown)} of {len(told)} checks"]
    if answer.warnings:
        lines += ["", *(f"> ⚠ {escape(visible(warning))}" for warning in answer.warnings)]
    return "\n".join(lines)


def _markdown_table(told: Sequence[tuple[str, Check]]) -> list[str]:
    if not told:
        return []
    lines = ["", "| | check | subject | now | baseline | limit | evidence |",
             "|---|---|---|---:|---:|---:|---|"]  # fmt: skip
    for said, check in told:
        place = f"`{_code(check.call_site)}` " if check.call_site else ""
        cells = [
            said,
            escape(visible(check.name)),
            escape(visible(check.subject)),
            *(say_number(v, check.unit) for v in (check.value, check.baseline, check.limit)),
            place + escape(visible(check.evidence)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _code(text: str) -> str:
    """Text within backticks in a table."""
    return visible(text).replace("`", "'").replace("|", "\\|")
