"""`health`: the verdict first, then each check against its limits."""

from __future__ import annotations

import re
from collections.abc import Sequence

from perfctl.answers.answer import Answer
from perfctl.answers.health import Check, Health, Status
from perfctl.console import Console
from perfctl.render.sparkline import bar, sparkline
from perfctl.render.style import mark, paint, status_text
from perfctl.render.table import NONE, Cell, Column, Row, draw
from perfctl.render.text import about, flow, join, notes
from perfctl.render.values import cell_mean, say_count, say_moment, say_ms
from perfctl.units import format_ratio
from perfctl.visible import visible

_BAR = 12
_TREND = 12
_WIDE = 110
"""From here on what is to say about a check stands beside it, below it until then."""
_COLUMNS = (
    Column("check"),
    Column("value", is_right=True),
    Column("limits", drop=2),
    Column("to threshold", drop=4),
    Column("last hour", drop=3),
    Column("status"),
)
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """All checks, whatever the limit."""
    health: Health = answer.data
    is_wide = console.width is None or console.width >= _WIDE
    columns = [*_COLUMNS, Column("about", drop=1)] if is_wide else list(_COLUMNS)
    rows = [_row(check, is_wide) for check in health.checks]
    if not is_wide:
        rows = [row._replace(notes=n) for row, n in zip(rows, _remarks(health), strict=True)]
    return join(
        _verdict(health, answer, console),
        *(paint(line, "dim", console) for line in _place(answer, console, store)),
        "\n" + draw(columns, rows, console),
        notes(answer, console),
    )


def _row(check: Check, is_wide: bool) -> Row:
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
    return Row([*cells, Cell(_remark(check), "dim")] if is_wide else cells)


def _verdict(health: Health, answer: Answer, console: Console) -> str:
    sign = mark(health.status)
    said = paint(status_text(health.status), f"bold {sign.style}", console)
    return f"{said}  {visible(_reason(health))}"


def _reason(health: Health) -> str:
    worst = [check for check in health.checks if check.status is health.status]
    if health.status is Status.OK:
        missing = len(health.checks) - len(worst)
        all_of_them = f"{len(worst)} of {len(health.checks)}" if missing else f"all {len(worst)}"
        return f"{all_of_them} checks" + (", the others had nothing to measure" if missing else "")
    if not worst:
        return "there is nothing to judge yet"
    more = f", and {say_count(len(worst) - 1, 'check')} more" if len(worst) > 1 else ""
    return _sentence(max(worst, key=_excess)) + more


def _excess(check: Check) -> float:
    return check.value / check.threshold if check.value and check.threshold else 0.0


def _sentence(check: Check) -> str:
    limits = {
        Status.WARNING: ("target", check.target),
        Status.CRITICAL: ("threshold", check.threshold),
    }
    name, limit = limits.get(check.status, ("", None))
    if check.value is None or not limit:
        return f"{_name(check)}: {_local(check.detail or status_text(check.status))}"
    since = f", since {_clock(check.since)}" if check.since else ""
    return f"{_name(check)} {_say(check, check.value)}, {name} {_say(check, limit)}{since}"


def _place(answer: Answer, console: Console, store: str) -> list[str]:
    hosts = answer.coverage.hosts
    host = [f"host {hosts[0]}"] if len(hosts) == 1 else []
    return flow([*host, *about(answer), f"store {store}"], console.width, " · ")


def _remarks(health: Health) -> list[Sequence[str]]:
    """What is to say below each row that is not fine; of equal ones in a row the last says it."""
    said = [_remark(check) if check.status is not Status.OK else "" for check in health.checks]
    return [
        (remark,) if remark and remark != following else ()
        for remark, following in zip(said, [*said[1:], ""], strict=True)
    ]


def _remark(check: Check) -> str:
    since = f"since {_clock(check.since)}" if check.since else ""
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
    target, threshold = _say(check, check.target), _say(check, check.threshold)
    return f"{target} / {threshold}".replace(" %", "%")


def _say(check: Check, value: float) -> str:
    match check.unit:
        case "ratio":
            return format_ratio(value)
        case "ms":
            return say_ms(value)
        case "s":
            return say_ms(value * 1000)
        case "open":
            return f"{value:.0f} open" if value else "none"
        case _:
            return cell_mean(value)


def _clock(iso: str) -> str:
    return say_moment(iso)[11:]


def _local(text: str) -> str:
    return _ISO.sub(lambda match: say_moment(match[0]), text)
