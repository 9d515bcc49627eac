"""Streams: recorded once, at their end, their close or their failure."""

from __future__ import annotations

import pytest

from .site import Site
from .spooled import CANCELLED, ERROR, KILLED, STREAM

_STREAMS = """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("sync/")
    def sync_view(request):
        def chunks():
            Book.objects.filter(pk=1).count()
            yield b"first"
            time.sleep(0.05)
            Book.objects.filter(pk=2).count()
            cache.get("k:1")
            yield b"second"
            with django_hook.measure("last"):
                Book.objects.filter(pk=3).count()
        return StreamingHttpResponse(chunks())

    @page("async/")
    async def async_view(request):
        async def chunks():
            await Book.objects.filter(pk=1).acount()
            yield b"first"
            await asyncio.sleep(0.05)
            await Book.objects.filter(pk=2).acount()
            await cache.aget("k:1")
            yield b"second"
            with django_hook.measure("last"):
                await Book.objects.filter(pk=3).acount()
        return StreamingHttpResponse(chunks())
"""
_CROSSED = [("wsgi", "async"), ("asgi", "sync")]


@pytest.mark.parametrize(("server", "kind"), [("wsgi", "sync"), ("asgi", "async")])
def test_what_happens_in_chunks_counts(server: str, kind: str, site: Site) -> None:
    """Queries, cache operations and spans of each chunk; the duration ends with the first one."""
    outcome = site.run(
        _STREAMS
        + f"""
    answer = ask({server!r}, "/{kind}/")
    tell([answer.body.decode(), answer.headers["X-Request-ID"]])
    """
    )
    request = site.request
    assert outcome.told == [["firstsecond", request.request_id]]
    assert (request.route, request.status, request.flags) == (f"/{kind}/", 200, STREAM)
    assert (request.queries, request.spans, request.response_bytes) == (3, {"last": 1}, 11)
    assert request.caches == {("default", "k"): (0, 1, 0)}
    assert request.lifetime_us is not None
    assert request.duration_us + 50_000 <= request.lifetime_us


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("server", "kind"), _CROSSED)
def test_a_stream_that_django_adapts_is_one_record(server: str, kind: str, site: Site) -> None:
    """An async stream under WSGI, a sync one under ASGI: Django reads it at once, with a warning."""
    outcome = site.run(
        _STREAMS
        + f"""
    import warnings
    warnings.simplefilter("ignore")
    tell(ask({server!r}, "/{kind}/").body.decode())
    """
    )
    assert outcome.told == ["firstsecond"]
    assert (site.request.flags, site.request.response_bytes) == (STREAM, 11)
    assert site.request.queries == 3


def test_nothing_is_recorded_before_the_stream_ends(site: Site) -> None:
    """The record is the whole stream's; the answer's headers are there at once."""
    outcome = site.run(
        _STREAMS
        + """
    environ = wsgi_environ("GET", "/sync/")
    sent = []
    response = handler()(environ, lambda status, headers: sent.extend(headers))
    chunks = iter(response)
    assert "X-Request-ID" in dict(sent)
    next(chunks)
    tell(recorded())
    next(chunks)
    tell(recorded())
    assert next(chunks, None) is None
    tell(recorded())
    response.close()
    tell(recorded())
    """
    )
    assert outcome.told == [0, 0, 1, 1]


@pytest.mark.parametrize("read", [0, 1])
def test_a_sync_stream_closed_early_is_recorded_at_its_close(read: int, site: Site) -> None:
    """What was sent until then counts, and what the generator does as it is closed."""
    site.run(
        f"""
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("")
    def view(request):
        def chunks():
            try:
                while True:
                    Book.objects.count()
                    yield b"four"
            finally:
                Book.objects.first()
        return StreamingHttpResponse(chunks())

    response = handler()(wsgi_environ("GET", "/"), lambda status, headers: None)
    chunks = iter(response)
    for _ in range({read}):
        next(chunks)
    response.close()
    """
    )
    request = site.request
    assert (request.status, request.flags) == (200, STREAM | (CANCELLED if read else 0))
    assert (request.queries, request.response_bytes or 0) == (read * 2, read * 4)
    assert request.lifetime_us is not None
    assert site.errors == []


