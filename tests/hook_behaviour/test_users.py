"""Whose a request was: only where the project has loaded its user."""

from __future__ import annotations

import re

import pytest

from .site import Site

_AUTH = {
    "INSTALLED_APPS": [
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
    ],
    "MIDDLEWARE": [
        "Performance",
        "Database",
        "API",
        "Cache",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
}
_SITE = """
    import django
    from django.contrib.auth.models import Group, Permission, User
    from django.contrib.contenttypes.models import ContentType
    from django.contrib.sessions.models import Session
    from django.test import Client
    create_tables(ContentType, Permission, Group, User, Session)
    bob = User.objects.create_user("bob-canary", password="x", id=4711)
    client = Client()
    client.force_login(bob)
    signed_in = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}
    connections.close_all()

    @page("asks/")
    def asks(request):
        return HttpResponse(request.user.username)

    @page("does-not-ask/")
    def does_not_ask(request):
        return HttpResponse()

    @page("asks-async/")
    async def asks_async(request):
        if django.VERSION >= (5,):
            await request.auser()
        else:
            from asgiref.sync import sync_to_async
            await sync_to_async(lambda: request.user.pk)()
        return HttpResponse()

    @page("fails/")
    def fails(request):
        raise ValueError(request.user.pk)
"""


def test_the_user_is_recorded_where_the_project_has_loaded_it(site: Site) -> None:
    """Its primary key, nothing else of it; of errors too."""
    site.run(
        _SITE
        + """
    get("/asks/", **signed_in), get("/fails/", **signed_in), aget("/asks-async/", **signed_in)
    """,
        **_AUTH,
    )
    assert {route: r.user for route, r in site.by_route().items()} == {
        "/asks/": "4711",
        "/fails/": "4711",
        "/asks-async/": "4711",
    }
    assert [error.user for error in site.errors] == ["4711"]
    assert b"bob-canary" not in b"".join(site.spool.lines)


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_it_is_never_loaded_for_the_record(server: str, site: Site) -> None:
    """Null; no query is made, the session is not read and no `Vary: Cookie` is added."""
    outcome = site.run(
        _SITE + f"    tell(ask({server!r}, '/does-not-ask/', **signed_in).headers)\n", **_AUTH
    )
    assert "Vary" not in outcome.told[0]
    assert (site.request.user, site.request.queries) == (None, 0)


def test_anonymous_requests_have_no_user(site: Site) -> None:
    """Asked for, and nobody."""
    site.run(_SITE + '    get("/asks/"), aget("/asks-async/")\n', **_AUTH)
    assert [r.user for r in site.requests] == [None, None]


def test_users_are_hashed_if_so_set(site: Site) -> None:
    """`HASH_USERS`: the same user has the same hash, and the key is in no byte of the spool."""
    site.run(
        _SITE
        + """
    get("/asks/", **signed_in), get("/fails/", **signed_in)
    ann = User.objects.create_user("ann", password="x", id=4712)
    client.force_login(ann)
    get("/asks/", Cookie=f"sessionid={client.cookies['sessionid'].value}")
    """,
        PERFCTL={"HASH_USERS": True},
        **_AUTH,
    )
    first, second, ann = (r.user or "" for r in site.requests)
    assert first == second != ann
    assert [error.user for error in site.errors] == [first]
    assert re.fullmatch("[0-9a-f]{16,}", first)
    assert all(f'"{key}"'.encode() not in line for line in site.spool.lines for key in (4711, 4712))


def test_a_hash_depends_on_the_projects_secret(site: Site) -> None:
    """Otherwise all keys up to a million could be tried."""
    site.run(
        _SITE
        + """
    from django.test import override_settings
    get("/asks/", **signed_in)
    with override_settings(SECRET_KEY="another secret", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        get("/asks/", **signed_in)
    """,
        PERFCTL={"HASH_USERS": True},
        **_AUTH,
    )
    first, second = (r.user for r in site.requests)
    assert first
    assert second
    assert first != second


def test_a_user_of_another_kind_is_recorded_by_its_key(site: Site) -> None:
    """A UUID as key, a very long one, an object that is no user at all."""
    site.run(
        """
    import uuid
    from types import SimpleNamespace as Plain

    users = iter([
        Plain(pk=uuid.UUID(int=7)), Plain(pk="ü" * 500), object(), "text", Plain(pk=None), Plain(pk=0)
    ])

    @page("")
    def view(request):
        request.user = next(users)
        return HttpResponse()

    for _ in range(6):
        get()
    """
    )
    first, long, *nobody, zero = (r.user for r in site.requests)
    assert first == "00000000-0000-0000-0000-000000000007"
    assert long
    assert set(long) == {"ü"}
    assert nobody == [None] * 3
    assert zero == "0"
