"""The four middlewares: alone, together, in any order, one record a request."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory

from django_hook.middleware import DatabaseQueryMonitoringMiddleware
from perfctl.model import Flag
from tests.django_hook.recorded import API, CACHE, DATABASE, HOOK, PERFORMANCE, Recorded

SECURITY = "django.middleware.security.SecurityMiddleware"
HERE = "tests.django_hook.test_middleware"


def test_a_request_is_recorded_once(recorded: Recorded) -> None:
    """What a request was stands in one record."""
    assert recorded.get("/items/7/").content == b"hello"
    request = recorded.only
    assert (request.method, request.route) == ("GET", "/items/<int:pk>/")
    assert (request.status, request.response_bytes, request.flags) == (200, 5, Flag(0))
    assert (request.queries, request.db_us) == (0, 0)
    assert request.duration_us > 0
    assert (request.rss_kib or 0) > 1000
    assert request.cpu_us is not None
    assert request.user is None


@pytest.mark.parametrize("name", HOOK, ids=lambda name: name.rpartition(".")[2])
def test_each_records_alone(recorded: Recorded, name: str) -> None:
    """Each middleware records the request, and measures its own part only."""
    recorded.use(MIDDLEWARE=[name])
    recorded.get("/queries/", headers={"X-Request-Start": "t=1"})
    recorded.get("/caching/")
    recorded.get("/broken/")
    queries, caching, broken = recorded.requests
    assert [r.status for r in (queries, caching, broken)] == [200, 200, 500]
    assert (queries.rss_kib is not None) == (name == PERFORMANCE)
    assert (queries.cpu_us is not None) == (name == PERFORMANCE)
    assert queries.queries == (2 if name == DATABASE else None)
    assert bool(queries.patterns) == (name == DATABASE)
    assert bool(caching.caches) == (name == CACHE)
    assert len(recorded.errors) == (1 if name == API else 0)
    assert Flag.ERROR in broken.flags


@pytest.mark.parametrize("order", list(itertools.permutations(HOOK)))
def test_any_order_measures_all(recorded: Recorded, order: tuple[str, ...]) -> None:
    """The order of the four among themselves makes no difference."""
    recorded.use(MIDDLEWARE=list(order))
    recorded.get("/queries/")
    request = recorded.only
    assert request.queries == 2
    assert request.rss_kib is not None


@pytest.mark.parametrize("size", [2, 3])
def test_any_subset_measures_its_parts(recorded: Recorded, size: int) -> None:
    """Each subset measures what its members do."""
    for chosen in itertools.combinations(HOOK, size):
        recorded.use(MIDDLEWARE=list(chosen))
        recorded.get("/queries/")
        request = recorded.requests[-1]
        assert (request.queries is not None) == (DATABASE in chosen)
        assert (request.rss_kib is not None) == (PERFORMANCE in chosen)


def test_others_between_them_are_passed_through(recorded: Recorded) -> None:
    """With middlewares of others between the four, it is still one record of all parts."""
    recorded.use(MIDDLEWARE=[PERFORMANCE, SECURITY, DATABASE, SECURITY, API, SECURITY, CACHE])
    recorded.get("/queries/")
    recorded.get("/caching/")
    recorded.get("/broken/")
    queries, caching, broken = recorded.requests
    assert queries.queries == 2
    assert queries.rss_kib is not None
    assert caching.caches
    assert len(recorded.errors) == 1
    assert broken.status == 500


def test_same_one_twice_records_once(recorded: Recorded) -> None:
    """A middleware that is listed twice does not record twice."""
    recorded.use(MIDDLEWARE=[PERFORMANCE, PERFORMANCE, SECURITY, PERFORMANCE])
    recorded.get("/plain/")
    assert recorded.only.status == 200


def decorating(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """A middleware of the project that copies what is written on the next one."""
    from functools import wraps

    @wraps(get_response)
    def decorated(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["X-Decorated"] = "yes"
        return response

    return decorated


def test_a_middleware_that_copies_attributes_is_not_skipped(recorded: Recorded) -> None:
    """Only what stands directly inside is taken in: what stands between still runs."""
    recorded.use(MIDDLEWARE=[PERFORMANCE, f"{HERE}.decorating", DATABASE])
    assert recorded.get("/queries/")["X-Decorated"] == "yes"
    assert recorded.only.queries == 2


def answering(get_response: Any) -> Any:
    """A middleware that answers by itself."""
    return lambda request: HttpResponse(b"by itself", status=429)


def failing(get_response: Any) -> Any:
    """A middleware with a fault."""

    def fail(request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError

    return fail


def test_an_answer_of_another_middleware(recorded: Recorded) -> None:
    """What a middleware answers has no route, and is recorded as its."""
    recorded.use(MIDDLEWARE=[*HOOK, f"{HERE}.answering"])
    recorded.get("/plain/")
    assert (recorded.only.route, recorded.only.status) == ("(middleware)", 429)


def test_an_exception_of_another_middleware(recorded: Recorded) -> None:
    """What goes wrong in a middleware inside is an error of the request."""
    recorded.use(MIDDLEWARE=[*HOOK, f"{HERE}.failing"])
    recorded.get("/plain/")
    assert recorded.only.status == 500
    assert recorded.errors[0].type == "ZeroDivisionError"


def test_async_view_behind_wsgi_and_sync_view_behind_asgi(recorded: Recorded) -> None:
    """Both sides of Django record both kinds of views."""
    recorded.get("/queries_async/")
    recorded.get_async("/queries/")
    recorded.get_async("/queries_async/")
    assert [request.queries for request in recorded.requests] == [2, 2, 2]
    assert [request.cpu_us is None for request in recorded.requests] == [False, True, True]


def test_asgi_without_thread_hops(recorded: Recorded) -> None:
    """Under ASGI all four are async, so that Django needs no thread for them."""
    from asgiref.sync import iscoroutinefunction
    from django.core.handlers.asgi import ASGIHandler

    handler = ASGIHandler()
    assert iscoroutinefunction(handler._middleware_chain)
    assert iscoroutinefunction(handler._middleware_chain.__wrapped__)


def test_used_by_hand(recorded: Recorded) -> None:
    """A middleware records around any callable."""
    record = DatabaseQueryMonitoringMiddleware(lambda request: HttpResponse(b"by hand"))
    response = record(RequestFactory().get("/somewhere/"))
    assert response.content == b"by hand"
    assert recorded.only.queries == 0
    assert recorded.only.route == "(middleware)"


def test_a_request_within_a_request(recorded: Recorded) -> None:
    """A request made while another runs is recorded by itself; the other goes on after it."""
    recorded.get("/nested/")
    inner, outer = recorded.requests
    assert (inner.route, inner.queries) == ("/queries/", 2)
    assert (outer.route, outer.queries) == ("/nested/", 2)
    assert inner.request_id != outer.request_id
    assert outer.rss_delta_kib is None
    assert inner.rss_delta_kib is None


class Bare(HttpResponseBase):
    """An answer of a class of the project's own."""

    streaming = False
    content = b"bare"


