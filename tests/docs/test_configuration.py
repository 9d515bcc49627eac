"""docs/configuration.md names every setting with its default, and no other."""

from __future__ import annotations

import re
import tomllib

from perfctl import config
from perfctl.thresholds import Thresholds
from tests.docs.pages import ROOT, blocks, rows

PAGE = ROOT / "docs" / "configuration.md"
DEFAULTS = config.describe(config.DEFAULTS)
PLACES = ("alerts_place", "notify_places")
"""Where something was set is no setting."""
KNOWN = tuple(name for name in config.Config._fields if name not in PLACES)


def by_name() -> dict[str, list[str]]:
    """The other cells of each row, by each name in its first cell."""
    found: dict[str, list[str]] = {}
    for first, *cells in rows(PAGE):
        for name in re.findall(r"`(\w+)`", first):
            found.setdefault(name, cells)
    return found


def test_every_threshold_has_its_limits() -> None:
    """As numbers, in the order target, threshold."""
    named = by_name()
    for name, limits in Thresholds()._asdict().items():
        assert [float(cell) for cell in named[name][:2]] == list(limits)


def test_every_retention_has_its_length() -> None:
    """As it would be written."""
    named = by_name()
    lengths = {name: value for name, value in DEFAULTS.items() if name.startswith("retention.")}
    assert len(lengths) == 10
    retention = {
        first.strip("`"): cells[0].strip("`")
        for first, *cells in rows(PAGE)
        if re.fullmatch(r"`\d+[dh]`", cells[0])
    }
    assert retention == {name.removeprefix("retention."): value for name, value in lengths.items()}
    assert named


def test_every_other_name_is_there() -> None:
    """And probes with all of them."""
    named = by_name()
    nested = {"expect_traffic_ms": "expect_traffic", "max_size_bytes": "max_size"}
    for field in KNOWN:
        name = nested.get(field, field)
        assert name in named or f"[{name}" in PAGE.read_text(), name
    assert re.findall(r"\w+", named["probes"][0]) == list(config.DEFAULTS.probes)


def test_the_example_is_read() -> None:
    """Nothing in it is unknown, and it changes what it shows."""
    (example,) = blocks(PAGE, "toml")
    read = config.parse(tomllib.loads(example))
    assert read.thresholds.request_ms == (300, 800)
    assert read.for_route("GET", "/vaults/<int:pk>/backup/").request_ms == (2000, 5000)


def test_every_setting_of_the_hook_is_there() -> None:
    """Of `PERFCTL`, as the hook asks for them."""
    source = (ROOT / "django_hook" / "conf.py").read_text()
    asked = set(re.findall(r'reader\.\w+\("([A-Z_]+)"', source))
    assert len(asked) > 10
    assert asked <= by_name().keys()
    table = (
        PAGE.read_text().split("## PERFCTL in the Django settings")[1].split("## Environment")[0]
    )
    listed = {
        name
        for line in table.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([A-Z_]+)`", line.split("|")[1])
    }
    assert listed == asked
