"""Under which route a request is recorded."""

from __future__ import annotations

import pytest
from django.test import Client

from django_hook.conf import HookSettings
from django_hook.naming import Namer
from perfctl.model import Flag
from tests.django_hook.recorded import HOOK, Recorded

COMMON = "django.middleware.common.CommonMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/items/7/", "/items/<int:pk>/"),
        ("/events/new/", "/events/<slug:topic>/"),
        ("/years/2024/", "/years/<year>/<var>"),
        ("/snippets/7.json", "/snippets/<pk>/"),
        ("/en-us/about/", "/<lang>/about/"),
        ("/nowhere/", "(unmatched)"),
        ("/static/a.css", "(static)"),
        ("/healthz", "/healthz"),
    ],
)
def test_route(recorded: Recorded, path: str, route: str) -> None:
    """The pattern of the URL, readable; a word for it where there is none."""
    recorded.get(path)
    assert recorded.only.route == route


def test_language_prefix_of_another_language(recorded: Recorded) -> None:
    """All languages of a page are one route."""
    recorded.use(MIDDLEWARE=[*HOOK, LOCALE])
    recorded.get("/en/about/")
    recorded.get("/de/about/")
    assert {(r.route, r.status) for r in recorded.requests} == {("/<lang>/about/", 200)}


def test_redirect_by_a_middleware(recorded: Recorded) -> None:
    """Where Django adds a slash, no view is asked."""
    recorded.use(MIDDLEWARE=[*HOOK, COMMON])
    recorded.get("/items/7")
    assert (recorded.only.route, recorded.only.status) == ("(redirect)", 301)


def test_method(recorded: Recorded) -> None:
    """Standard methods by name, all others together."""
    client = Client()
    for method in ("GET", "POST", "HEAD", "PATCH", "PROPFIND", "X" * 500):
        client.generic(method, "/plain/").close()
    methods = [request.method for request in recorded.requests]
    assert methods == ["GET", "POST", "HEAD", "PATCH", "OTHER", "OTHER"]


@pytest.mark.parametrize(
    ("path", "is_probe"),
    [("/healthz", True), ("/patients/3/health/", False), ("/plain/", False), ("/ping/", True)],
)
def test_probes(recorded: Recorded, path: str, is_probe: bool) -> None:
    """The usual paths of health checks are flagged, a route that only ends like one is not."""
    recorded.get(path)
    assert (Flag.PROBE in recorded.only.flags) is is_probe


def test_probes_of_the_project(recorded: Recorded) -> None:
    """The project names its own probes, by route or glob."""
    recorded.use(PERFCTL={"PROBES": ["plain", "/events/*"]})
    for path in ("/plain/", "/events/x/", "/healthz"):
        recorded.get(path)
    assert [Flag.PROBE in request.flags for request in recorded.requests] == [True, True, False]


def test_ignored_routes(recorded: Recorded) -> None:
    """What the project ignores leaves no record, whether it has a route or not."""
    recorded.use(PERFCTL={"IGNORE": ["/items/*", "/favicon.ico", "/wp-*"]})
    for path in ("/items/7/", "/favicon.ico", "/wp-login.php", "/plain/"):
        assert recorded.get(path).status_code in (200, 404)
    assert [request.route for request in recorded.requests] == ["/plain/"]


def test_long_polls(recorded: Recorded) -> None:
    """Long polls are flagged, since their duration says nothing."""
    recorded.use(PERFCTL={"LONG": ["/events/*"]})
    recorded.get("/events/new/")
    recorded.get("/plain/")
    assert [Flag.LONG in request.flags for request in recorded.requests] == [True, False]


def test_names_within_a_route(recorded: Recorded) -> None:
    """The project names operations that share a route."""
    recorded.get("/named/?operation=ListItems")
    recorded.get("/named/?operation=AddItem")
    assert [r.route for r in recorded.requests] == ["/named/#ListItems", "/named/#AddItem"]


def test_names_are_bounded(recorded: Recorded) -> None:
    """At most 200 names a route; what comes later shares one."""
    for i in range(205):
        recorded.get(f"/named/?operation=op{i}")
    routes = [request.route for request in recorded.requests]
    assert len(set(routes)) == 201
    assert routes[-1] == "/named/#(other)"


def test_name_outside_of_a_request() -> None:
    """Without a recorded request a name does nothing."""
    from django.test import RequestFactory

    import django_hook

    django_hook.name(RequestFactory().get("/"), "x")


def test_endpoints_are_bounded() -> None:
    """A process knows at most 2,000 endpoints; the others share one."""
    from django.http import HttpRequest
    from django.urls import ResolverMatch

    namer = Namer(HookSettings())
    heads = set()
    for i in range(2100):
        request = HttpRequest()
        request.method = "GET"
        request.resolver_match = ResolverMatch(lambda r: r, (), {}, route=f"page{i}/")
        heads.add(namer.find(request, None, None).head)
    assert len(heads) == 2001
    assert '"GET","(other)"' in heads


def test_what_clients_choose_leaves_room_for_routes(recorded: Recorded) -> None:
    """However many methods, names and probes a client makes up, the next route is told apart."""
    recorded.use(PERFCTL={"PROBES": ["/health*"]})
    client = Client()
    for i in range(2100):
        client.generic(f"ODD{i}", "/plain/").close()
        client.get(f"/named/?operation=op{i}").close()
        client.get(f"/health{i}").close()
    recorded.get("/items/7/")
    assert recorded.requests[-1].route == "/items/<int:pk>/"


def test_only_regexes_are_simplified(recorded: Recorded) -> None:
    """What looks like a regex in a `path()` is text, also around an included `re_path()`."""
    recorded.use(ROOT_URLCONF="tests.django_hook.site.brackets")
    for path in ("/[red]x/7/", "/$/2024/b.*/", "/$/old/7"):
        assert recorded.get(path).status_code == 200
    assert [request.route for request in recorded.requests] == [
        "/[red]x/<int:pk>/",
        "/$/<year>/b.*/",
        "/$/old/<var>",
    ]


def test_format_suffix_of_path_patterns(recorded: Recorded) -> None:
    """A format suffix of REST framework's does not make another endpoint."""
    recorded.use(ROOT_URLCONF="tests.django_hook.site.suffixes")
    for path in ("/snippets/7/", "/snippets/7.json", "/notes/7", "/notes/7.json"):
        assert recorded.get(path).status_code == 200
    assert [request.route for request in recorded.requests] == [
        "/snippets/<int:pk>/",
        "/snippets/<int:pk>/",
        "/notes/<int:pk>",
        "/notes/<int:pk>",
    ]
