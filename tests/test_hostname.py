"""Which host records are of."""

from __future__ import annotations

import pytest

from perfctl.hostname import name_host

SHORT = "3f2a9c01de45"
LONG = SHORT * 5 + "beef"


@pytest.mark.parametrize(
    ("configured", "machine", "named"),
    [
        ("", "web-1.example.com", ("web-1.example.com", None)),
        ("front", "web-1", ("front", None)),
        (" front ", "web-1", ("front", None)),
        ("", SHORT, ("local", SHORT)),
        ("", LONG, ("local", LONG)),
        ("front", SHORT, ("front", SHORT)),
        (SHORT, "web-1", ("local", SHORT)),
        ("", "3f2a9c01de4", ("3f2a9c01de4", None)),
        ("", "3f2a9c01de4g", ("3f2a9c01de4g", None)),
        ("", "", ("local", None)),
    ],
)
def test_a_container_is_an_instance_of_a_host(
    configured: str, machine: str, named: tuple[str, str | None]
) -> None:
    """12 or 64 hex digits are a container's id; each start would else be a host of its own."""
    assert name_host(configured, machine) == named
