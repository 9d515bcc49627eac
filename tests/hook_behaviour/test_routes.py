"""Under which method and route a request is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from .site import Site
from .spooled import LONG, PROBE, Request

_ANY = "def view(request, *args, **kwargs): return HttpResponse()\n"


def _visit(site: Site, text: str, *paths: str, **settings: Any) -> dict[str, str]:
    """The recorded route of each path."""
    site.run(
        f"""
    def view(request, *args, **kwargs):
        return HttpResponse()
{text}
    for path in {list(paths)!r}:
        get(path)
        time.sleep(0.001)  # so that they can be told apart by their start
    """,
        **settings,
    )
    requests = site.requests
    assert len(requests) == len(paths)
    return {path: request.route for path, request in zip(paths, requests, strict=True)}


def test_a_route_is_the_resolvers_pattern(site: Site) -> None:
    """Never the path: `path()` as it is written, `re_path()` without what only a regex needs."""
    routes = _visit(
        site,
        r"""
    urlpatterns += [
        path("", view),
        path("items/<int:pk>/", view),
        path("files/<path:name>", view),
        path("shop/", include([path("<slug:shop>/", include([path("cart", view)]))])),
        re_path(r"^old/(?P<year>[0-9]{4})/$", view),
        re_path(r"^any/(\d+)/(?:page-(?P<page>\d+)/)?$", view),
        re_path(r"^section/", include([re_path(r"^(?P<slug>[\w-]+)$", view)])),
    ]""",
        "/",
        "/items/7/",
        "/files/a/b/c.txt",
        "/shop/sunny/cart",
        "/old/2024/",
        "/any/12/page-3/",
        "/section/a-b",
    )
    assert routes == {
        "/": "/",
        "/items/7/": "/items/<int:pk>/",
        "/files/a/b/c.txt": "/files/<path:name>",
        "/shop/sunny/cart": "/shop/<slug:shop>/cart",
        "/old/2024/": "/old/<year>/",
        "/any/12/page-3/": "/any/<var>/",
        "/section/a-b": "/section/<slug>",
    }


def test_all_views_of_a_route_go_by_it(site: Site) -> None:
    """Class-based views, decorated ones, partials; under another mount point too."""
    site.run(
        """
    from functools import partial
    from django.views import View
    from django.views.decorators.csrf import csrf_exempt

    class Classic(View):
        def get(self, request):
            return HttpResponse()

    def plain(request, **kwargs):
        return HttpResponse()

    page("class/")(Classic.as_view())
    page("exempt/")(csrf_exempt(plain))
    page("partial/")(partial(plain, x=1))
    for path_ in ("/class/", "/exempt/", "/partial/"):
        get(path_)
    environ = wsgi_environ("GET", "/class/") | {"SCRIPT_NAME": "/mounted"}
    handler()(environ, lambda *args: None).close()
    """
    )
    assert sorted(r.route for r in site.requests) == ["/class/", "/class/", "/exempt/", "/partial/"]


def test_a_language_prefix_is_one_route(site: Site) -> None:
    """`i18n_patterns`: /en/, /de/ and the others are `<lang>/`."""
    site.run(
        """
    from django.conf.urls.i18n import i18n_patterns

    def view(request, **kwargs):
        return HttpResponse()

    urlpatterns += i18n_patterns(path("about/", view), path("", view), prefix_default_language=False)
    urlpatterns += [path("api/<str:x>/", view)]
    for p in ("/about/", "/de/about/", "/pt-br/about/", "/de/", "/", "/api/de/"):
        assert get(p).status == 200, p
        time.sleep(0.001)
    """,
        USE_I18N=True,
        LANGUAGES=[["en-us", "English"], ["de", "German"], ["pt-br", "Portuguese"]],
        MIDDLEWARE=["Performance", "django.middleware.locale.LocaleMiddleware"],
    )
    assert [r.route for r in site.requests] == [
        "/about/",
        "/<lang>/about/",
        "/<lang>/about/",
        "/<lang>/",
        "/",
        "/api/<str:x>/",
    ]


def test_a_section_that_is_called_like_a_language_is_no_prefix(site: Site) -> None:
    """Beside `i18n_patterns`: my/, it/ and id/ are languages of Django's default, and words."""
    site.run(
        """
    from django.conf.urls.i18n import i18n_patterns

    def view(request):
        return HttpResponse()

    urlpatterns += [path("my/orders/", view), path("de-facto/", view)]
    urlpatterns += i18n_patterns(path("about/", view))
    for p in ("/my/orders/", "/de-facto/", "/de/about/"):
        assert get(p).status == 200, p
        time.sleep(0.001)
    """,
        USE_I18N=True,
        MIDDLEWARE=["Performance", "django.middleware.locale.LocaleMiddleware"],
    )
    assert [r.route for r in site.requests] == ["/my/orders/", "/de-facto/", "/<lang>/about/"]


