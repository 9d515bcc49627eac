"""Advisories that a project has looked at and lets pass, each with a reason and an end.

[[tool.perfctl.deps.ignore]]
id = "CVE-2024-22195"        # or any alias
package = "jinja2"
reason = "no template takes attributes from users"
until = 2027-01-31           # or `added = 2026-11-24`: 90 days from then on
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import NamedTuple

from packaging.utils import NormalizedName, canonicalize_name

from perfctl.config_values import Place, as_table, as_tables, as_text
from perfctl.deps.vulnerabilities import Vulnerability
from perfctl.model import DAY_MS

DEFAULT_MS = 90 * DAY_MS
_NAMES = ("id", "package", "reason", "until", "added")


class Ignore(NamedTuple):
    """One of them."""

    id: str
    """The name of an advisory or an alias of it."""
    package: NormalizedName | None
    """None: in whichever package."""
    reason: str
    until_ms: int

    def is_over(self, now_ms: int) -> bool:
        """Whether it holds no more."""
        return now_ms >= self.until_ms

    def holds_for(self, package: NormalizedName, found: Vulnerability) -> bool:
        """Whether it is about a vulnerability of a package."""
        names = {name.upper() for name in found.ids}
        return self.id.upper() in names and self.package in (None, package)


def parse_ignores(said: object, place: Place) -> tuple[Ignore, ...]:
    """The ignores of a configuration; ConfigError for one without a reason or an end."""
    tables = as_tables(said, place) if said is not None else ()
    return tuple(_parse(table, place.at(str(at))) for at, table in enumerate(tables))


def ignore_of(
    ignores: Iterable[Ignore], package: NormalizedName, found: Vulnerability
) -> Ignore | None:
    """The one that is about it, the one that holds longest first."""
    about = [ignore for ignore in ignores if ignore.holds_for(package, found)]
    return max(about, key=lambda ignore: ignore.until_ms, default=None)


def _parse(table: Mapping[str, object], place: Place) -> Ignore:
    said = as_table(table, place, _NAMES)
    if "id" not in said or "reason" not in said:
        raise place.error("needs an id and a reason")
    days = {
        name: _day_ms(said[name], place.at(name)) for name in ("until", "added") if name in said
    }
    if not days:
        raise place.error(
            "needs an end", "until = 2027-01-31, or added = 2026-11-24: 90 days from it"
        )
    package = as_text(said["package"], place.at("package")) if "package" in said else None
    return Ignore(
        as_text(said["id"], place.at("id")).strip(),
        canonicalize_name(package) if package else None,
        as_text(said["reason"], place.at("reason")),
        days["until"] + DAY_MS if "until" in days else days["added"] + DEFAULT_MS,
    )


def _day_ms(value: object, place: Place) -> int:
    try:
        day = value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError as exc:
        raise place.error(f"must be a day such as 2027-01-31, not {value!r}") from exc
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