def test_an_answer_of_another_class(recorded: Recorded) -> None:
    """An answer whose size cannot be told has none, and is recorded."""
    DatabaseQueryMonitoringMiddleware(lambda request: Bare())(RequestFactory().get("/x/"))
    assert recorded.only.response_bytes is None


def test_something_that_is_no_answer(recorded: Recorded) -> None:
    """What a broken view returns goes on to Django, which says what is wrong."""
    record = DatabaseQueryMonitoringMiddleware(lambda request: None)  # type: ignore[arg-type, return-value]
    assert record(RequestFactory().get("/x/")) is None
    assert recorded.requests == []


def test_a_forked_child_does_not_record_its_parents_request(recorded: Recorded) -> None:
    """A request is recorded in the process that began it, once."""
    parent = os.getpid()
    response = recorded.get("/forks/")
    if os.getpid() != parent:
        os._exit(0)
    assert response.content == b"parent"
    assert recorded.only.route == "/forks/"


def test_a_child_records_its_own_requests(recorded: Recorded) -> None:
    """A forked worker records what comes to it, into a segment of its own."""
    recorded.get("/plain/")
    pid = os.fork()
    if not pid:
        try:
            recorded.get("/queries/")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    recorded.get("/plain/")
    assert sorted(r.route for r in recorded.requests) == ["/plain/", "/plain/", "/queries/"]
    assert len({r.request_id for r in recorded.requests}) == 3


