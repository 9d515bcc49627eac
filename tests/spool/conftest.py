"""Where spools of tests lie."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.spool.spools import Clock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spool folder that is still to be made."""
    return tmp_path / "perfctl.db.spool"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can reach, outside of pytest's."""
    path = Path(tempfile.mkdtemp(prefix="perfctl-spool-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def clock() -> Clock:
    """A clock that moves when told to."""
    return Clock()


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The usual umask, and the two extremes."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)