def test_a_route_that_begins_like_a_language_is_kept_without_i18n_patterns(site: Site) -> None:
    """A project whose section is called `it/` or `de/`."""
    routes = _visit(
        site,
        '    urlpatterns.append(path("de/offers/", view))',
        "/de/offers/",
        USE_I18N=True,
        LANGUAGES=[["en", "English"], ["de", "German"]],
    )
    assert routes == {"/de/offers/": "/de/offers/"}


def test_the_format_suffix_of_rest_framework_is_dropped(site: Site) -> None:
    """`format_suffix_patterns` adds to each route one that ends in `.json`."""
    routes = _visit(
        site,
        r"""
    from django.urls import register_converter

    class FormatSuffix:  # as rest_framework.urlpatterns makes it
        regex = r"\.(?:json|api)/?"
        def to_python(self, value):
            return value.strip("./")
        def to_url(self, value):
            return "." + value
    register_converter(FormatSuffix, "drf_format_suffix_json_api")
    urlpatterns += [
        path("users/", view),
        path("users<drf_format_suffix_json_api:format>", view),
        path("tags", view),
        path("tags<drf_format_suffix_json_api:format>", view),
        re_path(r"^books/$", view),
        re_path(r"^books\.(?P<format>[a-z0-9]+)/?$", view),
        re_path(r"^books/(?P<pk>[^/.]+)/$", view),
        re_path(r"^books/(?P<pk>[^/.]+)\.(?P<format>[a-z0-9]+)/?$", view),
    ]""",
        "/users/",
        "/users.json",
        "/tags",
        "/tags.json",
        "/books/",
        "/books.json",
        "/books/7/",
        "/books/7.json",
    )
    assert routes == {
        "/users/": "/users/",
        "/users.json": "/users/",
        "/tags": "/tags",
        "/tags.json": "/tags",
        "/books/": "/books/",
        "/books.json": "/books/",
        "/books/7/": "/books/<pk>/",
        "/books/7.json": "/books/<pk>/",
    }


def test_what_no_route_answers_has_a_name_of_its_kind(site: Site) -> None:
    """`(static)`, `(redirect)`, `(middleware)`, `(unmatched)`: never the path."""
    site.run(
        """
    def answering(get_response):
        def answer(request):
            if request.path.startswith("/static/found"):
                return HttpResponse("body {}")
            if request.path == "/blocked-canary/":
                return HttpResponse(status=403)
            if request.path == "/stopped-canary/":
                raise ValueError
            return get_response(request)
        return answer

    @page("known/")
    def known(request):
        return HttpResponse()

    for path_ in (
        "/static/found-canary.css", "/static/gone-canary.css", "/media/gone-canary.jpg",
        "/known", "/nowhere-canary", "/blocked-canary/", "/stopped-canary/",
    ):
        get(path_)
        time.sleep(0.001)
    """,
        MIDDLEWARE=[
            "Performance",
            "API",
            "project.answering",
            "django.middleware.common.CommonMiddleware",
        ],
        STATIC_URL="static/",
        MEDIA_URL="media/",
    )
    assert [(r.route, r.status) for r in site.requests] == [
        ("(static)", 200),
        ("(static)", 404),
        ("(static)", 404),
        ("(redirect)", 301),
        ("(unmatched)", 404),
        ("(middleware)", 403),
        ("(middleware)", 500),
    ]
    assert b"canary" not in b"".join(site.spool.lines)


def test_a_view_that_answers_404_or_redirects_keeps_its_route(site: Site) -> None:
    """The names in brackets are for what no route answered."""
    site.run(
        """
    from django.http import HttpResponseRedirect

    @page("gone/<int:n>/")
    def gone(request, n):
        raise Http404

    @page("moved/")
    def moved(request):
        return HttpResponseRedirect("/known/")

    get("/gone/1/"), get("/moved/")
    """
    )
    assert [(r.route, r.status) for r in site.requests] == [
        ("/gone/<int:n>/", 404),
        ("/moved/", 302),
    ]


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_name_tells_operations_of_one_route_apart(server: str, site: Site) -> None:
    """`django_hook.name(request, "ListItems")`: GraphQL operations and the like."""
    site.run(
        f"""
    @page("graphql/")
    def view(request):
        if "op" in request.GET:
            django_hook.name(request, request.GET["op"])
        return HttpResponse()

    for query in ("?op=ListItems", "?op=AddItem", "", "?op=ListItems"):
        ask({server!r}, "/graphql/" + query)
        time.sleep(0.001)
    """
    )
    first, second, unnamed, again = (r.route for r in site.requests)
    assert (unnamed, again) == ("/graphql/", first)
    assert first.startswith("/graphql/")
    assert "ListItems" in first
    assert "AddItem" in second