def test_disabled_costs_nothing(recorded: Recorded) -> None:
    """`ENABLED: False` leaves the middlewares out of the chain."""
    recorded.use(PERFCTL={"ENABLED": False})
    with pytest.raises(MiddlewareNotUsed):
        DatabaseQueryMonitoringMiddleware(lambda request: HttpResponse())
    assert recorded.get("/plain/").status_code == 200
    assert recorded.requests == []


def test_without_fcntl_nothing_is_recorded(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where there are no file locks the hook steps aside, and says so once."""
    monkeypatch.setattr("django_hook.middleware.HAS_LOCKS", False)
    assert recorded.get("/plain/").status_code == 200
    assert recorded.requests == []
    assert [r.message for r in caplog.records if r.name == "django_hook"] == [
        "perfctl records nothing: this system has no fcntl"
    ]


def test_killed(recorded: Recorded) -> None:
    """SystemExit in a request is recorded before the worker ends."""
    with pytest.raises(SystemExit):
        recorded.get("/exits/")
    assert recorded.only.flags == Flag.KILLED | Flag.ERROR
    assert recorded.only.status == 500
    assert recorded.only.route == "/exits/"


def test_interrupted(recorded: Recorded) -> None:
    """Ctrl-C in a request ends it as SystemExit does."""
    with pytest.raises(KeyboardInterrupt):
        recorded.get("/interrupted/")
    assert Flag.KILLED in recorded.only.flags


def test_cancelled(recorded: Recorded) -> None:
    """A request whose client has left is 499, and no error."""
    import asyncio

    with pytest.raises(asyncio.CancelledError):
        recorded.get_async("/cancelled/")
    assert (recorded.only.status, recorded.only.flags) == (499, Flag.CANCELLED)


def test_exceptions_that_django_lets_through(recorded: Recorded) -> None:
    """With DEBUG_PROPAGATE_EXCEPTIONS the exception goes on, and the request is recorded."""
    recorded.use(DEBUG_PROPAGATE_EXCEPTIONS=True)
    with pytest.raises(Exception, match="refused"):
        Client().get("/broken/")
    assert recorded.only.status == 500
    assert Flag.ERROR in recorded.only.flags
    assert len(recorded.errors) == 1


def test_overlapping_requests_have_no_memory_of_their_own(recorded: Recorded) -> None:
    """Memory grows for all requests of a process: no change is told where they overlap."""
    import threading

    barrier = threading.Barrier(2)

    def together(request: HttpRequest) -> HttpResponse:
        barrier.wait(10)
        return HttpResponse()

    from django_hook.middleware import PerformanceMonitoringMiddleware

    record = PerformanceMonitoringMiddleware(together)
    threads = [
        threading.Thread(target=record, args=(RequestFactory().get("/x/"),)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [request.rss_delta_kib for request in recorded.requests] == [None, None]


def test_first_requests_at_the_same_time(recorded: Recorded) -> None:
    """A worker's first requests come at once: each of them is recorded."""
    import threading

    from django_hook.middleware import CachePerformanceMiddleware

    n = 16
    barrier = threading.Barrier(n)
    record = CachePerformanceMiddleware(lambda request: HttpResponse())

    def visit() -> None:
        request = RequestFactory().get("/x/")
        barrier.wait(10)
        record(request)

    threads = [threading.Thread(target=visit) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(recorded.requests) == n


def test_memory_that_a_request_takes(recorded: Recorded) -> None:
    """What a request allocates and keeps shows as the change of memory."""
    from django_hook.middleware import PerformanceMonitoringMiddleware

    kept: list[bytearray] = []

    def grow(request: HttpRequest) -> HttpResponse:
        kept.append(bytearray(os.urandom(1)) * (48 << 20))
        return HttpResponse()

    record = PerformanceMonitoringMiddleware(grow)
    recorded.get("/plain/")
    record(RequestFactory().get("/x/"))
    assert (recorded.requests[-1].rss_delta_kib or 0) > 40 << 10


def test_cpu_time_is_not_waiting(recorded: Recorded) -> None:
    """A request that waits takes time, not CPU."""
    import time

    from django_hook.middleware import PerformanceMonitoringMiddleware

    def wait(request: HttpRequest) -> HttpResponse:
        time.sleep(0.05)
        return HttpResponse()

    PerformanceMonitoringMiddleware(wait)(RequestFactory().get("/x/"))
    request = recorded.only
    assert request.duration_us >= 50_000
    assert (request.cpu_us or 0) < request.duration_us / 2
