"""Somebody's own SQL: read-only, and bounded in time."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfctl.errors import EnvironmentFault, UsageError
from perfctl.store import sql
from perfctl.store.connection import reading

_ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
)


@pytest.mark.parametrize("statement", _ENDLESS)
def test_a_statement_without_end_is_ended(store: Path, statement: str) -> None:
    """While it computes, and while its rows are fetched."""
    with reading(store) as con, pytest.raises(EnvironmentFault, match=r"longer than 0\.2 s"):
        sql.run(con, statement, 0.2)


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """Hypothesis has a callback in it, in which an interrupt would be lost."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("statement", _ENDLESS)
def test_an_interrupt_is_not_taken_for_the_limit(store: Path, statement: str) -> None:
    """SQLite says the same of both: where time is left, it was somebody's Ctrl-C."""
    interrupt = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    with reading(store) as con, pytest.raises(KeyboardInterrupt):
        sql.run(con, statement, 60.0)


def test_a_value_may_not_grow_for_long(store: Path) -> None:
    """A function works on one value without being interrupted."""
    with reading(store) as con:
        with pytest.raises(UsageError, match="too big"):
            sql.run(con, "SELECT length(replace(hex(zeroblob(100000000)), '0', 'ab'))", 1.0)
        assert sql.run(con, "SELECT length(zeroblob(1000))", 1.0).rows == [(1000,)]
