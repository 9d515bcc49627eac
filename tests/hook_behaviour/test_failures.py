"""Requests that fail: which count as errors, and what is kept of an exception."""

from __future__ import annotations

import pytest

from .site import Site
from .spooled import CANCELLED, ERROR, KILLED


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_unhandled_exception_is_one_request_and_one_error(
    server: str, kind: str, site: Site
) -> None:
    """Status 500, flag `error`, and an error record that joins by the request's id."""
    outcome = site.run(
        f"""
    class Refused(Exception):
        pass

    def deeper(n):
        raise Refused(f"no more than {{n}}")

    @page("sync/<int:n>/")
    def sync_view(request, n):
        deeper(n)  # sync

    @page("async/<int:n>/")
    async def async_view(request, n):
        deeper(n)  # async

    answer = ask({server!r}, "/{kind}/7/")
    tell([answer.status, answer.headers["X-Request-ID"]])
    """
    )
    request, [error] = site.request, site.errors
    assert outcome.told == [[500, request.request_id]]
    assert (request.route, request.status, request.flags) == (f"/{kind}/<int:n>/", 500, ERROR)
    assert error.frames == [
        ("project.py", site.line(f"# {kind}"), f"{kind}_view"),
        ("project.py", site.line("raise Refused"), "deeper"),
    ]
    assert error._replace(at_ms=0, frames=[]) == error.__class__(
        at_ms=0,
        request_id=request.request_id,
        method="GET",
        route=f"/{kind}/<int:n>/",
        status=500,
        type="project.Refused",
        frames=[],
        message=None,
        agent=None,
        user=None,
        handled=False,
    )


def test_frames_are_the_projects_own(site: Site) -> None:
    """Neither Django's, the standard library's nor a package's; outermost first, 20 at most."""
    library = site.folder / "site-packages"
    library.mkdir()
    (library / "packaged.py").write_text("def pass_on(call):\n    return call()\n")
    site.run(
        f"""
    sys.path.append({str(library)!r})
    import json, packaged

    def parse():
        json.loads("no json")  # innermost

    @page("library/")
    def view(request):
        packaged.pass_on(parse)  # outermost

    @page("deep/")
    def deep(request, n=60):
        return deep(request, n - 1) if n else parse()

    get("/library/"), get("/deep/")
    """
    )
    shallow, deep = site.errors
    assert shallow.type == "json.decoder.JSONDecodeError"
    assert shallow.frames == [
        ("project.py", site.line("# outermost"), "view"),
        ("project.py", site.line("# innermost"), "parse"),
    ]
    assert len(deep.frames) == 20
    assert deep.frames[-1] == shallow.frames[-1]


def test_the_message_is_never_kept_unless_asked_for(site: Site) -> None:
    """By default an exception's message is in no byte of the spool."""
    site.run(
        """
    @page("")
    def view(request):
        raise ValueError("canary-8391 belongs to bob@example.com")

    get("/")
    """
    )
    assert site.errors[0].message is None
    assert b"canary-8391" not in b"".join(site.spool.lines)


def test_redacted_messages_lose_what_may_be_private(site: Site) -> None:
    """`PERFCTL["ERROR_MESSAGES"] = "redacted"`: the words stay, values go."""
    site.run(
        """
    messages = iter([
        "no such plan: 'canary-8391'",
        "token=canary8391canary8391 is out of date",
        "mail to canary@example.com bounced",
        "see https://example.com/reset?key=canary8391",
    ])

    @page("")
    def view(request):
        raise ValueError(next(messages))

    for _ in range(4):
        get("/")
    """,
        PERFCTL={"ERROR_MESSAGES": "redacted"},
    )
    messages = [error.message or "" for error in site.errors]
    assert [message.split()[0] for message in messages] == ["no", "token=[…]", "mail", "see"]
    assert "canary" not in "".join(messages)
    assert messages[2].endswith("bounced")


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_4xx_are_no_errors(server: str, site: Site) -> None:
    """Http404, PermissionDenied, SuspiciousOperation and BadRequest are answers."""
    site.run(
        f"""
    from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation

    @page("<str:kind>/")
    def view(request, kind):
        raise {{"404": Http404, "403": PermissionDenied, "400": BadRequest,
               "400s": SuspiciousOperation}}[kind]("x")

    for kind in ("404", "403", "400", "400s"):
        ask({server!r}, f"/{{kind}}/")
    """
    )
    assert [(r.status, r.flags) for r in site.requests] == [(404, 0), (403, 0), (400, 0), (400, 0)]
    assert site.errors == []


