"""Whether the project's tests run, and which of them makes a request."""

from __future__ import annotations

import os
import sys
import threading
import unittest
from types import FrameType


def is_test_environment() -> bool:
    """Whether Django's test runner or pytest-django has set the process up."""
    return hasattr(sys.modules.get("django.core.mail"), "outbox")


def running_test() -> str | None:
    """The id of the test that runs: pytest's, else that of the TestCase on the stack."""
    named = os.environ.get("PYTEST_CURRENT_TEST")
    if named:
        return named.rpartition(" (")[0] or named
    frames = sys._current_frames()
    for thread in (threading.get_ident(), threading.main_thread().ident):
        found = _test_on(frames.get(thread or 0))
        if found is not None:
            return found
    return None


def _test_on(frame: FrameType | None) -> str | None:
    while frame is not None:
        case = frame.f_locals.get("self")
        if isinstance(case, unittest.TestCase):
            return case.id()
        frame = frame.f_back
    return None