def test_closers_of_the_project_run_once(site: Site) -> None:
    """A response's own resources are closed as without the hook."""
    outcome = site.run(
        """
    class Chunks:
        def __init__(self):
            self.left = [b"a", b"b"]
        def __iter__(self):
            return self
        def __next__(self):
            if not self.left:
                raise StopIteration
            return self.left.pop()
        def close(self):
            tell("closed")

    @page("")
    def view(request):
        response = StreamingHttpResponse(Chunks())
        response._resource_closers.append(lambda: tell("resource"))
        return response

    get("/")
    """
    )
    assert sorted(outcome.told) == ["closed", "resource"]
    assert len(site.requests) == 1


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_a_stream_that_fails_midway_is_an_error(server: str, site: Site) -> None:
    """The status was sent, the record says `error`, and the exception is an error record."""
    site.run(
        f"""
    @page("wsgi/")
    def view(request):
        def chunks():
            yield b"first"
            raise ValueError("x")  # sync
        return StreamingHttpResponse(chunks())

    @page("asgi/")
    async def aview(request):
        async def chunks():
            yield b"first"
            raise ValueError("x")  # async
        return StreamingHttpResponse(chunks())

    try:
        ask({server!r}, "/{server}/")
    except ValueError:
        tell("raised")
    """
    )
    request, [error] = site.request, site.errors
    assert (request.status, request.flags, request.response_bytes) == (200, STREAM | ERROR, 5)
    line = site.line("# sync" if server == "wsgi" else "# async")
    assert (error.type, error.request_id) == ("ValueError", request.request_id)
    assert error.frames[-1][:2] == ("project.py", line)


def test_a_worker_told_to_end_in_a_stream_leaves_it_killed(site: Site) -> None:
    """SystemExit while a chunk is made."""
    site.run(
        """
    @page("")
    def view(request):
        def chunks():
            yield b"first"
            raise SystemExit(1)
        return StreamingHttpResponse(chunks())

    try:
        get("/")
    except SystemExit:
        tell("exit")
    """
    )
    assert site.request.flags == STREAM | KILLED | ERROR


def test_an_async_stream_whose_client_leaves_is_recorded_once(site: Site) -> None:
    """The server cancels the task in the middle of a chunk: flag `cancelled`."""
    site.run(
        """
    @page("")
    async def view(request):
        async def chunks():
            yield b"first"
            begun.set()
            await asyncio.sleep(30)
        return StreamingHttpResponse(chunks())

    async def visit():
        global begun
        begun = asyncio.Event()
        task = asyncio.create_task(acall("GET", "/"))
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(visit())
    """
    )
    assert (site.request.status, site.request.flags) == (200, STREAM | CANCELLED)
    assert site.request.response_bytes == 5
    assert site.errors == []


def test_a_client_that_leaves_between_two_chunks_is_recorded(site: Site) -> None:
    """Django 5 ends the stream there and closes it, 4.2 sends on to its end."""
    outcome = site.run(
        """
    import django
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("")
    async def view(request):
        async def chunks():
            for _ in range(3):
                await Book.objects.acount()
                yield b"four"
        return StreamingHttpResponse(chunks())

    async def leave(message):
        if message.get("body"):
            left.set()
            await asyncio.sleep(0.1)

    async def visit():
        global left
        left = asyncio.Event()
        await acall("GET", "/", on_send=leave, disconnect=left)

    asyncio.run(visit())
    tell(1 if django.VERSION >= (5,) else 3)
    """
    )
    [chunks] = outcome.told
    assert (site.request.status, site.request.response_bytes) == (200, 4 * chunks)
    assert (site.request.queries, site.request.flags & STREAM) == (chunks, STREAM)


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_a_file_is_recorded_at_its_close_and_left_as_it_is(server: str, site: Site) -> None:
    """A FileResponse is not wrapped, so that a server may still send the file by itself."""
    outcome = site.run(
        f"""
    class Wrapper:
        def __init__(self, file, size=8192):
            tell(type(file).__name__)
            self.file = file
            if hasattr(file, "close"):
                self.close = file.close
        def __iter__(self):
            return iter(lambda: self.file.read(8192), b"")

    @page("")
    def view(request):
        return FileResponse(open(FOLDER / "settings.json", "rb"))

    if {server!r} == "wsgi":
        environ = wsgi_environ("GET", "/")
        environ["wsgi.file_wrapper"] = Wrapper
        response = handler()(environ, lambda status, headers: None)
        assert b"".join(response) == b"{{}}"
        tell(recorded())
        response.close()
    else:
        import warnings
        warnings.simplefilter("ignore")
        assert aget("/").body == b"{{}}"
    """
    )
    assert outcome.told == (["BufferedReader", 0] if server == "wsgi" else [])
    request = site.request
    assert (request.status, request.flags, request.response_bytes) == (200, STREAM, 2)
    assert request.lifetime_us is not None
    assert request.lifetime_us >= request.duration_us


