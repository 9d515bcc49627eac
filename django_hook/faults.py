"""The hook's own failures: swallowed, counted, and named by `perfctl doctor`."""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger("django_hook")

_pending: dict[str, int] = {}
_counts: list[Callable[[str, int], None]] = []
_told: set[str] = set()


def count(where: str, *, may_log: bool = True) -> None:
    """Count the exception being handled; the first of each place is logged with its traceback.

    A finaliser may not log: it may run inside a lock of the logging that it would wait for.
    """
    name = f"hook:{where}"
    if _counts:
        _counts[-1](name, 1)
    else:
        _pending[name] = _pending.get(name, 0) + 1
    if may_log and where not in _told:
        _told.add(where)
        logger.warning("perfctl failed in %s; the request is not affected", where, exc_info=True)


def count_with(count: Callable[[str, int], None]) -> None:
    """Hand all counts to a spool's writer: those so far, and those to come."""
    _counts[:] = [count]
    while _pending:
        count(*_pending.popitem())
