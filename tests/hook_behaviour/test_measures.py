"""`django_hook.measure` and the time in the queue before a request."""

from __future__ import annotations

import pytest

from .site import Site


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_measure_times_blocks_and_functions(server: str, site: Site) -> None:
    """As a context manager and as a decorator, sync and async, calls summed by name."""
    outcome = site.run(
        f"""
    import json

    @django_hook.measure("function")
    def add(a, *, b):
        "Adds."
        time.sleep(0.02)
        return a + b

    @django_hook.measure("coroutine")
    async def aadd(a, *, b):
        await asyncio.sleep(0.02)
        return a + b

    assert (add.__name__, add.__doc__) == ("add", "Adds.")
    assert asyncio.iscoroutinefunction(aadd)

    @page("wsgi/")
    def view(request):
        with django_hook.measure("block"):
            time.sleep(0.02)
        for n in range(3):
            assert add(n, b=1) == n + 1
        assert asyncio.run(aadd(1, b=1)) == 2
        return HttpResponse()

    @page("asgi/")
    async def aview(request):
        async with django_hook.measure("block"):
            await asyncio.sleep(0.02)
        for n in range(3):
            assert add(n, b=1) == n + 1
        assert await aadd(1, b=1) == 2
        return HttpResponse()

    tell(ask({server!r}, "/{server}/").status)
    for segment in (FOLDER / ".perfctl" / "perfctl.db.spool").iterdir():
        for line in segment.read_bytes().splitlines()[1:]:
            tell({{name: us >= n * 20_000 for name, n, us in json.loads(line[9:])[-1]}})
    """
    )
    assert site.request.spans == {"block": 1, "function": 3, "coroutine": 1}
    assert outcome.told == [200, {"block": True, "function": True, "coroutine": True}]


def test_spans_nest_and_end_with_exceptions(site: Site) -> None:
    """Recursion, one object used again, a block that raises: each call counts once."""
    site.run(
        """
    again = django_hook.measure("again")

    @django_hook.measure("recursive")
    def down(n):
        return n and down(n - 1)

    @page("")
    def view(request):
        with django_hook.measure("outer"):
            with django_hook.measure("outer"):
                with django_hook.measure("inner"):
                    pass
        for _ in range(2):
            with again:
                pass
        down(4)
        try:
            with django_hook.measure("raises"):
                raise KeyError
        except KeyError:
            pass
        return HttpResponse()

    get()
    """
    )
    assert site.request.spans == {"outer": 2, "inner": 1, "again": 2, "recursive": 5, "raises": 1}


def test_one_decorated_function_in_many_threads(site: Site) -> None:
    """What is shared by requests at the same time is timed for each."""
    site.run(
        """
    together = threading.Barrier(4)

    @django_hook.measure("step")
    def step():
        together.wait(20)

    @page("")
    def view(request):
        for _ in range(5):
            step()
        return HttpResponse()

    handler()
    threads = [threading.Thread(target=get) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    """
    )
    assert [r.spans for r in site.requests] == [{"step": 5}] * 4


def test_one_measure_object_in_many_threads_times_each(site: Site) -> None:
    """`parse = measure("parse")` in a module, `with parse:` in requests that overlap."""
    outcome = site.run(
        """
    import json
    shared = django_hook.measure("shared")
    inside, left = threading.Event(), threading.Event()

    @page("long/")
    def long(request):
        with shared:
            inside.set()
            left.wait(20)
        return HttpResponse()

    @page("short/")
    def short(request):
        inside.wait(20)
        time.sleep(0.2)
        with shared:
            left.set()
            thread.join()
        return HttpResponse()

    handler()
    thread = threading.Thread(target=get, args=("/long/",))
    thread.start()
    get("/short/")
    for segment in (FOLDER / ".perfctl" / "perfctl.db.spool").iterdir():
        for line in segment.read_bytes().splitlines()[1:]:
            record = json.loads(line[9:])
            if record[3] == "/long/":
                tell(record[21])
    """
    )
    [[[name, calls, total_us]]] = outcome.told
    assert (name, calls) == ("shared", 1)
    assert total_us >= 200_000


def test_measure_works_where_nothing_is_recorded(site: Site) -> None:
    """Switched off, or outside of a request: the code runs as if it were not there."""
    outcome = site.run(
        """
    @django_hook.measure("x")
    def double(n):
        return 2 * n

    @page("")
    def view(request):
        with django_hook.measure("y"):
            return HttpResponse(str(double(4)))

    tell([double(3), get().body.decode()])
    """,
        PERFCTL={"ENABLED": False},
    )
    assert outcome.told == [[6, "8"]]
    assert site.requests == []


def test_names_from_anywhere_are_bounded(site: Site) -> None:
    """A thousand names, a very long one, one that is no text."""
    site.run(
        """
    @page("")
    def view(request):
        for n in range(1000):
            with django_hook.measure(f"step {n}"):
                pass
        with django_hook.measure("x" * 10_000):
            pass
        return HttpResponse()

    get()
    """
    )
    assert sum(site.request.spans.values()) == 1001
    assert len(site.request.spans) < 400


_QUEUE = """
    @page("")
    def view(request):
        return HttpResponse()

    def ago(seconds):
        return time.time() - seconds
"""


@pytest.mark.parametrize("header", ["X_Request_Start", "X_Queue_Start"])
@pytest.mark.parametrize(
    "form",
    [
        "f't={ago(5):.3f}'",  # nginx: seconds and milliseconds
        "f'{ago(5):.3f}'",
        "f'{ago(5):.0f}'",
        "f't={ago(5) * 1e3:.0f}'",  # Heroku: milliseconds
        "f'{ago(5) * 1e3:.0f}'",
        "f't={ago(5) * 1e6:.0f}'",  # Apache, HAProxy: microseconds
        "f'{ago(5) * 1e6:.0f}'",
        "f'{ago(5) * 1e9:.0f}'",
    ],
)
def test_the_time_in_the_queue_is_read_from_the_front_server(
    header: str, form: str, site: Site
) -> None:
    """`X-Request-Start` or `X-Queue-Start`, in seconds, milli-, micro- or nanoseconds."""
    site.run(_QUEUE + f"    get('/', {header}={form})\n")
    assert site.request.queue_us is not None
    assert 4_000_000 <= site.request.queue_us < 60_000_000


def test_a_time_in_the_queue_that_is_not_sane_is_unknown(site: Site) -> None:
    """Before now by more than a minute, after now, nonsense: null, never 0."""
    site.run(
        _QUEUE
        + """
    for sent in (
        f"t={ago(61)}", f"t={ago(-5)}", "t=", "", "now", "t=-1", "nan", "inf", "1e9", "9" * 400,
        "0", "t=12", "t=1.2.3", "t= 1", "\\u0661\\u0662", f"{ago(5)}, {ago(4)}",
    ):
        get("/", X_Request_Start=sent)
    get("/")
    """
    )
    assert [r.queue_us for r in site.requests] == [None] * 17


def test_the_time_in_the_queue_is_read_under_asgi_too(site: Site) -> None:
    """The header comes through the scope there."""
    site.run(_QUEUE + "    aget('/', X_Request_Start=f't={ago(5)}')\n")
    assert site.request.queue_us is not None
    assert site.request.queue_us >= 4_000_000
