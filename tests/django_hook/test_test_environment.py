"""Under a project's own tests the hook is off, unless the environment names a store for them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.django_hook.recorded import read_segment

ROOT = Path(__file__).parents[2]

SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).parent
SECRET_KEY = "x" * 50
ROOT_URLCONF = "urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
MIDDLEWARE = ["django_hook.middleware.PerformanceMonitoringMiddleware"]
USE_TZ = True
STATIC_URL = "/static/"
"""
URLS = """
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("page/", lambda request: HttpResponse(b"ok"))]
"""
TESTS = """
from django.test import LiveServerTestCase, TestCase
import urllib.request

class PageTest(TestCase):
    def test_page(self):
        assert self.client.get("/page/").content == b"ok"

class LiveTest(LiveServerTestCase):
    def test_live(self):
        assert urllib.request.urlopen(self.live_server_url + "/page/").read() == b"ok"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with tests."""
    for name, text in (("settings", SETTINGS), ("urls", URLS), ("test_pages", TESTS)):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
    return tmp_path


def run_tests(project: Path, **environ: str) -> None:
    """Run the project's tests under Django's runner."""
    subprocess.run(
        [sys.executable, "-m", "django", "test", "--settings=settings"],
        cwd=project,
        env={"PYTHONPATH": f"{project}:{ROOT}", "PATH": "/usr/bin:/bin", **environ},
        check=True,
        capture_output=True,
    )


def test_tests_record_nothing(project: Path) -> None:
    """No record and no folder come of a project's tests."""
    run_tests(project)
    assert not (project / ".perfctl").exists()


def test_tests_record_where_they_are_told(project: Path) -> None:
    """With PERFCTL_TEST_DB each request is recorded with the test that made it."""
    run_tests(project, PERFCTL_TEST_DB=str(project / "tests.db"))
    assert not (project / ".perfctl").exists()
    records = [
        record
        for segment in (project / "tests.db.spool").iterdir()
        for record in read_segment(segment)
    ]
    assert {record[7] for record in records if record[0] == "perfctl"} == {"test"}
    assert {record[20] for record in records if record[0] == "r"} == {
        "test_pages.PageTest.test_page",
        "test_pages.LiveTest.test_live",
    }


def test_pytest_names_the_test(project: Path) -> None:
    """Under pytest the test's id is pytest's, without its phase."""
    run_tests(
        project,
        PERFCTL_TEST_DB=str(project / "tests.db"),
        PYTEST_CURRENT_TEST="test_pages.py::test_a[x (y)] (call)",
    )
    records = [
        record
        for segment in (project / "tests.db.spool").iterdir()
        for record in read_segment(segment)
        if record[0] == "r"
    ]
    assert {record[20] for record in records} == {"test_pages.py::test_a[x (y)]"}


def test_the_first_records_tell_what_the_tests_run_on(project: Path) -> None:
    """Each process counts itself once, under its Python, its Django and its databases."""
    import platform

    import django

    run_tests(project, PERFCTL_TEST_DB=str(project / "tests.db"))
    counted = [
        record[1:]
        for segment in (project / "tests.db.spool").iterdir()
        for record in read_segment(segment)
        if record[0] == "c"
    ]
    assert sorted(counted) == [
        ["runtime:database=sqlite", 1],
        [f"runtime:django={django.get_version()}", 1],
        [f"runtime:python={platform.python_version()}", 1],
    ]
