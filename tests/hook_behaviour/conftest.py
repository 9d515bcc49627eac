"""A project for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .site import Site, Zygote, zygote


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """What starts the projects' processes."""
    with zygote(tmp_path_factory.mktemp("bytecode")) as started:
        yield started


@pytest.fixture
def site(starter: Zygote, tmp_path: Path) -> Site:
    """A project that the test writes."""
    return Site(starter, tmp_path)


@pytest.fixture(scope="module")
def shared_site(starter: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A project that the tests of a module share: run once by a fixture there."""
    return Site(starter, tmp_path_factory.mktemp("site"))
