"""The hook's own failures: swallowed, counted, and named by `perfctl doctor`."""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger("django_hook")

PENDING: dict[str, int] = {}
"""Counted and not yet in the spool."""

_told: set[str] = set()


def count(where: str) -> None:
    """Count the exception being handled; the first of each place is logged with its traceback."""
    PENDING[f"hook:{where}"] = PENDING.get(f"hook:{where}", 0) + 1
    if where not in _told:
        _told.add(where)
        logger.warning("perfctl failed in %s; the request is not affected", where, exc_info=True)


def hand_over(to: Callable[[str, int], None]) -> None:
    """Pass on what is pending."""
    for name in list(PENDING):
        n = PENDING.pop(name, 0)
        if n:
            to(name, n)
