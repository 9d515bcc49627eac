"""Exceptions as error records."""

from __future__ import annotations

import pytest

from perfctl.model import Flag
from tests.django_hook.recorded import Recorded

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0"


@pytest.mark.parametrize("path", ["/broken/", "/broken_async/"])
@pytest.mark.parametrize("way", ["get", "get_async"])
def test_an_unhandled_exception(recorded: Recorded, path: str, way: str) -> None:
    """The type, the project's own frames, and which request it was: nothing of the message."""
    getattr(recorded, way)(path, headers={"User-Agent": FIREFOX})
    (error,) = recorded.errors
    request = recorded.only
    assert request.flags == Flag.ERROR
    assert error.type == "tests.django_hook.site.views.ShopError"
    assert [(file, function) for file, _, function in error.frames] == [
        ("site/views.py", path.strip("/")),
        ("site/views.py", "checkout"),
    ]
    assert (error.method, error.route, error.status) == ("GET", path, 500)
    assert error.request_id == request.request_id
    assert error.message is None
    assert error.agent == "Firefox 121"
    assert not error.handled
    assert b"4111" not in recorded.spooled


def test_message_where_the_project_asks_for_it(recorded: Recorded) -> None:
    """A message is kept only on request, and without what it says about a person."""
    recorded.use(PERFCTL={"ERROR_MESSAGES": "redacted"})
    recorded.get("/broken/")
    assert recorded.errors[0].message == "card […] of […] refused"


def test_an_exception_that_cannot_be_printed(recorded: Recorded) -> None:
    """An exception whose text fails is recorded without one."""
    recorded.use(PERFCTL={"ERROR_MESSAGES": "redacted"})
    recorded.get("/unprintable/")
    assert recorded.errors[0].message is None
    assert recorded.errors[0].type.endswith("Unprintable")


@pytest.mark.parametrize(("path", "status"), [("/missing/", 404), ("/raises_404/", 404)])
def test_client_errors_are_none(recorded: Recorded, path: str, status: int) -> None:
    """A 4xx is the client's."""
    recorded.get(path)
    assert (recorded.only.status, recorded.only.flags) == (status, Flag(0))
    assert recorded.errors == []


def test_a_status_of_the_server(recorded: Recorded) -> None:
    """A 5xx that a view answers is an error without an exception."""
    recorded.get("/server_error/")
    assert recorded.only.flags == Flag.ERROR
    assert recorded.errors == []


def test_marked_by_the_project(recorded: Recorded) -> None:
    """A handled exception is an error where the project says so."""
    recorded.get("/marked/")
    assert (recorded.only.status, recorded.only.flags) == (200, Flag.ERROR)
    (error,) = recorded.errors
    assert error.handled
    assert error.status == 200
    assert [frame[2] for frame in error.frames] == ["marked", "checkout"]


def test_marked_without_an_exception(recorded: Recorded) -> None:
    """A request can be marked as failed without an exception."""
    recorded.get("/marked_without_exception/")
    assert recorded.only.flags == Flag.ERROR
    assert recorded.errors == []


def test_mark_error_outside_of_a_request() -> None:
    """Without a recorded request there is nothing to mark, and nothing fails."""
    from django.test import RequestFactory

    import django_hook

    django_hook.mark_error(RequestFactory().get("/"), ValueError())
