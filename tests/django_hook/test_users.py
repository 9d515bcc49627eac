"""Whose a request was: only where the project has asked for its user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from tests.django_hook.recorded import HOOK, Recorded

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


@pytest.fixture
def bob() -> Iterator[Any]:
    """A user."""
    user = get_user_model().objects.create_user("bob", pk=4711)
    yield user
    user.delete()


@pytest.fixture
def client(recorded: Recorded, bob: Any) -> Client:
    """Bob, signed in."""
    recorded.use(MIDDLEWARE=[*HOOK, SESSIONS, AUTHENTICATION])
    client = Client()
    client.force_login(bob)
    return client


def test_a_loaded_user(recorded: Recorded, client: Client) -> None:
    """The primary key of the user that the view asked for."""
    client.get("/user/")
    assert recorded.only.user == "4711"


def test_a_user_that_nobody_asked_for(recorded: Recorded, client: Client) -> None:
    """The hook does not load the user: that would be queries of its own."""
    client.get("/plain/")
    assert recorded.only.user is None
    assert recorded.only.queries == 0


def test_an_anonymous_user(recorded: Recorded, client: Client) -> None:
    """Who is not signed in is nobody."""
    Client().get("/user/")
    assert recorded.only.user is None


def test_a_user_set_by_a_view(recorded: Recorded, bob: Any) -> None:
    """A user that a framework puts on the request is one that is loaded."""
    recorded.get("/set_user/")
    assert recorded.only.user == "4711"


if django.VERSION >= (5, 0):

    def test_a_user_loaded_by_an_async_view(recorded: Recorded, client: Client) -> None:
        """The same for `await request.auser()`, which came with Django 5.0."""
        client.get("/auser/")
        assert recorded.only.user == "4711"


def test_a_hashed_user(recorded: Recorded, client: Client) -> None:
    """With `HASH_USERS` the key does not show, and the same user stays the same."""
    recorded.use(PERFCTL={"HASH_USERS": True})
    client.get("/user/")
    client.get("/user/")
    (user,) = {request.user for request in recorded.requests}
    assert user is not None
    assert len(user) == 16
    assert b"4711" not in recorded.spooled
