"""Changes many rows in short transactions, so that no other writer waits long."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from perfctl.store import pruning, upkeep
from perfctl.store.connection import transaction, writing
from perfctl.store.pruning import Chunk

PAUSE_S = 0.015
"""Longer than a writer that waits for the lock sleeps between two looks: it gets its turn."""
_GOAL_S = 0.03
_FIRST_ROWS = 250
_LEAST_ROWS = 100

Act = Callable[[sqlite3.Connection, int, int], Chunk]
"""What to do with some rows: connection, id to begin at, how many rows to look at."""


class Pace:
    """How many rows to take at once: as many as hold the lock for a short while."""

    def __init__(self) -> None:
        self.rows = min(_FIRST_ROWS, pruning.CHUNK_ROWS)

    def note(self, took_s: float) -> None:
        """Take fewer at once where a chunk took long, and up to twice as many where it did not."""
        fitting = int(self.rows * min(2, _GOAL_S / max(took_s, 1e-6)))
        self.rows = min(max(fitting, _LEAST_ROWS), pruning.CHUNK_ROWS)


class Budget:
    """How long the work may take in all; what is left is done the next time."""

    def __init__(self, seconds: float | None = None) -> None:
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self.is_spent = False
        """Whether something was left."""

    def has_more(self) -> bool:
        """Whether there is time to go on; to be asked only where there is something to do."""
        self.is_spent = self._deadline is not None and time.monotonic() >= self._deadline
        return not self.is_spent


def in_chunks(store: Path, act: Act, budget: Budget | None = None) -> int:
    """Let `act` go on to its end, a transaction a chunk; how many rows it changed.

    The lock is given up between chunks: a drain or an acknowledgement goes first.
    """
    pace = Pace()
    total, begin = 0, 0
    while True:
        with writing(store) as con:
            begun = time.monotonic()
            with transaction(con):
                chunk = act(con, begin, pace.rows)
            pace.note(time.monotonic() - begun)
        if chunk.rows:
            time.sleep(PAUSE_S)
        total += chunk.rows
        if chunk.next_id is None or not (budget is None or budget.has_more()):
            return total
        begin = chunk.next_id


def give_back(store: Path, kept: int) -> None:
    """Give free pages back to the file system, but for so many that stay in the file."""
    left: int | None = None
    while True:
        with writing(store) as con:
            free = pruning.give_back(con)
            if free <= kept or free == left:
                upkeep.checkpoint(con)
                return
        left = free
        time.sleep(PAUSE_S)