def test_a_status_of_500_or_more_is_an_error_without_an_exception(site: Site) -> None:
    """A view may answer 503 by itself."""
    site.run(
        """
    @page("<int:status>/")
    def view(request, status):
        return HttpResponse(status=status)

    for status in (499, 500, 503, 599):
        get(f"/{status}/")
    """
    )
    assert [(r.status, r.flags) for r in site.requests] == [
        (499, 0),
        (500, ERROR),
        (503, ERROR),
        (599, ERROR),
    ]
    assert site.errors == []


def test_an_exception_that_the_project_turns_into_an_answer_is_none(site: Site) -> None:
    """`process_exception` and middlewares that catch: the request is not failed."""
    site.run(
        """
    class Catching:
        def __init__(self, get_response):
            self.get_response = get_response
        def __call__(self, request):
            return self.get_response(request)
        def process_exception(self, request, exception):
            return HttpResponse("caught", status=409)

    @page("")
    def view(request):
        raise ValueError

    get("/")
    """,
        MIDDLEWARE=["Performance", "API", "project.Catching"],
    )
    assert (site.request.status, site.request.flags, site.errors) == (409, 0, [])


@pytest.mark.parametrize(
    "place", ["before", "after", "process_view", "process_template_response", "render"]
)
def test_exceptions_of_other_middlewares_are_seen(place: str, site: Site) -> None:
    """Wherever in the chain it is raised: 500, an error record with the project's frame."""
    site.run(
        f"""
    from django.template import engines
    from django.template.response import TemplateResponse

    def fail(where):
        if where == {place!r}:
            raise RuntimeError(where)

    class Failing:
        def __init__(self, get_response):
            self.get_response = get_response
        def __call__(self, request):
            fail("before")
            response = self.get_response(request)
            fail("after")
            return response
        def process_view(self, request, *args):
            fail("process_view")
        def process_template_response(self, request, response):
            fail("process_template_response")
            return response

    @page("")
    def view(request):
        template = engines["django"].from_string("{{{{ fail }}}}")
        return TemplateResponse(request, template, {{"fail": lambda: fail("render")}})

    tell(get("/").status)
    """,
        MIDDLEWARE=["Performance", "Database", "API", "Cache", "project.Failing"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    )
    assert (site.request.status, site.request.flags) == (500, ERROR)
    [error] = site.errors
    assert error.type == "RuntimeError"
    assert error.frames[-1] == ("project.py", site.line("raise RuntimeError"), "fail")


def test_an_exception_that_goes_through_is_recorded_and_raised(site: Site) -> None:
    """With DEBUG_PROPAGATE_EXCEPTIONS nobody answers: 500, and the exception is the same one."""
    site.run(
        """
    exc = ValueError("x")

    @page("")
    def view(request):
        raise exc

    try:
        get("/")
    except ValueError as raised:
        assert raised is exc
    else:
        raise AssertionError
    """,
        DEBUG_PROPAGATE_EXCEPTIONS=True,
    )
    assert (site.request.route, site.request.status, site.request.flags) == ("/", 500, ERROR)
    assert [(e.type, e.request_id) for e in site.errors] == [
        ("ValueError", site.request.request_id)
    ]


def test_without_the_api_middleware_a_failure_is_flagged_without_an_error_record(
    site: Site,
) -> None:
    """The API middleware adds the errors; the request's own flag does not depend on it."""
    site.run(
        """
    @page("")
    def view(request):
        raise ValueError

    get("/")
    """,
        MIDDLEWARE=["Performance", "Database", "Cache"],
    )
    assert (site.request.status, site.request.flags, site.errors) == (500, ERROR, [])


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_a_request_in_which_the_worker_is_told_to_end_is_killed(server: str, site: Site) -> None:
    """SystemExit, as a server raises it in a signal handler: flags `killed` and `error`."""
    outcome = site.run(
        f"""
    @page("work/")
    def view(request):
        raise SystemExit(3)

    @page("awork/")
    async def aview(request):
        raise SystemExit(3)

    for path in ("/work/", "/awork/") if {server!r} == "wsgi" else ("/awork/",):
        try:
            ask({server!r}, path)
        except SystemExit as exc:
            tell(exc.code)
    """
    )
    assert set(outcome.told) == {3}
    assert len(site.requests) == len(outcome.told)
    for request in site.requests:
        assert (request.status, request.flags) == (500, KILLED | ERROR)
        assert request.route.endswith("work/")


def test_a_cancelled_asgi_request_is_499(site: Site) -> None:
    """The server gives the request up: one record, status 499, flag `cancelled`, no error."""
    outcome = site.run(
        """
    @page("")
    async def view(request):
        begun.set()
        await asyncio.sleep(30)

    async def visit():
        global begun
        begun = asyncio.Event()
        task = asyncio.create_task(acall("GET", "/"))
        await begun.wait()
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            tell("cancelled")

    asyncio.run(visit())
    """
    )
    assert outcome.told == ["cancelled"]
    assert (site.request.route, site.request.status, site.request.flags) == ("/", 499, CANCELLED)
    assert site.errors == []


def test_a_cancelled_request_in_a_thread_is_what_django_makes_of_it(site: Site) -> None:
    """A sync view cannot be stopped: Django may answer all the same, and then 200 is recorded."""
    outcome = site.run(
        """
    from asgiref.sync import markcoroutinefunction
    begun = threading.Event()

    def watching(get_response):
        async def watch(request):
            try:
                response = await get_response(request)
            except asyncio.CancelledError:
                tell(499)
                raise
            tell(response.status_code)
            return response
        markcoroutinefunction(watch)
        return watch
    watching.async_capable = True

    @page("")
    def view(request):
        begun.set()
        time.sleep(0.2)
        return HttpResponse()

    async def visit():
        task = asyncio.create_task(acall("GET", "/"))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(visit())
    """,
        MIDDLEWARE=["Performance", "Database", "API", "Cache", "project.watching"],
    )
    assert outcome.told == [site.request.status]
    assert site.request.flags == (CANCELLED if site.request.status == 499 else 0)


def test_a_client_that_goes_away_is_recorded_once(site: Site) -> None:
    """Django 5 cancels the view (499); 4.2 lets it finish, and so does its record."""
    outcome = site.run(
        """
    import django

    @page("")
    async def view(request):
        left.set()
        await asyncio.sleep(0.2)
        return HttpResponse()

    async def visit():
        global left
        left = asyncio.Event()
        await acall("GET", "/", disconnect=left)

    asyncio.run(visit())
    tell(django.VERSION[0])
    """
    )
    [major] = outcome.told
    expected = (499, CANCELLED) if major >= 5 else (200, 0)
    assert (site.request.status, site.request.flags) == expected


def test_mark_error_fails_an_answered_request(site: Site) -> None:
    """With the exception an error record that says it was handled; without one the flag alone."""
    site.run(
        """
    @page("with/")
    def with_exception(request):
        try:
            raise KeyError("x")  # raised
        except KeyError as exc:
            django_hook.mark_error(request, exc)
        return HttpResponse("sorry")

    @page("without/")
    async def without(request):
        django_hook.mark_error(request)
        return HttpResponse("sorry")

    get("/with/"), get("/without/"), aget("/without/")
    """
    )
    assert [(r.status, r.flags) for r in site.requests] == [(200, ERROR)] * 3
    [error] = site.errors
    assert (error.type, error.handled, error.status) == ("KeyError", True, 200)
    assert error.frames == [("project.py", site.line("# raised"), "with_exception")]


def test_mark_error_outside_of_a_recorded_request_does_nothing(site: Site) -> None:
    """In a management command, in a test of a view: it is harmless."""
    site.run(
        """
    from django.test import RequestFactory

    django_hook.mark_error(RequestFactory().get("/"), ValueError("x"))
    django_hook.mark_error(None)
    django_hook.name(RequestFactory().get("/"), "ListItems")
    with django_hook.measure("x"):
        pass

    @page("")
    def view(request):
        return HttpResponse()

    get("/")
    """
    )
    assert (site.request.route, site.request.flags, site.errors) == ("/", 0, [])
    assert site.request.spans == {}


def test_the_user_agent_is_kept_of_errors_alone(site: Site) -> None:
    """Family and major version, where the request failed with an exception."""
    firefox = "Mozilla/5.0 (X11; Canary x86_64; rv:121.0) Gecko/20100101 Firefox/121.4"
    site.run(
        f"""
    @page("good/")
    def good(request):
        return HttpResponse()

    @page("bad/")
    def bad(request):
        raise ValueError

    for path in ("/good/", "/bad/"):
        get(path, User_Agent={firefox!r})
    get("/bad/", User_Agent="curl/8.5.0")
    get("/bad/")
    """
    )
    assert [error.agent for error in site.errors] == ["Firefox 121", "curl 8", None]
    lines = b"".join(site.spool.lines)
    assert (b"Canary" in lines, b"121.4" in lines, lines.count(b"Firefox")) == (False, False, 1)


def test_a_hostile_exception_is_recorded(site: Site) -> None:
    """One that cannot be printed, one of a class with an odd name: the answer is still a 500."""
    site.run(
        """
    class Unprintable(Exception):
        def __str__(self):
            raise RuntimeError("no text")
        __repr__ = __str__

    odd = type("odd\\n\\"name\U0001f600", (Exception,), {})

    @page("unprintable/")
    def unprintable(request):
        raise Unprintable

    @page("odd/")
    def view(request):
        raise odd("x")

    tell([get("/unprintable/").status, get("/odd/").status])
    """,
        PERFCTL={"ERROR_MESSAGES": "redacted"},
    )
    assert [(r.status, r.flags) for r in site.requests] == [(500, ERROR)] * 2
    assert [e.type for e in site.errors] == ["project.Unprintable", 'project.odd\n"name\U0001f600']


@pytest.mark.parametrize("setting", ["DEBUG", "ATOMIC_REQUESTS"])
def test_djangos_own_settings_change_nothing(setting: str, site: Site) -> None:
    """The technical page of DEBUG, and a transaction around each view: one request, one error."""
    site.run(
        f"""
    if {setting!r} == "DEBUG":
        settings.DEBUG = True
    else:
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True

    @page("")
    def view(request):
        connection.cursor().execute("SELECT 1")
        raise ValueError("x")

    tell(get().status)
    """
    )
    assert (site.request.status, site.request.flags) == (500, ERROR)
    assert site.request.sql["SELECT ?"] == 1
    assert [error.type for error in site.errors] == ["ValueError"]


def test_an_exception_is_one_error_however_often_it_is_noticed(site: Site) -> None:
    """Raised through several layers, and marked besides: one record."""
    site.run(
        """
    @page("")
    def view(request):
        try:
            raise ValueError
        except ValueError as exc:
            django_hook.mark_error(request, exc)
            raise

    get("/")
    """
    )
    assert len(site.requests) == len(site.errors) == 1
