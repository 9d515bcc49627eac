"""Places that other users can reach."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from other_users import Elsewhere


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """Outside of pytest's folder, which only its owner can enter."""
    folder = Path(tempfile.mkdtemp(prefix="perfctl-test-"))
    yield Elsewhere(folder)
    shutil.rmtree(folder)
