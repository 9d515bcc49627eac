"""Fixtures that the tests of several folders share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perfctl.store import connection


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A new store of its own."""
    path = tmp_path / "perfctl.db"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    connection.create(path)
    return path


@pytest.fixture(autouse=True)
def no_store_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that forgets to name its store must not find the user's."""
    for name in list(os.environ):
        if name.startswith("PERFCTL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", "/nonexistent/perfctl-tests")
