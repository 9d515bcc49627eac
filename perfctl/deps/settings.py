"""`[tool.perfctl.deps]`: what a project says of its audit, once for all who run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from packaging.utils import NormalizedName, canonicalize_name

from perfctl.config_values import Place, as_duration, as_table, as_text, as_texts
from perfctl.deps.feed import PUBLIC_OSV
from perfctl.deps.ignores import Ignore, parse_ignores
from perfctl.deps.severity import Severity
from perfctl.model import HOUR_MS

_NAMES = ("osv_url", "offline", "max_age", "min_age", "allow_unverified", "fail_on", "ignore")
NEVER = "never"
FAIL_ON = ("low", "medium", "high", "critical", "unknown", NEVER)


class DepsSettings(NamedTuple):
    """The settings, each with its default."""

    osv_url: str = PUBLIC_OSV
    offline: str | None = None
    max_age_ms: int | None = None
    min_age_ms: int | None = None
    allowed: frozenset[NormalizedName] = frozenset()
    fail_on: str = "low"
    ignores: tuple[Ignore, ...] = ()


_DEFAULT = DepsSettings()


def parse_settings(
    said: Mapping[str, object], where: str, base: DepsSettings = _DEFAULT
) -> DepsSettings:
    """What is said, on top of others; ConfigError for what cannot be used."""
    place = Place(where, "deps")
    table = as_table(said, place, _NAMES)
    found = base
    if "ignore" in table:
        found = found._replace(ignores=parse_ignores(table["ignore"], place.at("ignore")))
    if "osv_url" in table:
        found = found._replace(osv_url=as_url(table["osv_url"], place.at("osv_url")))
    if "offline" in table:
        found = found._replace(offline=as_text(table["offline"], place.at("offline")))
    for name in ("max_age", "min_age"):
        if name in table:
            kept_ms = as_duration(table[name], place.at(name), HOUR_MS)
            found = found._replace(**{f"{name}_ms": kept_ms})  # type: ignore[arg-type]  # by name
    if "allow_unverified" in table:
        names = as_texts(table["allow_unverified"], place.at("allow_unverified"))
        allowed = base.allowed | set(map(canonicalize_name, names))
        found = found._replace(allowed=allowed)
    if "fail_on" in table:
        word = as_text(table["fail_on"], place.at("fail_on"))
        if word not in FAIL_ON:
            raise place.at("fail_on").error(f"must be one of {', '.join(FAIL_ON)}, not {word!r}")
        found = found._replace(fail_on=word)
    return found


def as_url(value: object, place: Place) -> str:
    """An address to ask."""
    text = as_text(value, place)
    if not text.startswith(("https://", "http://")) or any(c.isspace() for c in text):
        raise place.error(f"must be an address that begins with https://, not {text!r}")
    return text


def least_of(fail_on: str) -> Severity | None:
    """From which severity on a finding fails; None for never."""
    return None if fail_on == NEVER else Severity[fail_on.upper()]
