"""Advisories that a project lets pass: for a reason, for a time."""

from __future__ import annotations

import tomllib

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from perfctl.config_values import Place
from perfctl.deps import feed
from perfctl.deps.feed import Release
from perfctl.deps.ignores import Ignore, ignore_of, parse_ignores
from perfctl.deps.vulnerabilities import vulnerabilities_of
from perfctl.errors import ConfigError
from tests.deps.doubles import DATA

JINJA = canonicalize_name("jinja2")
DAY_OF_YEAR_ONE = 1_735_689_600_000
"""2025-01-01 in UTC."""


def parsed(text: str) -> tuple[Ignore, ...]:
    """The ignores of a configuration in TOML."""
    return parse_ignores(tomllib.loads(text)["ignore"], Place("perfctl.toml", "deps.ignore"))


def test_an_end_is_said_or_ninety_days() -> None:
    """The last day still counts."""
    first, second = parsed(
        "[[ignore]]\nid = 'CVE-1'\npackage = 'Jinja2'\nreason = 'no'\nuntil = 2025-01-01\n"
        "[[ignore]]\nid = 'CVE-2'\nreason = 'no'\nadded = '2025-01-01'\n"
    )
    assert (first.package, second.package) == (JINJA, None)
    assert first.until_ms == DAY_OF_YEAR_ONE + 86_400_000
    assert second.until_ms == DAY_OF_YEAR_ONE + 90 * 86_400_000
    assert not first.is_over(first.until_ms - 1)
    assert first.is_over(first.until_ms)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ignore = 3", "list of tables"),
        ("[[ignore]]\nid = 'CVE-1'\nuntil = 2025-01-01", "a reason"),
        ("[[ignore]]\nreason = 'no'\nuntil = 2025-01-01", "an id"),
        ("[[ignore]]\nid = 'CVE-1'\nreason = 'no'", "an end"),
        ("[[ignore]]\nid = 'CVE-1'\nreason = 'no'\nuntil = 'soon'", "must be a day"),
        ("[[ignore]]\nid = 'CVE-1'\nreason = 'no'\nuntill = 2025-01-01", "unknown name"),
        ("[[ignore]]\nid = 'CVE-1'\nreason = ' '\nuntil = 2025-01-01", "must be a text"),
    ],
)
def test_what_cannot_be_used_names_its_place(text: str, said: str) -> None:
    """With the file, and the number in the list."""
    with pytest.raises(ConfigError, match=said) as raised:
        parsed(text)
    assert "perfctl.toml: deps.ignore" in raised.value.message


def test_any_name_of_a_flaw_does() -> None:
    """Its CVE, GHSA or PYSEC, in whichever case; of that package only."""
    release = Release(JINJA, Version("3.1.2"))
    records = feed.ask_database(DATA, [release]).known[release]
    found = vulnerabilities_of(*release, [record.advisory for record in records])
    flaw = next(v for v in found if v.id == "CVE-2024-22195")
    other = canonicalize_name("other")
    for name in ("CVE-2024-22195", "ghsa-h5c8-rqwp-cp95"):
        assert ignore_of([Ignore(name, JINJA, "no", 1)], JINJA, flaw)
        assert not ignore_of([Ignore(name, other, "no", 1)], JINJA, flaw)
    shorter, longer = Ignore(flaw.id, None, "a", 1), Ignore(flaw.id, None, "b", 2)
    assert ignore_of([shorter, longer], JINJA, flaw) == longer
