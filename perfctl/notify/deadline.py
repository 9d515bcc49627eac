"""Bounds how long something may take, whatever it waits for: a name server, a line that never ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future


def within(limit_s: float, name: str, act: Callable[[], None]) -> None:
    """Wait so long for `act`; TimeoutError after that, and as long as it still has not ended.

    The timeout of a socket bounds one wait and not their sum, and does not bound the search for an
    address. So `act` has a thread of its own, called `name`; one that is late is left to itself, and
    ends with the process if not before.
    """
    if any(thread.name == name for thread in threading.enumerate()):
        raise TimeoutError("the try before has not ended yet")
    done: Future[None] = Future()
    threading.Thread(target=_settle, args=(done, act), name=name, daemon=True).start()
    try:
        done.result(limit_s)
    except TimeoutError:
        if done.done():
            raise
        raise TimeoutError(f"no end after {limit_s:g} s") from None


def _settle(done: Future[None], act: Callable[[], None]) -> None:
    try:
        act()
    except BaseException as exc:  # it is raised again where it is waited for
        done.set_exception(exc)
    else:
        done.set_result(None)
