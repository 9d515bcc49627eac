"""Which release one could move to: what pip would install, and what kind of move it is."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.tags import Tag
from packaging.version import Version

from perfctl.deps.releases import File, Interpreter, Page, Standing, standing, update_type

LINUX = Interpreter(
    "3.11.7", frozenset({Tag("py3", "none", "any"), Tag("cp311", "cp311", "manylinux_2_17_x86_64")})
)


def wheel(version: str, tags: str = "py3-none-any", **said: Any) -> File:
    """A wheel of demo."""
    return File(f"demo-{version}-{tags}.whl", **said)


def sdist(version: str, **said: Any) -> File:
    """A source distribution of demo."""
    return File(f"demo-{version}.tar.gz", **said)


def stands(installed: str, *files: File, before_ms: int | None = None) -> Standing:
    """Where demo stands."""
    return standing(Page(files), Version(installed), LINUX, before_ms)


@pytest.mark.parametrize(
    ("installed", "newer", "kind"),
    [
        ("1.2.3", "2.0", "MAJOR"),
        ("1.2.3", "1.3", "MINOR"),
        ("1.2.3", "1.2.4", "PATCH"),
        ("1.2", "1.2.1", "PATCH"),
        ("1", "1.1", "MINOR"),
        ("1.2.3", "1.2.3.1", "PATCH"),
        ("1.2.3", "1.2.3.post1", "PATCH"),
        ("1.2.3rc1", "1.2.3", "PATCH"),
        ("2024.1", "1!1.0", "MAJOR"),
        ("2024.1", "2025.1", "MAJOR"),
        ("0.4.4", "0.5.0", "MINOR"),
    ],
)
def test_the_kind_of_a_move(installed: str, newer: str, kind: str) -> None:
    """The first release segment that differs, padded to three; epochs first."""
    assert update_type(Version(installed), Version(newer)) == kind


@pytest.mark.parametrize(
    ("installed", "files", "latest", "held_back"),
    [
        ("1.0", [wheel("1.0"), wheel("1.1")], "1.1", None),
        ("1.1", [wheel("1.0"), wheel("1.1")], None, None),
        ("1.0", [wheel("1.1rc1"), wheel("1.0")], None, None),
        ("1.1rc1", [wheel("1.1rc2"), wheel("1.0")], "1.1rc2", None),
        ("1.1rc1", [wheel("1.1")], "1.1", None),
        ("1.0", [wheel("2.0", requires_python=">=3.12"), wheel("1.1")], "1.1", "2.0"),
        ("1.0", [wheel("2.0", requires_python="nonsense")], "2.0", None),
        ("1.0", [wheel("2.0", "cp311-cp311-win_amd64"), wheel("1.1")], "1.1", "2.0"),
        ("1.0", [wheel("2.0", "cp311-cp311-win_amd64"), sdist("2.0")], "2.0", None),
        ("1.0", [wheel("2.0", yanked=""), wheel("1.1")], "1.1", None),
        ("1.0", [wheel("1!0.1")], "1!0.1", None),
        ("2.1+cpu", [wheel("2.1"), wheel("2.2")], "2.2", None),
        ("2.1+cpu", [wheel("2.1")], None, None),
        ("1.0.post1", [wheel("1.0"), wheel("1.0.post2")], "1.0.post2", None),
        ("1.2.3.4", [wheel("1.2.3.5")], "1.2.3.5", None),
        ("1.0", [File("demo-1.1.exe"), File("demo-x.tar.gz"), File("demo-1.2.egg")], None, None),
        ("1.0", [sdist("1.1"), File("demo-1.2.zip")], "1.2", None),
    ],
)
def test_the_newest_that_fits(
    installed: str, files: list[File], latest: str | None, held_back: str | None
) -> None:
    """As pip would choose, and what is newer still but does not fit."""
    found = stands(installed, *files)
    assert (found.latest and str(found.latest)) == latest
    assert (found.held_back and str(found.held_back)) == held_back


def test_an_installed_version_that_was_yanked() -> None:
    """With its reason; one of its files that stands is enough for it to stand."""
    assert stands("1.0", wheel("1.0", yanked="leaks")).yanked == "leaks"
    assert stands("1.0", wheel("1.0", yanked="")).yanked == ""
    assert stands("1.0", wheel("1.0", yanked="leaks"), sdist("1.0")).yanked is None
    assert stands("1.0", wheel("2.0", yanked="leaks")).yanked is None


def test_a_release_that_is_too_young() -> None:
    """Cooldown: the newest of those that lay there long enough; without a time it counts as old."""
    files = [wheel("1.2", uploaded_ms=2000), wheel("1.1", uploaded_ms=1000)]
    found = stands("1.0", *files, before_ms=1500)
    assert (found.latest, found.held_back) == (Version("1.1"), Version("1.2"))
    assert stands("1.0", wheel("1.1"), before_ms=1500).latest == Version("1.1")
