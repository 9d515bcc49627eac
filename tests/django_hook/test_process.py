"""What belongs to one process, and where there is no such thing."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.django_hook.recorded import Recorded

ROOT = Path(__file__).parents[2]

_ON_WINDOWS = """
import logging, os, sys
for name in ("fcntl", "pwd", "grp", "resource"):
    sys.modules[name] = None
for name in ("sysconf", "pread", "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "geteuid", "fork"):
    delattr(os, name)
del os.register_at_fork

from django.conf import settings
settings.configure(
    SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], BASE_DIR=sys.argv[1],
    MIDDLEWARE=["django_hook.middleware." + name for name in (
        "PerformanceMonitoringMiddleware", "DatabaseQueryMonitoringMiddleware",
        "APIPerformanceMiddleware", "CachePerformanceMiddleware")],
)
import django
django.setup()
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("plain"))]
from django.test import Client
logging.basicConfig(format="%(message)s")
print(Client().get("/").content.decode())
"""


def test_without_locks_nothing_is_recorded(tmp_path: Path) -> None:
    """On a system like Windows the project runs, and one warning says that nothing is recorded."""
    command = [sys.executable, "-c", _ON_WINDOWS, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "plain\n", done.stderr
    assert done.stderr == "perfctl records nothing: this system has no fcntl\n"
    assert list(tmp_path.iterdir()) == []


def _untold_fork() -> int:
    """A fork that Python does not hear of, as uWSGI does it."""
    return int(ctypes.PyDLL(None).fork())


@pytest.mark.parametrize("fork", [os.fork, _untold_fork])
def test_a_fork_begins_anew(recorded: Recorded, fork: Callable[[], int]) -> None:
    """The child draws ids of its own and reads its own memory, also where Python was not told."""
    recorded.get("/plain/")
    child = fork()
    if not child:
        try:
            recorded.get("/plain/")
            held = bytearray(os.urandom(1 << 20) * 100)
            recorded.get("/plain/")
            os._exit(0 if held else 1)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    recorded.get("/plain/")
    requests = sorted(recorded.requests, key=lambda request: request.started_ms)
    assert len({request.request_id for request in requests}) == 4
    # Of the child alone: a system that takes cold pages back does so from the parent meanwhile.
    before, after = requests[1].rss_kib, requests[2].rss_kib
    assert before is not None
    assert (after or 0) > before + 50_000
