"""Four middlewares, each usable alone, in any order: one record a request."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from .site import Site
from .spooled import Request

FOUR = ("Performance", "Database", "API", "Cache")
ORDERS = [order for length in range(1, 5) for order in permutations(FOUR, length)]

_VIEW = """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("books/")
    def books(request):
        Book.objects.count()
        cache.get("book:1")
        return HttpResponse("four")
"""


def _measured(request: Request) -> dict[str, Any]:
    """What tells which of the four took part."""
    return {
        "Performance": request.rss_kib is not None and request.cpu_us is not None,
        "Database": request.queries == 1 and request.db_us is not None,
        "API": request.queue_us is not None,
        "Cache": request.watches_caches and request.caches == {("default", "book"): (0, 1, 0)},
    }


@pytest.mark.parametrize("name", FOUR)
def test_each_alone_records_the_request_and_what_is_its_own(name: str, site: Site) -> None:
    """Performance adds CPU and memory, Database the queries, API the queue time, Cache the cache."""
    site.run(
        _VIEW + '    get("/books/", X_Request_Start=f"t={time.time() - 0.01}")\n', MIDDLEWARE=[name]
    )
    request = site.request
    assert (request.route, request.status, request.response_bytes) == ("/books/", 200, 4)
    assert _measured(request) == {other: other == name for other in FOUR}
    if name != "Performance":
        assert (request.cpu_us, request.rss_kib, request.rss_delta_kib) == (None, None, None)
    if name != "Database":
        assert (request.queries, request.db_us, request.patterns) == (None, None, [])
    if name != "Cache":
        assert (request.watches_caches, request.caches) == (False, {})


def test_any_subset_in_any_order_is_one_record_with_all_it_measures(site: Site) -> None:
    """All 64 ways to put some of the four into MIDDLEWARE."""
    site.run(
        _VIEW
        + f"""
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings
    from tests.hook_behaviour.stage import _HOOK

    for order in {ORDERS!r}:
        with override_settings(MIDDLEWARE=[_HOOK[name] for name in order]):
            application = WSGIHandler()
        start = {{"X-Request-Start": f"t={{time.time() - 0.01}}"}}
        call("GET", "/books/", headers=start, application=application)
        time.sleep(0.001)  # so that their starts tell them apart
    """
    )
    assert [_measured(request) for request in site.requests] == [
        {name: name in order for name in FOUR} for order in ORDERS
    ]


@pytest.mark.parametrize(
    "order",
    [["Cache", "API", "Database", "Performance"], ["Performance", "Database", "API", "Cache"]],
)
def test_those_of_the_project_may_stand_between(order: list[str], site: Site) -> None:
    """What stands further in adds to the record of the outermost."""
    site.run(
        _VIEW
        + """
    def plain(get_response):
        return lambda request: get_response(request)

    get("/books/", X_Request_Start=f"t={time.time() - 0.01}")
    """,
        MIDDLEWARE=[name for each in order for name in (each, "project.plain")],
    )
    assert _measured(site.request) == dict.fromkeys(FOUR, True)


def test_a_middleware_that_is_there_twice_records_once(site: Site) -> None:
    """A mistake in MIDDLEWARE doubles nothing."""
    site.run(
        _VIEW + '    get("/books/")\n', MIDDLEWARE=["Database", "Database", "Cache", "Database"]
    )
    assert (site.request.queries, site.request.caches) == (1, {("default", "book"): (0, 1, 0)})


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
@pytest.mark.parametrize("view", ["sync", "async"])
def test_sync_and_async_views_are_recorded_under_wsgi_and_asgi(
    server: str, view: str, site: Site
) -> None:
    """One record a request, with the view's queries and cache operations."""
    site.run(
        f"""
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("sync/")
    def sync_view(request):
        list(Book.objects.all())
        cache.set("a:1", 1)
        return HttpResponse("ok")

    @page("async/")
    async def async_view(request):
        [book async for book in Book.objects.all()]
        await cache.aset("a:1", 1)
        return HttpResponse("ok")

    for _ in range(3):
        tell(ask({server!r}, "/{view}/").status)
    """
    )
    requests = site.requests
    assert [(r.route, r.status, r.queries, r.response_bytes) for r in requests] == [
        (f"/{view}/", 200, 1, 2)
    ] * 3
    assert [r.caches for r in requests] == [{("default", "a"): (0, 0, 1)}] * 3
    assert len({r.request_id for r in requests}) == 3


