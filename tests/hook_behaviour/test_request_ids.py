"""Request ids: what the response already has, else the trace's, else drawn."""

from __future__ import annotations

import re

import pytest

from .site import Site

_ECHO = """
    @page("")
    def view(request):
        return HttpResponse()
"""
_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
_PARENT = "00f067aa0ba902b7"


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_an_id_is_drawn_and_set_on_the_response(server: str, site: Site) -> None:
    """16 hex digits, the same in the record and on the answer, another for each request."""
    outcome = site.run(
        _ECHO + f'    for _ in range(100): tell(ask({server!r}).headers["X-Request-ID"])\n'
    )
    assert [r.request_id for r in site.requests] == outcome.told
    assert len(set(outcome.told)) == 100
    assert all(re.fullmatch("[0-9a-f]{16}", drawn) for drawn in outcome.told)


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
@pytest.mark.parametrize("header", ["00-{}-{}-01", "00-{}-{}-00", "cc-{}-{}-01-what-will-be"])
def test_the_trace_id_of_a_valid_traceparent_begins_it(
    server: str, header: str, site: Site
) -> None:
    """Then a dash and 8 drawn hex digits, so that each request of a trace has its own."""
    traceparent = header.format(_TRACE, _PARENT)
    outcome = site.run(
        _ECHO
        + f"""
    for _ in range(2):
        tell(ask({server!r}, traceparent={traceparent!r}).headers["X-Request-ID"])
    """
    )
    assert [r.request_id for r in site.requests] == outcome.told
    first, second = outcome.told
    assert first != second
    assert all(re.fullmatch(f"{_TRACE}-[0-9a-f]{{8}}", made) for made in outcome.told)


def test_an_invalid_traceparent_is_passed_over(site: Site) -> None:
    """Zeros, other lengths, capitals, version ff, more than version 00 has, nonsense."""
    invalid = [
        f"00-{'0' * 32}-{_PARENT}-01",
        f"00-{_TRACE}-{'0' * 16}-01",
        f"00-{_TRACE.upper()}-{_PARENT}-01",
        f"00-{_TRACE}-{_PARENT}",
        f"00-{_TRACE}-{_PARENT}-01-more",
        f"ff-{_TRACE}-{_PARENT}-01",
        f"00-{_TRACE[:-1]}-{_PARENT}-01",
        f"00-{_TRACE}é-{_PARENT}-01",
        "",
        "-" * 55,
    ]
    site.run(_ECHO + f"    for header in {invalid!r}: get('/', traceparent=header)\n")
    ids = [r.request_id for r in site.requests]
    assert len(ids) == len(invalid)
    assert all(re.fullmatch("[0-9a-f]{16}", drawn) for drawn in ids)


@pytest.mark.parametrize(
    "given",
    [
        "7b1f0d2c-5a37-4f3e-9d53-0c1d5c1f5a55",
        "Root=1-67891233-abcdef012345678912345678",
        "x" * 128,
        "a",
    ],
)
def test_a_valid_id_that_the_response_has_is_kept(given: str, site: Site) -> None:
    """The project's own request id middleware decides; the trace does not matter then."""
    outcome = site.run(
        f"""
    @page("")
    def view(request):
        return HttpResponse(headers={{"X-Request-ID": {given!r}}})

    answer = get("/", traceparent="00-{_TRACE}-{_PARENT}-01")
    tell([value for name, value in answer.headers.items() if name.lower() == "x-request-id"])
    """
    )
    assert outcome.told == [[given]]
    assert site.request.request_id == given


def test_an_invalid_id_that_the_response_has_is_replaced(site: Site) -> None:
    """A view that echoes what the client sent: too long, not ASCII, quotes, controls, nothing."""
    hostile = ["x" * 129, 'a"b', "a\0b", "é", "a b", "<b>", "a,b;c", "\x1b[31m", "😀", "a\tb", ""]
    outcome = site.run(
        f"""
    @page("")
    def view(request):
        return HttpResponse(headers={{"x-request-id": request.META["HTTP_X_REQUEST_ID"]}})

    for sent in {hostile!r}:
        answer = get("/", X_Request_ID=sent)
        tell([value for name, value in answer.headers.items() if name.lower() == "x-request-id"])
    """
    )
    ids = [r.request_id for r in site.requests]
    assert all(re.fullmatch("[0-9a-f]{16}", drawn) for drawn in ids)
    assert outcome.told == [[drawn] for drawn in ids]
    assert len(set(ids)) == len(hostile)


def test_an_id_that_the_client_sends_is_not_taken(site: Site) -> None:
    """Anybody could make two requests look like one."""
    outcome = site.run(
        _ECHO + """    tell(get("/", X_Request_ID="i-am-the-admin").headers["X-Request-ID"])\n"""
    )
    assert outcome.told == [site.request.request_id]
    assert b"i-am-the-admin" not in b"".join(site.spool.lines)


def test_failed_requests_and_those_without_a_route_have_one_too(site: Site) -> None:
    """404, 400 and 500 pages carry the id of their record."""
    outcome = site.run(
        """
    @page("fail/")
    def view(request):
        raise ValueError

    for path in ("/fail/", "/nowhere/"):
        tell(get(path).headers["X-Request-ID"])
    """
    )
    assert [r.request_id for r in site.requests] == outcome.told
    assert [e.request_id for e in site.errors] == outcome.told[:1]


@pytest.mark.parametrize("only", ["Performance", "Database", "API", "Cache"])
def test_each_middleware_alone_sets_it(only: str, site: Site) -> None:
    """The join with the browser's report does not depend on which of the four are there."""
    outcome = site.run(_ECHO + '    tell(get().headers["X-Request-ID"])\n', MIDDLEWARE=[only])
    assert outcome.told == [site.request.request_id]


def test_a_response_that_is_answered_again_has_a_new_id(site: Site) -> None:
    """`OK = HttpResponse()` in a module: the id that it has is the hook's own, of another request."""
    site.run(
        """
    ok = HttpResponse("ok")
    page("")(lambda request: ok)
    get(), get()
    """
    )
    first, second = (r.request_id for r in site.requests)
    assert first != second
