"""What README and SECURITY.md promise: what is pasted records, what is secret stays out, nothing is sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.conftest import Run, environment
from tests.docs.pages import README, blocks

CANARY = "canary7f3a9c"
_SITE = f"""
import django, sys
from pathlib import Path
from django.conf import settings

BASE_DIR = Path(sys.argv[1])
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
exec(sys.argv[2])
own = {{name: value for name, value in globals().items() if name.isupper()}}
settings.configure(
    **own, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="{CANARY}-key", USE_TZ=True,
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
)
django.setup()

from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import path

def look(request, word):
    list(User.objects.filter(username=request.POST["name"], email__contains="{CANARY}-sql"))
    cache.set("{CANARY}key", "{CANARY}-value")
    cache.set("item:{CANARY}", "{CANARY}-value")
    cache.set("{CANARY}:item", "{CANARY}-value")
    request.session["x"] = "{CANARY}-session"
    if request.GET["q"].endswith("fail"):
        raise ValueError("{CANARY}-message")
    return HttpResponse("{CANARY}-answer")

urlpatterns = [path("look/<str:word>/", look)]
call_command("migrate", verbosity=0)
call_command("check", verbosity=0, fail_level="WARNING")
client = Client(raise_request_exception=False, headers={{
    "user-agent": "Mozilla/5.0 (X11; {CANARY}) Firefox/121.0", "authorization": "Bearer {CANARY}",
    "referer": "https://example.org/{CANARY}", "x-request-id": "{CANARY}-given"}})
client.cookies["c"] = "{CANARY}-cookie"
for query in ("{CANARY}", "{CANARY}fail"):
    client.post(f"/look/{CANARY}/?q={{query}}", {{"name": "{CANARY}-body"}})
client.get("/{CANARY}/nowhere")
"""


@pytest.fixture
def recorded(project: Path) -> Path:
    """The folder of a project with the README's settings, after three requests full of secrets."""
    folder = project.parent / "site"
    folder.mkdir()
    settings, *_ = blocks(README, "python")
    subprocess.run(
        [sys.executable, "-c", _SITE, str(folder), settings],
        check=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )
    return folder


def test_what_the_readme_says_to_paste_records(recorded: Path, perfctl: Run) -> None:
    """Without a complaint of `manage.py check`; the store is where the README says."""
    store = recorded / ".perfctl" / "perfctl.db"
    done = perfctl("--db", str(store), "requests", "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["data"]["requests"]
    assert sorted((row["route"], row["status"]) for row in found) == [
        ("(unmatched)", 404),
        ("/look/<str:word>/", 200),
        ("/look/<str:word>/", 500),
    ]
    assert {row["release"] for row in found} == {"2026.11.1"}
    assert all(row["queries"] for row in found if row["route"] != "(unmatched)")


def test_what_is_secret_is_in_no_file(recorded: Path, perfctl: Run) -> None:
    """Neither in the spool nor in the store, whatever part of a request it came in."""
    folder = recorded / ".perfctl"
    assert any(folder.rglob("*.spool/*.spool"))
    before = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    perfctl("--db", str(folder / "perfctl.db"), "collect", "-q")
    after = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"/look/<str:word>/" in before
    assert b"/look/<str:word>/" in after
    assert b"ValueError" in after
    assert CANARY.encode() not in before + after


_WATCHED = """
import sys
def watch(event, arguments):
    if event.startswith("socket.") and event != "socket.gethostname":
        print("OPENED", event, arguments, file=sys.stderr)
sys.addaudithook(watch)
from perfctl.cli import main
main()
"""


@pytest.mark.parametrize("verb", ["collect", "health", "endpoints", "summary", "doctor", "db info"])
def test_no_socket_is_opened(verb: str, project: Path) -> None:
    """Nothing listens and nothing is sent."""
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, *verb.split()],
        capture_output=True,
        text=True,
        cwd=project,
        env=environment(project),
        check=False,
    )
    assert done.returncode in (0, 1, 3), done.stderr  # doctor: 3 where there is no store yet
    assert done.stdout
    assert "OPENED" not in done.stderr


def test_a_socket_would_be_seen() -> None:
    """The watch above is one that barks."""
    watch = _WATCHED.partition("from perfctl")[0] + "import socket; socket.socket()"
    done = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True, check=True)
    assert "OPENED socket.__new__" in done.stderr


def test_the_version_is_what_security_says(perfctl: Run) -> None:
    """Name and number, which is that of the package."""
    from importlib.metadata import version

    assert perfctl("--version").stdout == f"perfctl {version('perfctl')}\n"
