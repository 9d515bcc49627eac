"""Takes the values of a configuration as what they must be, or says which one is wrong and how."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from perfctl.errors import ConfigError, UsageError
from perfctl.units import format_bytes, parse_bytes, parse_duration, write_duration


class Place(NamedTuple):
    """Where in which file a value stands, for messages."""

    where: str
    key: str = ""

    def at(self, name: str) -> "Place":
        """The place of a name within this table."""
        return Place(self.where, f"{self.key}.{quoted(name)}" if self.key else quoted(name))

    def error(self, problem: str, hint: str | None = None) -> ConfigError:
        """An error to raise that names file, name and remedy."""
        named = f"{self.where}: {self.key}" if self.key else self.where
        return ConfigError(f"{named}: {problem}", hint)


def as_table(value: object, place: Place, known: tuple[str, ...] | None) -> Mapping[str, object]:
    """A table that has only known names; None admits any."""
    if not isinstance(value, Mapping):
        raise place.error(f"must be a table, not {value!r}")
    for name in value:
        if known is not None and name not in known:
            raise place.at(str(name)).error("unknown name", nearest(str(name), known))
    return value


def as_tables(value: object, place: Place) -> tuple[Mapping[str, object], ...]:
    """A list of tables."""
    if not isinstance(value, list | tuple):
        raise place.error("must be a list of tables", f"head each with [[{place.key}]]")
    return tuple(as_table(item, place.at(str(i)), None) for i, item in enumerate(value))


def as_texts(value: object, place: Place) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list | tuple):
        raise place.error(f"must be a list of texts, not {value!r}")
    return tuple(as_text(item, place) for item in value)


def as_text(value: object, place: Place) -> str:
    """A text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise place.error(f"must be a text, not {value!r}")
    return value


def as_duration(value: object, place: Place, least_ms: int) -> int:
    """Milliseconds of a text such as `15m`."""
    text = as_text(value, place)
    try:
        duration_ms = parse_duration(text)
    except UsageError as exc:
        raise place.error(exc.message, exc.hint) from exc
    if duration_ms < least_ms:
        raise place.error(f"must be at least {write_duration(least_ms)}, not {value!r}")
    return duration_ms


def as_size(value: object, place: Place, least_bytes: int) -> int:
    """Bytes of a text such as `2GB`, or of a bare number."""
    text = as_text(str(value) if type(value) is int else value, place)
    try:
        size_bytes = parse_bytes(text)
    except UsageError as exc:
        raise place.error(exc.message, exc.hint) from exc
    if size_bytes < least_bytes:
        raise place.error(f"must be at least {format_bytes(least_bytes)}, not {value!r}")
    return size_bytes


def as_number(value: object, place: Place) -> float:
    """A finite number, not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise place.error(f"must be a number, not {value!r}")
    if value < 0:
        raise place.error(f"must not be negative, as {value!r} is")
    return value


def as_ratio(value: object, place: Place) -> float:
    """A share from 0 to 1."""
    ratio = as_number(value, place)
    if ratio > 1:
        raise place.error(f"is a share from 0 to 1, not {value!r}", "80 % is written 0.8")
    return ratio


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known: the one that was probably meant, else all."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"the names are {', '.join(known)}"


def quoted(name: str) -> str:
    """The name as TOML writes it in a dotted key."""
    bare = name.replace("_", "").replace("-", "")
    return name if bare.isascii() and bare.isalnum() else f'"{name}"'
