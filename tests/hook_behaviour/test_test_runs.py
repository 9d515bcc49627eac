"""The project's own tests: off by default, with `PERFCTL_TEST_DB` recorded by test."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from . import spooled
from .site import Site, Zygote
from .spooled import Spool

_PAGE = """
    @page("")
    def view(request):
        connection.cursor().execute("SELECT 1")
        return HttpResponse()
"""
_TESTS = (
    _PAGE
    + """
    from django.core.management import call_command
    from django.test import AsyncClient, Client, SimpleTestCase

    class Visits(SimpleTestCase):
        databases = {"default"}

        def test_one(self):
            self.assertEqual(self.client.get("/").status_code, 200)

        def test_many(self):
            for n in range(2):
                with self.subTest(n=n):
                    self.assertEqual(Client().get("/").status_code, 200)

        async def test_async(self):
            self.assertEqual((await self.async_client.get("/")).status_code, 200)

    import unittest
    from django.test.runner import DiscoverRunner

    class Runner(DiscoverRunner):
        def build_suite(self, *args, **kwargs):
            return unittest.defaultTestLoader.loadTestsFromTestCase(Visits)

    tell(Runner(verbosity=0).run_tests([]))
"""
)


def _test_spool(site: Site) -> Spool:
    return spooled.read(site.folder / "elsewhere" / "tests.db.spool")


def test_djangos_test_runner_records_nothing(site: Site) -> None:
    """The project's own store is not touched by its tests: no folder, no record, no log."""
    outcome = site.run(_TESTS)
    assert outcome.told == [0]
    assert outcome.logs == []
    assert list(site.folder.rglob("*.spool")) == []


def test_djangos_test_runner_records_into_perfctl_test_db(site: Site) -> None:
    """With source `test` and the id of the TestCase that runs; never into the project's store."""
    outcome = site.run(_TESTS, env={"PERFCTL_TEST_DB": "tests.db"})
    assert outcome.told == [0]
    spool = _test_spool(site)
    assert {header.source for header in spool.headers} == {"test"}
    assert sorted(r.test or "" for r in spool.requests) == [
        "project.Visits.test_async",
        "project.Visits.test_many",
        "project.Visits.test_many",
        "project.Visits.test_one",
    ]
    assert [r.queries for r in spool.requests] == [1] * 4
    assert not site.spool_folder.exists()


def test_perfctl_test_db_alone_changes_nothing_for_a_server(site: Site) -> None:
    """It is about tests: outside of them records go where they always go."""
    site.run(_PAGE + "    get()\n", env={"PERFCTL_TEST_DB": "tests.db"})
    assert (site.request.test, [h.source for h in site.spool.headers]) == (None, ["live"])
    assert not (site.folder / "elsewhere" / "tests.db.spool").exists()


@pytest.mark.parametrize("test_db", [None, "tests.db"])
def test_pytest_names_its_tests(test_db: str | None, site: Site, starter: Zygote) -> None:
    """As pytest-django sets up: `PYTEST_CURRENT_TEST` without its phase."""
    site.write(_PAGE)
    (site.folder / "test_site.py").write_text(
        """
import pytest
from django.test.utils import setup_test_environment, teardown_test_environment
import project


@pytest.fixture(scope="session", autouse=True)
def environment():
    setup_test_environment()
    yield
    teardown_test_environment()


@pytest.fixture
def visited():
    assert project.get().status == 200


@pytest.mark.parametrize("name", ["a b", "c (d)"])
def test_visit(visited, name):
    assert project.get().status == 200
"""
    )
    from .child import ROOT

    env = {k: v for k, v in starter.env.items() if not k.startswith(("PERFCTL", "PYTEST"))}
    env |= {"PROJECT": str(site.folder), "PYTHONPATH": f"{ROOT}:{site.folder}"}
    env |= {"PERFCTL_TEST_DB": test_db} if test_db else {}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "../test_site.py"]
    run = subprocess.run(
        [*command, "-c", "/dev/null", "--rootdir", str(site.folder)],
        cwd=site.folder / "elsewhere",
        env=env,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    tests = [r.test for r in _test_spool(site).requests]
    names = [f"test_site.py::test_visit[{name}]" for name in ("a b", "c (d)")]
    assert tests == ([name for name in names for _ in range(2)] if test_db else [])
    assert not site.spool_folder.exists()


def test_the_first_request_decides(site: Site) -> None:
    """Handlers are made before the test environment is set up, in a plugin or a settings file."""
    site.run(
        _PAGE
        + """
    from django.test.utils import setup_test_environment
    handler()
    setup_test_environment()
    assert get().status == 200
    """
    )
    assert site.requests == []


def test_importing_the_mail_module_is_no_test(site: Site) -> None:
    """A site that sends mail has `django.core.mail`; only tests have its `outbox`."""
    site.run(_PAGE + "    import django.core.mail\n    get()\n")
    assert len(site.requests) == 1


def _in_tests(site: Site, text: str, **settings: Any) -> Spool:
    site.run(
        "    from django.test.utils import setup_test_environment\n    setup_test_environment()\n"
        + text,
        env={"PERFCTL_TEST_DB": "tests.db"},
        **settings,
    )
    return _test_spool(site)


def test_a_request_of_no_test_has_no_test_id(site: Site) -> None:
    """In a fixture of a session, in a live server's thread before any test."""
    spool = _in_tests(site, _PAGE + "    get()\n")
    assert [(r.test, r.status) for r in spool.requests] == [(None, 200)]


def test_a_live_servers_thread_has_the_id_of_the_running_test(site: Site) -> None:
    """The test runs in the main thread, the request in another."""
    spool = _in_tests(
        site,
        _PAGE
        + """
    import unittest

    class Live(unittest.TestCase):
        def test_visit(self):
            thread = threading.Thread(target=get)
            thread.start()
            thread.join()

    handler()
    assert Live("test_visit").run().wasSuccessful()
    """,
    )
    assert [r.test for r in spool.requests] == ["project.Live.test_visit"]


def test_streams_and_failures_of_tests_have_the_test_id(site: Site) -> None:
    """Whatever ends the request."""
    spool = _in_tests(
        site,
        """
    @page("stream/")
    def stream(request):
        return StreamingHttpResponse(iter([b"x"]))

    @page("fail/")
    def fail(request):
        raise ValueError

    os.environ["PYTEST_CURRENT_TEST"] = "tests/test_a.py::test_b (call)"
    get("/stream/"), get("/fail/")
    """,
    )
    assert [r.test for r in spool.requests] == ["tests/test_a.py::test_b"] * 2
    assert [error.type for error in spool.errors] == ["ValueError"]