def test_name_and_mark_error_take_the_request_of_a_framework(site: Site) -> None:
    """Django REST framework wraps Django's request in one of its own."""
    site.run(
        """
    class Wrapped:
        def __init__(self, request):
            self._request = request
        def __getattr__(self, name):
            return getattr(self._request, name)

    @page("")
    async def view(request):
        django_hook.name(Wrapped(request), "ListItems")
        django_hook.mark_error(Wrapped(request))
        return HttpResponse()

    aget(), get()
    """
    )
    assert [(r.flags, "ListItems" in r.route) for r in site.requests] == [(1, True)] * 2


def test_names_of_a_route_are_bounded(site: Site) -> None:
    """200 a route; later ones share one, names known before keep theirs, other routes theirs."""
    site.run(
        """
    def view(request):
        django_hook.name(request, request.GET["op"])
        return HttpResponse()

    page("a/")(view), page("b/")(view)
    for n in range(250):
        get(f"/a/?op=Op{n}")
    get("/a/?op=Op7"), get("/b/?op=Fresh")
    """
    )
    routes = {r.route for r in site.requests}
    assert len([route for route in routes if route.startswith("/a/")]) == 201
    [others] = [route for route in routes if "Op" not in route and route.startswith("/a/")]
    assert "(other)" in others
    assert sum(r.route == others for r in site.requests) == 50
    assert [route for route in routes if route.startswith("/b/")] == [
        next(iter(routes - {r for r in routes if r.startswith("/a/")}))
    ]


def test_a_name_of_any_kind_passes(site: Site) -> None:
    """None, an empty one, a number, one that is very long or has line ends."""
    site.run(
        """
    names = iter([None, "", "  ", 7, "x" * 10_000, "a\\nb\\tc", "\\ud800", object()])

    @page("")
    def view(request):
        django_hook.name(request, next(names))
        return HttpResponse()

    for _ in range(8):
        assert get().status == 200
        time.sleep(0.001)
    """
    )
    routes = [r.route for r in site.requests]
    assert len(routes) == 8
    assert routes[1] == routes[2] == "/"
    assert all(len(route) < 500 and "\n" not in route for route in routes)


def test_methods_beyond_the_standard_are_other(site: Site) -> None:
    """GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT by name."""
    standard = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
    methods = [*standard, "PROPFIND", "BREW", "GETT", "canary"]
    site.run(
        f"""
    @page("")
    def view(request):
        return HttpResponse()

    for method in {methods!r}:
        call(method, "/")
        time.sleep(0.001)
    """
    )
    assert [r.method for r in site.requests] == [*standard, *["OTHER"] * 4]
    assert {r.route for r in site.requests} == {"/"}


def test_made_up_methods_do_not_use_up_the_endpoints(site: Site) -> None:
    """All of them are OTHER: however many a client thinks of, they are one endpoint a route."""
    site.run(
        """
    page("known/")(lambda request: HttpResponse())
    page("fresh/")(lambda request: HttpResponse())
    for n in range(2100):
        call(f"M{n}", "/known/")
    get("/fresh/")
    """,
        MIDDLEWARE=["Performance"],
    )
    assert {(r.method, r.route) for r in site.requests} == {
        ("OTHER", "/known/"),
        ("GET", "/fresh/"),
    }


def test_at_most_2000_endpoints_are_told_apart(site: Site) -> None:
    """What comes later is (other), what was known before keeps its name."""
    site.run(
        """
    def view(request):
        return HttpResponse()

    names = [f"shelf{n // 50}/book{n % 50}/" for n in range(2050)]
    for shelf in range(41):
        books = [path(f"book{n}/", view) for n in range(50)]
        urlpatterns.append(path(f"shelf{shelf}/", include(books)))
    for name in names:
        get("/" + name)
    get("/" + names[7])
    """,
        MIDDLEWARE=["Performance"],
    )
    routes = [r.route for r in site.requests]
    assert len(routes) == 2051
    assert len(set(routes)) == 2001
    assert routes.count("(other)") == 50
    assert routes.count("/shelf0/book7/") == 2


def test_probes_are_flagged(site: Site) -> None:
    """healthz, livez, readyz, health, ping by default, with and without the slash."""
    site.run(
        """
    for name in ("healthz", "livez/", "readyz", "health/", "ping", "pinged", "api/health/"):
        page(name)(lambda request: HttpResponse())
        get("/" + name)
        time.sleep(0.001)
    """
    )
    assert {r.route: r.flags for r in site.requests} == {
        "/healthz": PROBE,
        "/livez/": PROBE,
        "/readyz": PROBE,
        "/health/": PROBE,
        "/ping": PROBE,
        "/pinged": 0,
        "/api/health/": 0,
    }


