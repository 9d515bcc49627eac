"""All that the middlewares need is loaded at start, and no more than Django and the standard library."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROJECT = """
import json, sys, types
settings = types.ModuleType("project_settings")
settings.__dict__.update(
    SECRET_KEY="x" * 50, ALLOWED_HOSTS=["*"], ROOT_URLCONF="project_settings", USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    MIDDLEWARE=["django_hook.middleware." + name for name in (
        "PerformanceMonitoringMiddleware", "DatabaseQueryMonitoringMiddleware",
        "APIPerformanceMiddleware", "CachePerformanceMiddleware")],
    PERFCTL={"DB": sys.argv[1], "ERROR_MESSAGES": "redacted", "HASH_USERS": True},
)
sys.modules["project_settings"] = settings

import django
from django.conf import settings as configured
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "project_settings"
django.setup()

from django.core.cache import cache
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path

before = set(sys.modules)
handler = WSGIHandler()
started = set(sys.modules)

def busy(request):
    cache.get_or_set("a:1", 1)
    for i in range(9):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s", [i])
    return HttpResponse()

def broken(request):
    raise ValueError("no")

settings.urlpatterns = [
    path("busy/", busy),
    path("broken/", broken),
    path("stream/", lambda request: StreamingHttpResponse([b"x"])),
]
client = Client(raise_request_exception=False)
for page in ("/busy/", "/broken/", "/stream/", "/none/"):
    b"".join(client.get(page))
print(json.dumps({
    "later": sorted(name for name in set(sys.modules) - started
                    if name.partition(".")[0] in ("perfctl", "django_hook")),
    "foreign": sorted(name for name in started - before
                      if name.partition(".")[0] not in sys.stdlib_module_names
                      and name.partition(".")[0] not in ("perfctl", "django_hook", "django", "asgiref")),
}))
"""


def test_loaded_at_start(tmp_path: Path) -> None:
    """A package that is replaced under a running worker does not mix old and new code."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROJECT), str(tmp_path / "p.db")],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout) == {"later": [], "foreign": []}
