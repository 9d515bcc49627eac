"""Answers as dicts, lists, strings and numbers: what JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

_DECIMALS = 6


def to_plain(value: Any) -> Any:
    """Records become dicts, enums their values, floats have 6 decimals; NaN and infinity are None."""
    match value:
        case Enum():
            return to_plain(value.value)
        case float():
            return round(value, _DECIMALS) if math.isfinite(value) else None
        case None | str() | bool() | int():
            return value
        case Mapping():
            return {str(to_plain(key)): to_plain(item) for key, item in value.items()}
        case bytes():
            return value.hex()
        case tuple() if hasattr(value, "_fields"):
            return dict(zip(value._fields, map(to_plain, value), strict=True))
        case _ if hasattr(value, "__dataclass_fields__"):
            return {name: to_plain(getattr(value, name)) for name in value.__dataclass_fields__}
        case Iterable():
            return [to_plain(item) for item in value]
        case _:
            return str(value)


def is_number(value: Any) -> bool:
    """Whether a column that holds this may be one of numbers: true and false are none."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
