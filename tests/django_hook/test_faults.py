"""The hook's own failures: never the request's."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from django_hook import caching, faults, hook
from perfctl.recording import nplus1
from tests.django_hook.recorded import Recorded


def fail(*args: object, **kwargs: object) -> None:
    """A fault of the hook's."""
    raise RuntimeError("a fault of the hook")


@pytest.fixture(autouse=True)
def _forget() -> None:
    """Each place logs its first failure: begin anew."""
    faults._told.clear()


@pytest.mark.parametrize(
    ("path", "module", "name", "counter"),
    [
        ("/queries/", nplus1, "Tally", "hook:query"),
        ("/caching/", caching, "use_of", "hook:cache"),
        ("/plain/", hook, "loaded_user", None),
        ("/plain/", hook, "encode_request", "hook:finish"),
        ("/queries/", hook, "findings", "hook:record"),
        ("/broken/", hook, "encode_failure", "hook:record"),
        ("/plain/", hook, "time", "hook:begin"),
    ],
)
def test_a_fault_is_counted_and_the_request_answered(
    recorded: Recorded,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    module: object,
    name: str,
    counter: str | None,
) -> None:
    """Wherever the hook fails, the answer is the same, and the failure is counted."""
    expected = recorded.get(path)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, fail)
        answered = recorded.get(path)
    assert (answered.status_code, answered.content) == (expected.status_code, expected.content)
    recorded.get("/plain/")
    assert set(recorded.counters) == ({counter} if counter else set())


def test_the_first_fault_of_a_place_is_logged(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line with a traceback, not one a request."""
    monkeypatch.setattr(nplus1, "Tally", fail)
    recorded.get("/queries/")
    recorded.get("/queries/")
    (line,) = [r for r in caplog.records if r.name == "django_hook"]
    assert line.exc_info is not None
    assert "the request is not affected" in line.getMessage()


def test_a_failing_query_is_the_projects(recorded: Recorded) -> None:
    """A statement that the database refuses is counted as a query, and is no fault of the hook."""
    recorded.get("/failing_query/")
    assert recorded.only.queries == 1
    assert recorded.counters == {}


def test_a_cache_that_fails_is_the_projects(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception of a backend goes to the project as it would without the hook."""
    monkeypatch.setattr(type(cache._connections["default"]), "make_and_validate_key", fail)
    assert recorded.get("/caching/").status_code == 500
    assert recorded.errors[0].type == "RuntimeError"
