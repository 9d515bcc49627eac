"""What all questions share: one state of the store, whatever is brought in meanwhile."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from perfctl import ingest, session, settings
from perfctl.options import Options
from tests import segments
from tests.render import samples


@pytest.mark.parametrize(("is_snapshot", "counts"), [(True, [1, 1]), (False, [1, 2])])
def test_a_question_is_about_one_state(store: Path, is_snapshot: bool, counts: list[int]) -> None:
    """What a drain brings in meanwhile is of the next one; what deletes rows sees all as it goes."""
    now_ms = int(time.time() * 1000)
    segments.write(store, [segments.request(now_ms)])
    located = settings.find_store(str(store), {}, store.parent)
    loaded = settings.load_config(None, {}, store.parent, store=located)
    asked = session.Session(samples.console(80), Options(), located, loaded, now_ms)

    with session.asking(asked, is_snapshot=is_snapshot) as question:
        seen = [_count(question.con)]
        segments.write(store, [segments.request(now_ms)])
        ingest.drain(store, now_ms)
        seen.append(_count(question.con))

    assert seen == counts


def _count(con: sqlite3.Connection) -> int:
    return int(con.execute("SELECT count(*) FROM performance_metric").fetchone()[0])