def test_async_views_cost_no_thread_hop(site: Site) -> None:
    """The four are async-capable: under ASGI they add no call into a thread."""
    outcome = site.run(
        """
    from asgiref.sync import SyncToAsync
    from django.core.handlers.asgi import ASGIHandler
    from django.test import override_settings

    hops = []
    hop = SyncToAsync.__call__
    async def counted(self, *args, **kwargs):
        hops.append(self)
        return await hop(self, *args, **kwargs)

    @page("")
    async def view(request):
        return HttpResponse()

    with override_settings(MIDDLEWARE=[]):
        bare = ASGIHandler()
    ours = handler("asgi")
    SyncToAsync.__call__ = counted
    for application in (bare, ours):
        hops.clear()
        asyncio.run(acall("GET", "/", application=application))
        tell(len(hops))
    """
    )
    bare, ours = outcome.told
    assert ours == bare
    assert len(site.requests) == 1


def test_they_work_in_front_of_a_middleware_that_is_sync_only(site: Site) -> None:
    """Django then adapts between them; under ASGI too it is one record, with its queries."""
    site.run(
        """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    class SyncOnly:
        sync_capable, async_capable = True, False
        def __init__(self, get_response):
            self.get_response = get_response
        def __call__(self, request):
            Book.objects.count()
            return self.get_response(request)

    @page("")
    async def view(request):
        await Book.objects.acount()
        return HttpResponse()

    tell(aget("/").status)
    tell(get("/").status)
    """,
        MIDDLEWARE=["Performance", "Database", "project.SyncOnly", "API", "Cache"],
    )
    assert [(r.status, r.queries) for r in site.requests] == [(200, 2), (200, 2)]


def test_they_work_behind_a_middleware_that_is_sync_only(site: Site) -> None:
    """Where they do not stand first, they still record, from where they stand."""
    site.run(
        """
    def sync_only(get_response):
        return lambda request: get_response(request)

    @page("")
    async def view(request):
        return HttpResponse()

    tell([aget("/").status, get("/").status])
    """,
        MIDDLEWARE=["project.sync_only", "Performance", "Database", "API", "Cache"],
    )
    assert [r.status for r in site.requests] == [200, 200]


def test_what_other_middlewares_do_and_answer_is_in_the_record(site: Site) -> None:
    """The queries of all that stands further in count, and an answer of a middleware is recorded."""
    site.run(
        """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    def before_and_after(get_response):
        def middleware(request):
            Book.objects.count()
            if request.path == "/closed/":
                return HttpResponse(status=403)
            response = get_response(request)
            Book.objects.count()
            return response
        return middleware

    @page("open/")
    def view(request):
        Book.objects.count()
        return HttpResponse()

    get("/open/")
    get("/closed/")
    """,
        MIDDLEWARE=["Performance", "Database", "API", "Cache", "project.before_and_after"],
    )
    found = site.by_route()
    assert found["/open/"].queries == 3
    assert (found["(middleware)"].status, found["(middleware)"].queries) == (403, 1)


def test_a_template_that_is_rendered_late_counts(site: Site) -> None:
    """A TemplateResponse is rendered after its view, within the request."""
    site.run(
        """
    from django.template import engines
    from django.template.response import TemplateResponse
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("")
    def view(request):
        template = engines["django"].from_string("{% for book in books %}{{ book.pk }}{% endfor %}")
        return TemplateResponse(request, template, {"books": Book.objects.all()})

    get("/")
    """,
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    )
    assert (site.request.queries, site.request.response_bytes) == (1, 6)


