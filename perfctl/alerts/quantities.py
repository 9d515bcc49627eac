"""Limits as people write them, and values as people read them, each in the unit of its metric."""

from __future__ import annotations

import re
from collections.abc import Callable

from perfctl.config_values import Place, as_duration, as_number, as_ratio, as_size
from perfctl.units import format_bytes, format_count, format_duration, format_ratio


def parse_limit(value: object, unit: str, place: Place) -> float:
    """A number in the unit, or a text with its own: `800ms`, `5%`, `2GB`, `90s`."""
    if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value.strip()):
        value = float(value)
    match unit:
        case "ms" if isinstance(value, str):
            return _duration_ms(value, place)
        case "s" if isinstance(value, str):
            return _duration_ms(value, place) / 1000
        case "ratio" if isinstance(value, str) and value.strip().endswith("%"):
            percent = parse_limit(value.strip()[:-1].strip(), "percent", place)
            return as_ratio(percent / 100, place)
        case "ratio":
            return as_ratio(value, place)
        case "bytes" | "bytes/s" if isinstance(value, str):
            return as_size(value.removesuffix("/s"), place, 0)
        case _:
            return as_number(value, place)


def _duration_ms(text: str, place: Place) -> float:
    """Also `1.5s`, which is no whole number of what it is written in."""
    found = re.fullmatch(r"(\d+\.\d+)(ms|s)", text.strip())
    if found is None:
        return as_duration(text, place, 0)
    return float(found[1]) * (1000 if found[2] == "s" else 1)


def say_quantity(value: float | None, unit: str) -> str:
    """`1.22 s`, `8.4 %`, `61 per request`; `–` where it was not measured."""
    if value is None:
        return "–"
    said = _SAID.get(unit)
    return said(value) if said else f"{_short(value)} {unit}".rstrip()


def say_round(value: float, unit: str) -> str:
    """`1 s` instead of `1.00 s`: a number that somebody chose."""
    number, space, rest = say_quantity(value, unit).partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number}{space}{rest}"


_SAID: dict[str, Callable[[float], str]] = {
    "ms": lambda value: format_duration(value * 1000),
    "s": lambda value: format_duration(value * 1e6),
    "ratio": format_ratio,
    "bytes": format_bytes,
    "bytes/s": lambda value: f"{format_bytes(value)}/s",
    "count": lambda value: _short(value),
}


def _short(value: float) -> str:
    return format_count(value) if value >= 1000 else f"{value:.2f}".rstrip("0").rstrip(".")
