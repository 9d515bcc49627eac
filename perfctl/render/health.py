"""`health`: the verdict first, then each check against its limits."""

from __future__ import annotations

import re
from collections.abc import Sequence

from perfctl.answers.answer import Answer
from perfctl.answers.health import Check, Health, Status
from perfctl.console import Console
from perfctl.render.glyphs import wrap
from perfctl.render.sparkline import bar, sparkline
from perfctl.render.style import mark, paint, status_text
from perfctl.render.table import NONE, Cell, Column, Row, draw, fits
from perfctl.render.text import about, flow, join, notes
from perfctl.render.values import cell_mean, say_count, say_moment, say_ms, say_round
from perfctl.units import format_local_minute, format_ratio
from perfctl.visible import visible

_BAR = 12
_TREND = 12
_COLUMNS = (
    Column("check"),
    Column("value", is_right=True),
    Column("limits", drop=2),
    Column("level", drop=4),
    Column("last hour", drop=3),
    Column("status"),
)
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """All checks, whatever the limit."""
    health: Health = answer.data
    today = "" if answer.window is None else format_local_minute(answer.window.until_ms)[:10]
    about_it = [visible(_remark(check, today)) for check in health.checks]
    rows = [_row(check) for check in health.checks]
    columns = [*_COLUMNS, Column("about")]
    beside = [
        Row([*row.cells, Cell(said, "dim")]) for row, said in zip(rows, about_it, strict=True)
    ]
    if fits(columns, beside, console.width):
        rows = beside
    else:
        columns.pop()
        below = _below(health, about_it)
        rows = [row._replace(notes=notes) for row, notes in zip(rows, below, strict=True)]
    return join(
        _verdict(health, today, console),
        *(paint(line, "dim", console) for line in _place(answer, console, store)),
        "\n" + draw(columns, rows, console),
        notes(answer, console),
    )


def _row(check: Check) -> Row:
    sign = mark(check.status)
    is_bad = check.status in (Status.WARNING, Status.CRITICAL)
    cells = [
        Cell(_name(check)),
        Cell(_value(check), sign.style if is_bad else ""),
        Cell(_limits(check), "dim"),
        Cell(bar(check.value, check.target, check.threshold, _BAR), sign.style),
        Cell(sparkline(check.trend, _TREND, check.threshold), "cyan"),
        Cell(status_text(check.status), sign.style),
    ]
    return Row(cells)


def _verdict(health: Health, today: str, console: Console) -> str:
    said, style = status_text(health.status), mark(health.status).style
    first, *rest = wrap(f"{said}  {visible(_reason(health, today))}", console.width)
    return "\n".join([paint(said, f"bold {style}", console) + first[len(said) :], *rest])


def _reason(health: Health, today: str) -> str:
    worst = [check for check in health.checks if check.status is health.status]
    if health.status is Status.OK:
        missing = len(health.checks) - len(worst)
        all_of_them = f"{len(worst)} of {len(health.checks)}" if missing else f"all {len(worst)}"
        return f"{all_of_them} checks" + (", the others had nothing to measure" if missing else "")
    if not worst:
        return "there is nothing to judge yet"
    more = f", and {say_count(len(worst) - 1, 'more check')}" if len(worst) > 1 else ""
    return _sentence(max(worst, key=_excess), today) + more


def _excess(check: Check) -> float:
    return check.value / check.threshold if check.value and check.threshold else 0.0


def _sentence(check: Check, today: str) -> str:
    limit = check.target if check.status is Status.WARNING else check.threshold
    is_above = check.status in (Status.WARNING, Status.CRITICAL)
    if check.value is None or not limit or not is_above or check.value <= limit:
        return f"{_name(check)}: {_local(check.detail or status_text(check.status))}"
    word = "target" if check.status is Status.WARNING else "threshold"
    since = f" since {_clock(check.since, today)}" if check.since else ""
    value, bound = _say(check, check.value), _limit(check, limit)
    return f"{_name(check)} is {value}, above its {word} of {bound}{since}"


def _place(answer: Answer, console: Console, store: str) -> list[str]:
    hosts = answer.coverage.hosts
    host = [f"host {hosts[0]}"] if len(hosts) == 1 else []
    return flow([*host, *about(answer), f"store {store}"], console.width, " · ")


def _below(health: Health, about_it: list[str]) -> list[Sequence[Cell]]:
    """What is to say below each row that is not fine; of equal ones in a row the last says it.

    What also stands at a check that was measured does not say why another was not.
    """
    pairs = list(zip(health.checks, about_it, strict=True))
    measured = {text for check, text in pairs if check.value is not None}
    said = [
        "" if check.status is Status.OK or (check.value is None and text in measured) else text
        for check, text in pairs
    ]
    return [
        (Cell(text, "dim"),) if text and text != following else ()
        for text, following in zip(said, [*said[1:], ""], strict=True)
    ]


def _remark(check: Check, today: str) -> str:
    since = f"since {_clock(check.since, today)}" if check.since else ""
    return " · ".join(piece for piece in (since, _local(check.detail or "")) if piece)


def _name(check: Check) -> str:
    return check.name.replace("_", " ")


def _value(check: Check) -> str:
    if check.value is None:
        return NONE
    said = _say(check, check.value)
    return said if check.unit == "open" else said.replace(" ", "")


def _limits(check: Check) -> str:
    if not check.target or not check.threshold:
        return ""
    both = f"{_limit(check, check.target)} / {_limit(check, check.threshold)}"
    return both.replace(" ", "").replace("/", " / ")


def _limit(check: Check, value: float) -> str:
    """A number that somebody chose: `1 s`, not `1.00 s`."""
    scale = {"ms": 1, "s": 1000}.get(check.unit)
    return _say(check, value) if scale is None else say_round(value * scale)


def _say(check: Check, value: float) -> str:
    match check.unit:
        case "ratio":
            return format_ratio(value)
        case "ms":
            return say_ms(value)
        case "s":
            return say_round(round(value) * 1000) if value >= 0.5 else "0 s"
        case "open":
            return f"{value:.0f} open" if value else "none"
        case _:
            return cell_mean(value)


def _clock(iso: str, today: str) -> str:
    """The time of day, or the date too where it is another day."""
    said = say_moment(iso)
    return said[11:] if said[:10] == today else said


def _local(text: str) -> str:
    return _ISO.sub(lambda match: say_moment(match[0]), text)
