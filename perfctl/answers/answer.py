"""What every answer carries besides its data: the window it used, and on what it stands."""

import sqlite3
from typing import Any, NamedTuple

from perfctl.model import Coverage, Filters, Window
from perfctl.store import counters, origins, requests


class Answer(NamedTuple):
    """One answer, whichever face shows it."""

    command: str
    """Names the schema: `perfctl.<command>/1`."""
    window: Window | None
    """The window really used: its edges are those of the finest cells kept."""
    coverage: Coverage
    data: Any
    """The keys of DESIGN §8, as NamedTuples, frozen dataclasses, dicts and lists."""
    warnings: tuple[str, ...] = ()


class Question(NamedTuple):
    """What every question needs: the store, when it is asked, and about what."""

    con: sqlite3.Connection
    now_ms: int
    window: Window
    filters: Filters = Filters()
    pending_bytes: int = 0
    warnings: tuple[str, ...] = ()


def coverage(question: Question, samples: int) -> Coverage:
    """On what an answer of so many samples stands."""
    newest_ms = requests.newest_ms(question.con)
    age_s = None if newest_ms is None else max(0, question.now_ms - newest_ms) / 1000
    return Coverage(
        samples,
        tuple(origins.hosts(question.con)),
        counters.dropped(question.con),
        question.pending_bytes,
        age_s,
    )


def answer(
    question: Question,
    command: str,
    data: Any,
    samples: int,
    window: Window | None = None,
    warnings: tuple[str, ...] = (),
) -> Answer:
    """An answer to a question, with its coverage."""
    return Answer(
        command,
        window or question.window,
        coverage(question, samples),
        data,
        question.warnings + warnings,
    )


def has_requests(con: sqlite3.Connection) -> bool:
    """Whether the store ever held a request; one of the project's tests is none."""
    return requests.newest_ms(con) is not None and origins.has_live(con)
