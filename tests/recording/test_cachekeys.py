"""Which part of a cache key may be shown."""

from __future__ import annotations

import pytest

from perfctl.recording.cachekeys import KeyNames


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("page:1", "page"),
        ("views.decorators.cache:x:y", "views.decorators.cache"),
        ("a1:2", "(other)"),
        ("eyJhbGciOi", "(other)"),
        (":1", "(other)"),
        ("", "(other)"),
        ("x" * 41 + ":1", "(other)"),
        ("x" * 40 + ":1", "x" * 40),
        ("page 1:2", "(other)"),
        (5, "(other)"),
        (None, "(other)"),
    ],
)
def test_prefix(key: object, prefix: str) -> None:
    """What stands before the first colon, if it reads like a name."""
    assert KeyNames("default").cell_of(key) == ("default", prefix)


def test_prefixes_are_bounded() -> None:
    """200 of a cache; what comes later shares one."""
    names = KeyNames("default")
    letters = "abcdefghijklmnopqrstuvwxyz"
    found = {names.cell_of(f"{a}{b}:1") for a in letters for b in letters}
    assert len(found) == 201
    assert names.cell_of("aa:2") == ("default", "aa")
