"""The vault, for the tests of the example."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .site import Site, running


@pytest.fixture(scope="session")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The seeded site in a process of its own."""
    with running(tmp_path_factory.mktemp("site") / "vault.db") as site:
        yield site
