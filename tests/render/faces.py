"""The texts that `expected/` keeps; `python -m tests.render.faces` writes them anew, to be read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from perfctl.answers.answer import Answer
from perfctl.render.face import show
from tests.render import samples

EXPECTED = Path(__file__).parent / "expected"
ANSWERS: dict[str, Callable[[], Answer]] = {
    "health": samples.health,
    "health_idle": samples.idle,
    "summary": samples.summary,
    "summary_calm": lambda: samples.summary(errors=[], alerts=[]),
    "endpoints": samples.endpoints,
    "endpoint": lambda: samples.answer(
        "endpoints", {"endpoints": [samples.endpoint()]} | samples.spans()
    ),
    "requests": samples.requests,
    "database": samples.database,
    "cache": samples.caches,
    "doctor": samples.doctor,
    "db_info": samples.db_info,
    "db_check": samples.db_check,
    "config": samples.settings,
    "query": samples.queried,
    "query_views": samples.views,
}
WIDTHS = (80, 120, None)


def text(name: str, width: int | None) -> str:
    """One answer as its table at a width; None is a pipe."""
    console = samples.console(width)
    found = ANSWERS[name]()
    return show(found, console, "table", store=samples.STORE, limit=None, now_ms=samples.NOW_MS)


def file(name: str, width: int | None) -> Path:
    """Where its expected text is kept."""
    return EXPECTED / f"{name}-{width or 'pipe'}.txt"


if __name__ == "__main__":
    os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
    time.tzset()
    for each in ANSWERS:
        for cells in WIDTHS:
            file(each, cells).write_text(text(each, cells) + "\n", encoding="utf-8")
