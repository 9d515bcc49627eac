"""Machines as their /proc and /sys were recorded."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.other_users import Elsewhere, open_place

DATA = Path(__file__).with_name("data")


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str], str]:
    """The root of a copy of a recorded machine, to be changed at will."""

    def copy(name: str) -> str:
        shutil.copytree(DATA / name, tmp_path / name)
        return str(tmp_path / name)

    return copy


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """A place that other users can reach."""
    with open_place() as place:
        yield place
