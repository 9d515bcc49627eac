"""What all tests of dependencies share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services that fail are asked again at once."""
    monkeypatch.setattr("perfctl.deps.http.PAUSE_S", 0.001)
