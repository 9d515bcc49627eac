"""Places that other users can reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.other_users import Elsewhere, open_place


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """A place that other users can reach."""
    with open_place() as place:
        yield place