def test_a_request_made_within_a_request_has_its_own_record(site: Site) -> None:
    """A view that calls the site through Django's client: neither takes what is the other's."""
    site.run(
        """
    from django.test import Client
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("outer/")
    def outer(request):
        Book.objects.count()
        inner = Client().get("/inner/")
        Book.objects.count()
        return HttpResponse(status=inner.status_code)

    @page("inner/")
    def inner(request):
        for _ in range(3):
            Book.objects.count()
        return HttpResponse(status=201)

    get("/outer/")
    """
    )
    found = site.by_route()
    assert (found["/outer/"].queries, found["/inner/"].queries) == (2, 3)
    assert found["/outer/"].request_id != found["/inner/"].request_id


def test_the_test_clients_of_django_are_recorded_like_a_server(site: Site) -> None:
    """Client and AsyncClient keep connections open from one request to the next."""
    site.run(
        """
    from django.test import AsyncClient, Client
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("")
    def view(request):
        Book.objects.count()
        return HttpResponse()

    client = Client()
    for _ in range(2):
        client.get("/")
    async def visit():
        for _ in range(2):
            await AsyncClient().get("/")
    asyncio.run(visit())
    """
    )
    assert [r.queries for r in site.requests] == [1] * 4


def test_concurrent_requests_keep_apart(site: Site) -> None:
    """Threads of a WSGI worker: each record has its own queries, spans and cache operations."""
    site.run(
        """
    from tests.hook_behaviour.shop.models import *
    open_shop()
    together = threading.Barrier(4)

    @page("<int:n>/")
    def view(request, n):
        together.wait(20)
        for _ in range(n):
            Book.objects.count()
            cache.set(f"k:{n}", n)
            with django_hook.measure(f"step"):
                pass
        together.wait(20)
        return HttpResponse(b"." * n)

    handler()
    threads = [threading.Thread(target=get, args=(f"/{n}/",)) for n in (1, 2, 3, 4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    """
    )
    seen = {
        (r.response_bytes, r.queries, r.spans["step"], r.caches["default", "k"])
        for r in site.requests
    }
    assert seen == {(n, n, n, (0, 0, n)) for n in (1, 2, 3, 4)}


def test_concurrent_async_requests_keep_apart(site: Site) -> None:
    """Tasks of one event loop: each record has its own queries, spans and cache operations."""
    site.run(
        """
    from tests.hook_behaviour.shop.models import *
    open_shop()
    waiting = []

    @page("<int:n>/")
    async def view(request, n):
        for _ in range(n):
            await Book.objects.acount()
            await cache.aset(f"k:{n}", n)
            with django_hook.measure("step"):
                await asyncio.sleep(0)
        waiting.append(n)
        while len(waiting) < 4:
            await asyncio.sleep(0.001)
        return HttpResponse(b"." * n)

    async def visit():
        await asyncio.gather(*(acall("GET", f"/{n}/") for n in (1, 2, 3, 4)))
    asyncio.run(visit())
    """
    )
    seen = {
        (r.response_bytes, r.queries, r.spans["step"], r.caches["default", "k"])
        for r in site.requests
    }
    assert seen == {(n, n, n, (0, 0, n)) for n in (1, 2, 3, 4)}


def test_a_request_holds_nothing_once_it_is_over(site: Site) -> None:
    """Neither the request, its response nor its exception is kept alive by the hook."""
    outcome = site.run(
        """
    import gc, weakref
    kept = []

    @page("<str:how>/")
    def view(request, how):
        kept.append(weakref.ref(request))
        if how == "fail":
            exc = ValueError("x")
            kept.append(weakref.ref(exc))
            raise exc
        response = HttpResponse()
        kept.append(weakref.ref(response))
        return response

    get("/ok/"), get("/fail/")
    gc.collect()
    tell([ref() is None for ref in kept])
    """
    )
    assert outcome.told == [[True] * 3]