def test_a_file_nobody_closes_is_recorded_under_no_other_request(site: Site) -> None:
    """A file of one request and the next request do not mix."""
    site.run(
        """
    @page("file/")
    def view(request):
        return FileResponse(open(FOLDER / "settings.json", "rb"))

    @page("next/")
    def following(request):
        return HttpResponse("four")

    response = handler()(wsgi_environ("GET", "/file/"), lambda status, headers: None)
    get("/next/")
    tell(b"".join(response).decode())
    response.close()
    """
    )
    found = site.by_route()
    assert (found["/next/"].flags, found["/next/"].response_bytes) == (0, 4)
    assert found["/file/"].flags == STREAM


def test_a_stream_has_no_part_in_requests_between_its_chunks(site: Site) -> None:
    """The state is set around each chunk: another request between two chunks has its own."""
    site.run(
        _STREAMS
        + """
    @page("between/")
    def between(request):
        Book.objects.count()
        return HttpResponse()

    response = handler()(wsgi_environ("GET", "/sync/"), lambda status, headers: None)
    chunks = iter(response)
    next(chunks)
    Book.objects.count()  # of nobody
    get("/between/")
    for chunk in chunks: pass
    response.close()
    """
    )
    found = site.by_route()
    assert (found["/between/"].queries, found["/sync/"].queries) == (1, 3)


def test_a_stream_changed_by_a_middleware_further_in_is_followed(site: Site) -> None:
    """GZip and the like replace the content before the hook sees it."""
    site.run(
        _STREAMS + '    tell(len(get("/sync/", Accept_Encoding="gzip").body))\n',
        MIDDLEWARE=["Performance", "Database", "django.middleware.gzip.GZipMiddleware"],
    )
    assert (site.request.flags, site.request.queries) == (STREAM, 3)


def test_a_stream_changed_by_a_middleware_further_out_is_followed(site: Site) -> None:
    """The same where the project has put it in front."""
    site.run(
        _STREAMS + '    tell(len(get("/sync/", Accept_Encoding="gzip").body))\n',
        MIDDLEWARE=["django.middleware.gzip.GZipMiddleware", "Performance", "Database"],
    )
    assert (site.request.flags, site.request.queries) == (STREAM, 3)


@pytest.mark.parametrize("read", [0, 1])
@pytest.mark.parametrize(
    ("method", "headers"), [("HEAD", {}), ("GET", {"If-None-Match": '"sent"'})]
)
def test_an_answer_without_a_body_is_recorded_at_its_close(
    method: str, headers: dict[str, str], read: int, site: Site
) -> None:
    """Whether a server looks at a chunk of it or not, no client has left."""
    site.run(
        f"""
    @page("")
    def view(request):
        return StreamingHttpResponse(iter([b"a", b"b"]), headers={{"ETag": '"sent"'}})

    environ = wsgi_environ({method!r}, "/", headers={headers})
    response = handler()(environ, lambda status, headers: None)
    for _ in range({read}):
        next(iter(response), None)
    response.close()
    """,
        MIDDLEWARE=["Performance", "Database", "django.middleware.http.ConditionalGetMiddleware"],
    )
    assert site.request.flags & CANCELLED == 0


def test_a_stream_read_to_its_end_was_not_cut(site: Site) -> None:
    """However late it is closed."""
    site.run(
        _STREAMS
        + """
    response = handler()(wsgi_environ("GET", "/sync/"), lambda status, headers: None)
    list(response)
    response.close()
    """
    )
    assert site.request.flags == STREAM


