"""Copied beside the suite as its conftest.py: Django's test set-up, another order, a share of the tests.

`SHUFFLE=7` reorders as pytest-randomly does, `PART=0/2` takes the share of one of two workers.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import django
import pytest
from django.test.utils import setup_databases, setup_test_environment, teardown_databases


def pytest_configure() -> None:
    """As pytest-django does."""
    django.setup()
    setup_test_environment()


@pytest.fixture(scope="session", autouse=True)
def databases() -> Iterator[None]:
    """One database in memory for the process."""
    made = setup_databases(verbosity=0, interactive=False)
    yield
    teardown_databases(made, verbosity=0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests in another order, or some of them."""
    seed = os.environ.get("SHUFFLE")
    if seed:
        random.Random(seed).shuffle(items)
    mine, _, workers = os.environ.get("PART", "0/1").partition("/")
    items[:] = items[int(mine) :: int(workers)]
