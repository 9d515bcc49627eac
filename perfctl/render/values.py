"""Numbers as a cell of a table holds them: short, with their unit, `–` where not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfctl.model import Window
from perfctl.render.table import NONE
from perfctl.units import (
    format_bytes,
    format_count,
    format_duration,
    format_local_minute,
    format_ratio,
    local_zone,
    parse_moment,
)
from perfctl.units import say_count as say_count


def cell_ms(value_ms: float | None) -> str:
    """`412ms`, `1.84s`: without the space, which in a row of cells would part the number from it."""
    return NONE if value_ms is None else say_ms(value_ms).replace(" ", "")


def cell_ratio(ratio: float | None) -> str:
    """`0.42%`."""
    return NONE if ratio is None else format_ratio(ratio).replace(" ", "")


def cell_count(count: float | None) -> str:
    """`12.3k`."""
    return NONE if count is None else format_count(count)


def cell_mean(mean: float | None) -> str:
    """`12.3`, `3`, `<0.1`: a mean of counts."""
    if mean is None:
        return NONE
    if mean >= 1000:
        return format_count(mean)
    return "<0.1" if 0 < mean < 0.05 else f"{mean:.1f}".removesuffix(".0")


def cell_times(count: int | None) -> str:
    """`×12`; nothing for none, or where nobody looked."""
    return f"×{format_count(count)}" if count else ""


def say_ms(value_ms: float) -> str:
    """`412 ms`, in a sentence."""
    return format_duration(value_ms * 1000)


def say_round(value_ms: float) -> str:
    """`1 s`, `1.5 s`: without the zeros of a number that somebody chose."""
    number, unit = say_ms(value_ms).split(" ", 1)
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def say_window(window: Window) -> str:
    """`2026-11-24 12:55 – 13:00 CET (5 min)`: local time with its zone."""
    since, until = format_local_minute(window.since_ms), format_local_minute(window.until_ms)
    zones = local_zone(window.since_ms), local_zone(window.until_ms)
    if zones[0] != zones[1]:
        since += f" {zones[0]}"
    elif since[:10] == until[:10]:
        until = until[11:]
    return f"{since} – {until} {zones[1]} ({format_duration(window.length_ms * 1000)})"


def say_moment(iso: str) -> str:
    """`2026-11-24 13:00` in local time, of an ISO time in UTC."""
    return format_local_minute(parse_moment(iso, 0))


_BY_SUFFIX = {
    "_ms": say_ms,
    "_us": format_duration,
    "_s": lambda value: format_duration(value * 1e6),
    "_bytes": format_bytes,
    "_rate": format_ratio,
    "_share": format_ratio,
    "_ratio": format_ratio,
}


def say_name(name: str) -> str:
    """`free` for `free_bytes`: the value itself carries the unit."""
    for suffix in ("_ms", "_us", "_s", "_bytes"):
        name = name.removesuffix(suffix)
    return name.replace("_", " ")


def say_value(name: str, value: Any) -> str:
    """A value as its name says: `queue_ms`, `free_bytes`, `error_rate` carry their unit."""
    match value:
        case None | "":
            return NONE
        case bool():
            return "yes" if value else "no"
        case int() | float():
            for suffix, write in _BY_SUFFIX.items():
                if name.endswith(suffix):
                    return write(value)
            return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
        case Mapping():
            return ", ".join(f"{key} {say_value(str(key), v)}" for key, v in value.items()) or NONE
        case list() | tuple():
            return ", ".join(say_value(name, item) for item in value) or NONE
        case _:
            return str(value)