def test_an_empty_stream_is_recorded(site: Site) -> None:
    """No chunk came: the duration is the time to the answer."""
    site.run(
        """
    @page("")
    def view(request):
        return StreamingHttpResponse(iter(()))

    get("/")
    """
    )
    request = site.request
    assert request.flags == STREAM
    assert request.response_bytes in (0, None)
    assert request.lifetime_us is not None


def test_an_error_page_for_a_stream_counts_its_own_bytes(site: Site) -> None:
    """A stream with a known length: the response's bytes are what its header says."""
    site.run(
        """
    @page("")
    def view(request):
        return StreamingHttpResponse(iter([b"12", b"34"]), headers={"Content-Length": "4"})

    get("/")
    """
    )
    assert site.request.response_bytes == 4


def test_a_server_that_cannot_send_ends_the_stream(site: Site) -> None:
    """`send` raises, as with a connection that broke: one record, when its remains are collected."""
    site.run(
        """
    @page("")
    async def view(request):
        async def chunks():
            while True:
                yield b"four"
                await asyncio.sleep(0)
        return StreamingHttpResponse(chunks())

    def break_off(message):
        if message.get("body"):
            raise OSError("broken pipe")

    async def visit():
        task = asyncio.create_task(acall("GET", "/", on_send=break_off))
        await asyncio.gather(task, return_exceptions=True)
        del task
        await asyncio.sleep(0)  # the step that was woken by the end of the task holds it
        import gc
        gc.collect()

    asyncio.run(visit())
    """
    )
    assert (site.request.status, site.request.response_bytes) == (200, 4)
    assert site.request.flags == STREAM | CANCELLED


def test_a_request_cancelled_while_a_chunk_is_sent_is_recorded(site: Site) -> None:
    """The server cancels while it sends: what was asked for until then is in the record."""
    site.run(
        """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("")
    async def view(request):
        async def chunks():
            while True:
                await Book.objects.acount()
                yield b"four"
        return StreamingHttpResponse(chunks())

    async def wait_for_ever(message):
        if message.get("body"):
            sending.set()
            await asyncio.sleep(30)

    async def visit():
        global sending
        sending = asyncio.Event()
        task = asyncio.create_task(acall("GET", "/", on_send=wait_for_ever))
        await sending.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(visit())
    """
    )
    assert (site.request.status, site.request.response_bytes) == (200, 4)
    assert (site.request.queries, site.request.flags) == (1, STREAM | CANCELLED)


_LEFT = """
    import gc

    @page("chunks/")
    def chunks(request):
        return StreamingHttpResponse(iter([b"a"]))

    @page("file/")
    def file(request):
        return FileResponse(open(__file__, "rb"))

    def leave(path):
        answer = handler().get_response(RequestFactory().get(path))
        answer._resource_closers[:0] = [answer]  # a cycle: only the collector finds it
        answer.cycle = answer

    from django.http import FileResponse
    from django.test import RequestFactory
"""


@pytest.mark.parametrize("kind", ["chunks", "file"])
def test_a_response_that_nobody_closes_is_recorded_when_it_is_collected(
    kind: str, site: Site
) -> None:
    """Also of a sync stream, and of a file."""
    site.run(f"{_LEFT}\n    leave('/{kind}/')\n    gc.collect()\n")
    assert site.request.flags == STREAM | CANCELLED


def test_a_forked_child_that_collects_a_response_does_not_record_it(site: Site) -> None:
    """The stream is its parent's."""
    site.run(
        _LEFT
        + """
    leave("/chunks/")
    pid = os.fork()
    if not pid:
        gc.collect()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    tell(len(list((FOLDER / ".perfctl/perfctl.db.spool").glob(f"{pid}-*"))))
    gc.collect()
    """
    )
    assert site.request.flags == STREAM | CANCELLED


def test_a_response_that_is_collected_never_logs(site: Site) -> None:
    """The collector may run inside a lock of the project's logging, for which a log would wait."""
    outcome = site.run(
        _LEFT
        + """
    import logging
    leave("/chunks/")
    spool = FOLDER / ".perfctl/perfctl.db.spool"
    spool.chmod(0o755)  # from now on it refuses, which the next request complains of
    time.sleep(2.1)
    gc.collect()
    from tests.hook_behaviour.stage import SEEN
    tell(SEEN["logs"])
    get("/chunks/")
    """
    )
    assert outcome.told == [[]]
    assert [level for level, _ in outcome.logs] == ["ERROR"]
