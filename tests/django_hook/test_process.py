"""What belongs to one process, and where there is no such thing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
