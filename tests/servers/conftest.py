"""The seeded site that every server test starts from."""

from __future__ import annotations

from pathlib import Path

import pytest

from .harness import prepare


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the vault, to be copied."""
    return prepare(tmp_path_factory.mktemp("vault"))