def test_probes_that_a_middleware_answers_are_flagged_too(site: Site) -> None:
    """Without a route: many projects answer them before the resolver."""
    site.run(
        """
    def healthy(get_response):
        return lambda request: (
            HttpResponse() if request.path == "/healthz" else get_response(request)
        )

    get("/healthz"), get("/other")
    """,
        MIDDLEWARE=["Performance", "project.healthy"],
    )
    assert [(r.flags & PROBE, r.status) for r in site.requests] == [(PROBE, 200), (0, 404)]


def _flags(requests: list[Request]) -> dict[str, int]:
    return {r.route: r.flags for r in requests}


def test_probes_and_long_polls_are_set_by_word_or_glob(site: Site) -> None:
    """`PROBES` and `LONG` in the settings; what is set replaces the default."""
    site.run(
        """
    for name in ("up", "healthz", "check/<int:n>/", "events/", "events/<int:n>/", "plain/"):
        page(name)(lambda request, **kwargs: HttpResponse())
    for path_ in ("/up", "/healthz", "/check/1/", "/events/", "/events/1/", "/plain/"):
        get(path_)
    """,
        PERFCTL={"PROBES": ["up", "/check/*"], "LONG": ["/events/*"]},
    )
    assert _flags(site.requests) == {
        "/up": PROBE,
        "/healthz": 0,
        "/check/<int:n>/": PROBE,
        "/events/": LONG,
        "/events/<int:n>/": LONG,
        "/plain/": 0,
    }


def test_what_is_ignored_leaves_nothing(site: Site) -> None:
    """`IGNORE` globs: no request, no error, no queries; the response is as it is."""
    outcome = site.run(
        """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("internal/<str:what>/")
    def internal(request, what):
        Book.objects.count()
        if what == "fail":
            raise ValueError
        if what == "stream":
            return StreamingHttpResponse(iter([b"x"]))
        return HttpResponse("ok")

    @page("kept/")
    def kept(request):
        return HttpResponse()

    for what in ("ok", "fail", "stream"):
        tell(get(f"/internal/{what}/").status)
    get("/favicon.ico")
    get("/kept/")
    """,
        PERFCTL={"IGNORE": ["/internal/*", "/favicon.ico"]},
    )
    assert outcome.told == [200, 500, 200]
    assert site.request.route == "/kept/"
    spool = site.spool
    assert (spool.errors, len(spool.lines)) == ([], 2)


def test_a_route_of_hostile_text_is_recorded(site: Site) -> None:
    """Quotes, line ends, other scripts, a very long one."""
    site.run(
        r"""
    for n, route in enumerate(('qu"ote/', "new\nline/", "ümläut/日本/", "back\\slash/", "x" * 3000)):
        page(route)(lambda request: HttpResponse())
        assert get("/" + route).status == 200, route
        time.sleep(0.001)
    """
    )
    routes = [r.route for r in site.requests]
    assert len(routes) == 5
    assert routes[0] == '/qu"ote/'
    assert routes[2] == "/ümläut/日本/"
    assert routes[4].startswith("/xxx")


def test_a_urlconf_of_the_request_is_respected(site: Site) -> None:
    """`request.urlconf`, as multi-tenant projects set it."""
    site.run(
        """
    import types
    tenant = types.ModuleType("tenant")
    tenant.urlpatterns = [path("tenant/<int:n>/", lambda request, n: HttpResponse())]
    sys.modules["tenant"] = tenant

    def choose(get_response):
        def chosen(request):
            request.urlconf = "tenant"
            return get_response(request)
        return chosen

    tell(get("/tenant/3/").status)
    """,
        MIDDLEWARE=["Performance", "project.choose"],
    )
    assert (site.request.route, site.request.status) == ("/tenant/<int:n>/", 200)


def test_a_language_variant_is_a_language_prefix(site: Site) -> None:
    """`LANGUAGE_CODE = "en-us"` where LANGUAGES have only `en`, as Django allows."""
    site.run(
        """
    from django.conf.urls.i18n import i18n_patterns
    urlpatterns += i18n_patterns(path("about/", lambda request: HttpResponse()))
    assert get("/en-us/about/").status == 200
    """,
        USE_I18N=True,
        LANGUAGE_CODE="en-us",
        LANGUAGES=[["en", "English"], ["de", "German"]],
        MIDDLEWARE=["Performance"],
    )
    assert site.request.route == "/<lang>/about/"
