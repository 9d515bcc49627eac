"""Nothing that the hook does may break or delay a request."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from .site import Outcome, Site

_PAGE = """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("")
    def view(request):
        for book in Book.objects.all():
            book.author.name
        cache.get("k:1")
        with django_hook.measure("x"):
            return HttpResponse("fine")
"""


def _survives(site: Site, text: str) -> Outcome:
    """Run three requests that must be answered as if the hook were not there."""
    return site.run(
        _PAGE
        + text
        + """
    for kind in ("wsgi", "asgi", "wsgi"):
        answer = ask(kind)
        assert (answer.status, answer.body) == (200, b"fine"), answer
    """
    )


def _deny(path: Path) -> None:
    """Root may write anywhere, but not into what is no folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")


@pytest.mark.parametrize("what", ["file", "link", "fifo", "open to all", "parent is a file"])
def test_a_spool_that_cannot_be_written_stops_no_request(what: str, site: Site) -> None:
    """One ERROR at the start, with the place; nothing is written anywhere else."""
    spool = site.spool_folder
    elsewhere = site.folder / "planted"
    match what:
        case "file":
            _deny(spool)
        case "link":
            elsewhere.mkdir()
            spool.parent.mkdir()
            spool.symlink_to(elsewhere)
        case "fifo":
            spool.parent.mkdir()
            os.mkfifo(spool)
        case "open to all":
            spool.mkdir(parents=True)
            spool.chmod(0o777)
        case "parent is a file":
            _deny(spool.parent)
    before = sorted(site.folder.rglob("*"))
    outcome = _survives(site, "")
    assert [level for level, _ in outcome.logs] == ["ERROR"]
    assert str(site.folder / ".perfctl") in outcome.logs[0][1]
    made = {
        path.relative_to(site.folder).parts[0] for path in set(site.folder.rglob("*")) - set(before)
    }
    assert made <= {
        "project.py", "settings.json", "outcome.json", "output.txt", "default.sqlite3"
    }  # fmt: skip


def test_the_error_is_logged_at_the_start(site: Site) -> None:
    """Before the first request: whoever deploys it sees it."""
    _deny(site.spool_folder)
    outcome = site.run(_PAGE + "    handler()\n")
    assert [level for level, _ in outcome.logs] == ["ERROR"]


def test_the_error_is_logged_again_after_an_hour(site: Site) -> None:
    """Hourly, not with each request."""
    _deny(site.spool_folder)
    outcome = site.run(
        """
    real, shift = time.monotonic, [0.0]
    time.monotonic = lambda: real() + shift[0]
"""
        + _PAGE
        + """
    for hours in (0, 0.5, 0.9, 1.1, 1.5, 2.3):
        shift[0] = hours * 3600
        get(), get()
    """
    )
    assert [level for level, _ in outcome.logs] == ["ERROR"] * 3


def test_the_check_warns_of_a_spool_that_cannot_be_written(site: Site) -> None:
    """A Django system check, with what to do."""
    _deny(site.spool_folder)
    outcome = site.run(
        _PAGE
        + """
    from django.core import checks
    tell([[m.id, m.level, str(m.msg)] for m in checks.run_checks() if "django_hook" in m.id])
    """,
        INSTALLED_APPS=["django_hook"],
    )
    [messages] = outcome.told
    assert [(level, str(site.store) in text) for _, level, text in messages] == [(30, True)]


def test_recording_goes_on_once_the_spool_can_be_written(site: Site) -> None:
    """What was refused meanwhile is counted by reason, with the next success."""
    _deny(site.spool_folder)
    site.run(
        _PAGE
        + """
    get(), get(), get()
    os.unlink(FOLDER / ".perfctl" / "perfctl.db.spool")
    time.sleep(2.1)
    get(), get()
    """
    )
    assert len(site.requests) == 2
    dropped = {name: n for name, n in site.spool.counters.items() if name.startswith("dropped:")}
    assert sum(dropped.values()) == 3


def test_a_full_spool_refuses_the_new_record_and_counts_it(site: Site) -> None:
    """Above 256 MB in all: the request is answered, what waits stays as it is."""
    spool = site.spool_folder
    spool.mkdir(parents=True, mode=0o700)
    spool.parent.chmod(0o700)
    full = spool / f"1-{'0' * 16}.spool"
    with full.open("wb") as file:
        file.truncate(300 << 20)
    outcome = _survives(
        site,
        """
    tell(get().status)
    os.truncate(next((FOLDER / ".perfctl" / "perfctl.db.spool").iterdir()), 0)
    time.sleep(2.1)
""",
    )
    assert any("full" in text for level, text in outcome.logs if level == "ERROR")
    assert site.spool.counters["dropped:spool_full"] == 1
    assert len(site.requests) == 3


