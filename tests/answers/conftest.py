"""Questions to stores that the tests fill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from perfctl import ingest
from perfctl.answers.answer import Question
from perfctl.model import DAY_MS, Filters, Window
from perfctl.store import connection
from tests import segments
from tests.segments import NOW_MS

Ask = Callable[..., Question]


@pytest.fixture
def ask(store: Path) -> Iterator[Ask]:
    """Ask the store about its last day; `since_ms`, `filters` and `now_ms` can be said."""
    with ExitStack() as opened:

        def question(
            since_ms: int = DAY_MS, filters: Filters | None = None, now_ms: int = NOW_MS
        ) -> Question:
            con = opened.enter_context(connection.reading(store))
            window = Window(now_ms - since_ms, now_ms + 60_000)
            return Question(con, now_ms, window, filters or Filters())

        yield question


@pytest.fixture
def record(store: Path) -> Callable[..., None]:
    """Bring records into the store."""

    def bring(records: list[Any], now_ms: int = NOW_MS, **head: Any) -> None:
        segments.write(store, records, head=segments.header(**head))
        ingest.drain(store, now_ms)

    return bring