def test_a_removed_spool_is_made_again(site: Site) -> None:
    """`rm -r` under a running worker."""
    site.run(
        _PAGE
        + """
    import shutil
    get()
    shutil.rmtree(FOLDER / ".perfctl")
    get(), get()
    """
    )
    assert len(site.requests) == 2
    assert stat.S_IMODE(site.spool_folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "name",
    ["encode_request", "encode_failure", "findings", "loaded_user"],
)
def test_a_failure_inside_the_hook_is_swallowed_and_counted(name: str, site: Site) -> None:
    """Whatever part of it fails: the answer is the project's, and doctor can tell."""
    outcome = site.run(
        """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("<str:how>/")
    def view(request, how):
        request.user = None if how == "last" else object()
        if how == "last":
            return HttpResponse("fine")
        for book in Book.objects.all():
            book.author.name
        if how == "fail":
            raise ValueError
        return HttpResponse("fine")

    handler()
    def fault(*args, **kwargs):
        raise RuntimeError("inside the hook")
"""
        + f"    sabotage({name!r}, fault)\n"
        + """
    tell([get("/one/").body.decode(), get("/fail/").status, get("/one/").body.decode()])
    undo()
    tell(get("/last/").status)
    """,
    )
    assert outcome.told == [["fine", 500, "fine"], 200]
    counted = {k: n for k, n in site.spool.counters.items() if k.startswith("hook:")}
    assert sum(counted.values()) >= 1
    logged = [text for level, text in outcome.logs if level == "WARNING"]
    assert len(logged) == len(counted)  # the first of each place


@pytest.mark.parametrize(
    "text",
    [
        # the request's user
        "    class User:\n        pk = property(lambda self: 1 / 0)\n"
        "    def spoil(request, response): request.user = User()\n",
        "    class Key:\n        def __str__(self): raise ZeroDivisionError\n"
        "    class User:\n        pk = Key()\n"
        "    def spoil(request, response): request.user = User()\n",
        # headers of the response
        "    def spoil(request, response): response['Content-Length'] = 'many'\n",
        "    def spoil(request, response): response['Content-Length'] = '-4'\n",
        # what a front server or a WSGI server may put into the environment
        "    def spoil(request, response): request.META['HTTP_TRACEPARENT'] = None\n",
        "    def spoil(request, response): request.META['HTTP_TRACEPARENT'] = b'00'\n",
        "    def spoil(request, response): request.META.clear()\n",
        # the request itself
        "    def spoil(request, response): request.method = None\n",
        "    def spoil(request, response): request.resolver_match = None\n",
        "    def spoil(request, response): del request._perfctl_state\n",
    ],
    ids=str,
)
def test_hostile_requests_and_responses_are_answered_and_counted(text: str, site: Site) -> None:
    """Recorded, or counted as a failure of the hook: never lost without a trace."""
    outcome = site.run(
        text
        + """
    def spoiling(get_response):
        def spoiled(request):
            response = get_response(request)
            if "spoil" in request.GET:
                spoil(request, response)
            return response
        return spoiled

    @page("")
    def view(request):
        return HttpResponse("fine")

    tell(get("/?spoil").body.decode())
    tell(get("/").body.decode())
    """,
        MIDDLEWARE=["Performance", "Database", "API", "Cache", "project.spoiling"],
    )
    assert outcome.told == ["fine", "fine"]
    failures = [n for name, n in site.spool.counters.items() if name.startswith("hook:")]
    assert len(site.requests) + sum(failures) == 2


def test_a_response_of_the_projects_own_kind_is_answered(site: Site) -> None:
    """Something that is like a response, without what Django's have."""
    outcome = site.run(
        """
    class Bare(HttpResponse):
        @property
        def content(self):
            raise RuntimeError("not yet")
        @content.setter
        def content(self, value):
            self.made = value
        def __iter__(self):
            return iter([b"fine"])

    def replacing(get_response):
        def replace(request):
            get_response(request)
            return Bare(b"x")
        return replace

    page("")(lambda request: HttpResponse())
    tell(get().body.decode())
    tell(get().body.decode())
    """,
        MIDDLEWARE=["Performance", "API", "project.replacing"],
    )
    assert outcome.told == ["fine", "fine"]


def test_a_context_that_is_copied_and_run_elsewhere_breaks_nothing(site: Site) -> None:
    """Generators and callbacks that carry the context of a request that is over."""
    site.run(
        """
    import contextvars
    kept = []

    @page("")
    def view(request):
        kept.append(contextvars.copy_context())
        return HttpResponse()

    get()
    def later():
        connection.cursor().execute("SELECT 1")
        cache.get("k:1")
        with django_hook.measure("x"):
            pass
        return get()
    assert kept[0].run(later).status == 200
    """
    )
    assert [(r.queries, r.caches, r.spans) for r in site.requests] == [(0, {}, {})] * 2


def test_a_response_without_bytes_of_its_own_is_recorded(site: Site) -> None:
    """204, 304 and HEAD."""
    site.run(
        """
    @page("<int:status>/")
    def view(request, status):
        return HttpResponse(status=status)

    get("/204/"), get("/304/"), call("HEAD", "/200/")
    """
    )
    assert sorted(r.status for r in site.requests) == [200, 204, 304]


def test_recursion_at_its_limit_is_the_projects_error_alone(site: Site) -> None:
    """Queries and cache operations at the end of the stack: what is raised is Python's."""
    outcome = site.run(
        """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    def down():
        Book.objects.first()
        cache.get("k:1")
        down()

    @page("")
    def view(request):
        try:
            down()
        except RecursionError:
            return HttpResponse("deep enough")

    tell(get().body.decode())
    tell(get().body.decode())
    """
    )
    assert outcome.told == ["deep enough"] * 2
    assert len(site.requests) == 2
