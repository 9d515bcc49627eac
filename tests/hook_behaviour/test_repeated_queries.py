"""N+1 and duplicates: which are found, with what, and which are left quiet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from .site import Site
from .spooled import DUPLICATES, Finding

_SHOP = """
    from tests.hook_behaviour.shop.models import *
    open_shop()
"""


def _findings(site: Site, view: str, **settings: Any) -> list[Finding]:
    """What one GET of a view found."""
    site.run(
        _SHOP
        + f"""
    @page("")
    def view(request):
{view}
        return HttpResponse()

    assert get().status == 200
    """,
        **settings,
    )
    return site.request.findings


def test_an_n_plus_one_has_its_line_its_cost_and_what_to_add(site: Site) -> None:
    """A foreign key followed row by row."""
    [found] = _findings(
        site,
        """
        for book in Book.objects.all():
            book.author.name  # here
        """,
    )
    assert (found.kind, found.calls) == ("n", 6)
    assert (found.sql or "").startswith('SELECT "shop_author"."id", "shop_author"."name" FROM')
    assert found.site == f"project.py:{site.line('# here')} in view"
    assert "select_related('author')" in (found.detail or "")
    assert 0 < found.total_us <= (site.request.db_us or 0)


@pytest.mark.parametrize(("times", "kinds"), [(4, []), (5, ["n"])])
def test_five_times_is_an_n_plus_one(times: int, kinds: list[str], site: Site) -> None:
    """Fewer are not."""
    found = _findings(site, f"        for n in range({times}): Book.objects.filter(pk=n).first()")
    assert [finding.kind for finding in found] == kinds


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("for a in Author.objects.all(): list(a.book_set.all())", "prefetch_related('book_set')"),
        ("for b in Book.objects.all(): list(b.tags.all())", "prefetch_related('tags')"),
        ("for a in Author.objects.all(): a.book_set.count()", "Count('book')"),
        ("for a in Author.objects.all(): a.book_set.exists()", None),
        ("for b in Book.objects.only('pk'): b.title", "deferred"),
        ("for n in range(6): Book.objects.get(pk=n + 1)", "in_bulk"),
        ("for n in range(6): list(Book.objects.filter(pk__in=range(n + 1)))", None),
        ("for b in Book.objects.all(): b.save()", "bulk_update"),
        ("for n in range(6): Tag.objects.create(name=n)", "bulk_create"),
        ("[connection.cursor().execute(f'SELECT {n}') for n in range(6)]", None),
        ("for n in range(6): connection.cursor().execute('SELECT %s', [n])", None),
    ],
)
def test_basic_kinds_are_found(body: str, advice: str | None, site: Site) -> None:
    """Relations, counts, look-ups, writes, raw SQL with parameters and with literals."""
    found = _findings(site, f"        {body}  # here")
    assert [(f.kind, f.calls) for f in found] == [("n", 6)]
    assert found[0].site == f"project.py:{site.line('# here')} in view"
    if advice:
        assert advice in (found[0].detail or "")


@pytest.mark.parametrize(
    "body",
    [
        "for b in Book.objects.select_related('author'): b.author.name",
        "for b in Book.objects.prefetch_related('tags', 'author__book_set'): list(b.tags.all())",
        "for b in Book.objects.prefetch_related('tags').iterator(chunk_size=1): list(b.tags.all())",
        "Tag.objects.bulk_create([Tag(name=n) for n in range(12)], batch_size=2)",
        "Book.objects.bulk_update(Book.objects.all(), ['title'], batch_size=1)",
        "Book.objects.in_bulk(range(5000))",
        "for _ in range(8):\n            with transaction.atomic(), transaction.atomic(): pass",
        "Author.objects.all().delete()",
    ],
)
def test_djangos_own_batches_are_no_n_plus_one(body: str, site: Site) -> None:
    """Prefetches, bulk operations, savepoints: however many statements one call sends."""
    assert _findings(site, f"        {body}") == []


def test_a_batch_called_row_by_row_is_an_n_plus_one(site: Site) -> None:
    """`bulk_create` of one row in a loop is `create` in a loop."""
    found = _findings(
        site, "        for n in range(6): Tag.objects.bulk_create([Tag(name=str(n))])  # here"
    )
    assert [f.kind for f in found] == ["n"]
    assert found[0].site == f"project.py:{site.line('# here')} in view"


def test_identical_parameters_are_a_duplicate_not_an_n_plus_one(site: Site) -> None:
    """The same question asked again could be remembered; the request is flagged."""
    [found] = _findings(
        site, "        for _ in range(6): Book.objects.filter(pk=1).first()  # here"
    )
    assert (found.kind, found.calls) == ("d", 6)
    assert found.site == f"project.py:{site.line('# here')} in view"
    assert site.request.flags & DUPLICATES


def test_a_duplicate_is_seen_from_two_places(site: Site) -> None:
    """The same statement with the same parameters, from two lines of the project."""
    found = _findings(
        site,
        """
        Book.objects.filter(pk=1).first()
        Book.objects.filter(pk=2).first()
        Book.objects.filter(pk=1).first()
        """,
    )
    assert [(f.kind, f.calls) for f in found] == [("d", 2)]


def test_two_paths_are_two_questions(site: Site) -> None:
    """One helper called from six lines is no loop; each loop is a finding of its own."""
    found = _findings(
        site,
        """
        def ask(n): return Book.objects.filter(pk=n).first()
        ask(1)
        ask(2)
        ask(3)
        ask(4)
        ask(5)
        ask(6)
        """,
    )
    assert found == []


def test_each_loop_over_one_helper_is_a_finding(site: Site) -> None:
    """The path tells them apart, and the caller's line is told."""
    found = _findings(
        site,
        """
        def ask(n): return Book.objects.filter(pk=n).first()  # helper
        for n in range(5): ask(n)  # first
        for n in range(7): ask(n + 10)  # second
        """,
    )
    assert sorted(f.calls for f in found) == [5, 7]
    assert {f.site for f in found} == {f"project.py:{site.line('# helper')} in view.ask"}
    told = "".join(f.detail or "" for f in found)
    for mark in ("# first", "# second"):
        assert f"project.py:{site.line(mark)}" in told


def test_a_template_that_asks_is_named_with_its_line(site: Site) -> None:
    """From the node that is rendered, not the line in Python that renders."""
    (site.folder / "shelf.html").write_text(
        "<ul>\n{% for book in books %}\n<li>{{ book.author.name }}</li>\n{% endfor %}\n</ul>\n"
    )
    found = _findings(
        site,
        """
        from django.shortcuts import render
        render(request, "shelf.html", {"books": Book.objects.all()})
        """,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [str(site.folder)],
            }
        ],
    )
    assert [(f.kind, f.calls, f.site) for f in found] == [("n", 6, "shelf.html:3")]


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_an_async_view_has_its_line(server: str, site: Site) -> None:
    """The ORM runs in a thread: the frames are those of the task that awaits it."""
    site.run(
        _SHOP
        + f"""
    @page("")
    async def view(request):
        async for book in Book.objects.all():
            await Author.objects.aget(pk=book.author_id)  # here
        return HttpResponse()

    ask({server!r})
    """
    )
    [found] = site.request.findings
    assert (found.kind, found.calls) == ("n", 6)
    assert found.site == f"project.py:{site.line('# here')} in view"


def test_a_sync_view_under_asgi_has_its_line(site: Site) -> None:
    """It runs in a thread, and so do its queries."""
    site.run(
        _SHOP
        + """
    @page("")
    def view(request):
        for book in Book.objects.all():
            book.author.name  # here
        return HttpResponse()

    aget()
    """
    )
    [found] = site.request.findings
    assert (found.kind, found.calls) == ("n", 6)
    assert found.site == f"project.py:{site.line('# here')} in view"


def test_what_a_middleware_asks_again_and_again_is_found(site: Site) -> None:
    """The project's middlewares are its own code as much as its views."""
    site.run(
        _SHOP
        + """
    def checking(get_response):
        def check(request):
            for n in range(6):
                Book.objects.filter(pk=n).exists()  # here
            return get_response(request)
        return check

    page("")(lambda request: HttpResponse())
    get()
    """,
        MIDDLEWARE=["Performance", "Database", "API", "Cache", "project.checking"],
    )
    [found] = site.request.findings
    assert (found.kind, found.calls) == ("n", 6)
    assert found.site == f"project.py:{site.line('# here')} in checking.check"


def test_what_a_stream_asks_row_by_row_is_found(site: Site) -> None:
    """Over all its chunks."""
    site.run(
        _SHOP
        + """
    @page("")
    def view(request):
        def rows():
            for book in Book.objects.all():
                yield book.author.name  # here
        return StreamingHttpResponse(rows())

    get()
    """
    )
    [found] = site.request.findings
    assert (found.kind, found.calls) == ("n", 6)
    assert found.site == f"project.py:{site.line('# here')} in view.rows"


_LIBRARY = """
    def look(model, times):
        for n in range(times):
            model.objects.filter(pk=n).first()  # library
"""


def test_packages_are_not_the_projects_own(site: Site) -> None:
    """The project's line that calls the package is the place."""
    found = _findings(site, f"        {_install(site, _LIBRARY)}; lookup.look(Book, 6)  # here")
    assert [(f.kind, f.site) for f in found] == [("n", f"project.py:{site.line('# here')} in view")]


def test_a_path_without_own_frames_goes_by_the_packages_and_says_so(site: Site) -> None:
    """A view of an installed app, such as a shop's."""
    installed = _install(
        site,
        _LIBRARY
        + """
    def view(request):
        from tests.hook_behaviour.shop.models import Book
        from django.http import HttpResponse
        look(Book, 6)
        return HttpResponse()
""",
    )
    site.run(
        _SHOP
        + f"""
    {installed}
    page("")(lookup.view)
    assert get().status == 200
    """
    )
    [found] = site.request.findings
    assert found.kind == "n"
    assert (found.site or "").startswith("lookup.py:4 in look")
    assert "library" in (found.detail or "")


def test_a_virtual_environment_inside_the_project_is_not_its_own(site: Site) -> None:
    """As with `.venv` beside manage.py."""
    library = site.folder / ".venv" / "lib" / "python3.11" / "site-packages"
    library.mkdir(parents=True)
    (library / "inner.py").write_text(textwrap.dedent(_LIBRARY))
    found = _findings(
        site,
        f"        sys.path.append({str(library)!r}); import inner; inner.look(Book, 6)  # here",
    )
    assert [f.site for f in found] == [f"project.py:{site.line('# here')} in view"]


def test_the_same_n_plus_one_is_found_in_each_request(site: Site) -> None:
    """What was learnt at the first request does not hide it at the next."""
    site.run(
        _SHOP
        + """
    @page("")
    def view(request):
        for book in Book.objects.all():
            book.author.name
        return HttpResponse()

    get(), get(), get()
    """
    )
    first, *others = [r.findings for r in site.requests]
    assert [(f.kind, f.calls, f.sql, f.site, f.detail) for [f] in others] == [
        (f.kind, f.calls, f.sql, f.site, f.detail) for f in first * 2
    ]


_NOISY = """
    @page("shelf/<int:n>/")
    def view(request, n):
        for book in Book.objects.all():
            book.author.name  # here
        return HttpResponse()

    get("/shelf/1/")
"""


@pytest.mark.parametrize(
    "entry",
    [
        "/shelf/<int:n>/",
        "/shelf/*",
        "project.py:{line}",
        "project.py",
        'SELECT "shop_author"."id", "shop_author"."name" FROM',
    ],
)
def test_findings_are_suppressed_by_route_line_and_fingerprint(entry: str, site: Site) -> None:
    """The finding is gone, the queries are not; the entry was used."""
    line = site.write(_SHOP + _NOISY) and site.line("# here")
    entry = entry.replace("{line}", str(line))
    site.run(_SHOP + _NOISY, PERFCTL={"N_PLUS_ONE_IGNORE": [entry]})
    assert (site.request.findings, site.request.queries) == ([], 7)


@pytest.mark.parametrize(
    "entry",
    ["/other/", "/shelf/", "project.py:1", "other.py", "SELECT nothing", "oject.py", "author"],
)
def test_entries_that_do_not_match_suppress_nothing(entry: str, site: Site) -> None:
    """An entry is no substring search."""
    site.run(_SHOP + _NOISY, PERFCTL={"N_PLUS_ONE_IGNORE": [entry]})
    assert [f.kind for f in site.request.findings] == ["n"]


def test_each_entry_is_counted_so_that_unused_ones_show(site: Site) -> None:
    """The counters name all entries from the first record on, with how often each was used."""
    site.run(
        _SHOP + _NOISY + '    get("/shelf/2/")\n',
        PERFCTL={"N_PLUS_ONE_IGNORE": ["/shelf/*", "/gone/"]},
    )
    counted = {name.rpartition(":")[2]: n for name, n in site.spool.counters.items()}
    assert counted == {"/shelf/*": 2, "/gone/": 0}


def test_an_unused_suppression_is_reported_by_doctor(site: Site) -> None:
    """An entry that took nothing out is named, one that did is not."""
    site.run(
        """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("shelf/")
    def view(request):
        for book in Book.objects.all():
            book.author.name
        return HttpResponse()

    get("/shelf/")
    """,
        PERFCTL={"N_PLUS_ONE_IGNORE": ["/shelf/", "/gone/"]},
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith("PERFCTL")}
    command = [sys.executable, "-m", "perfctl", "--db", str(site.store)]
    subprocess.run([*command, "collect"], env=env, capture_output=True, check=True)
    doctor = subprocess.run(
        [*command, "doctor", "--format", "json"], env=env, capture_output=True, text=True
    )
    findings = json.loads(doctor.stdout)["data"]["findings"]
    told = [finding["detail"] for finding in findings]
    assert any("/gone/" in detail for detail in told), told
    assert not any("/shelf/" in detail for detail in told)


def test_a_duplicate_is_not_suppressed_as_an_n_plus_one(site: Site) -> None:
    """The setting speaks of N+1."""
    found = _findings(
        site,
        "        for _ in range(6): Book.objects.filter(pk=1).first()",
        PERFCTL={"N_PLUS_ONE_IGNORE": ["/"]},
    )
    assert [f.kind for f in found] == ["d"]


def _install(site: Site, text: str) -> str:
    """Put a module `lookup` where packages are, outside of BASE_DIR; the line that finds it."""
    packages = site.folder.parent / f"{site.folder.name}-env" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "lookup.py").write_text(textwrap.dedent(text))
    return f"sys.path.append({str(packages)!r}); import lookup"


@pytest.mark.parametrize("server", ["asgi", "wsgi"])
def test_an_n_plus_one_in_gathered_tasks_has_its_line(server: str, site: Site) -> None:
    """The tasks have Django's frames only: those of the view's task, which waits for them, follow."""
    site.run(
        f"""
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("")
    async def view(request):
        await asyncio.gather(*(Book.objects.aget(pk=n + 1) for n in range(6)))  # here
        return HttpResponse()

    assert ask({server!r}).status == 200
    """
    )
    [found] = site.request.findings
    assert found.site == f"project.py:{site.line('# here')} in view"


def test_what_is_lazy_is_not_woken_to_find_the_place(site: Site) -> None:
    """An awaitable of the project's may hold what loads a user when it is asked for anything."""
    outcome = site.run(
        _SHOP
        + """
    from django.utils.functional import SimpleLazyObject

    class Waits:
        def __init__(self, awaited, user):
            self.awaited, self.user = awaited, user

        def __await__(self):
            return self

        def __iter__(self):
            return self

        def __next__(self):
            return next(self.awaited)

        def send(self, value):
            return self.awaited.send(value)

    async def fetch(n):
        user = SimpleLazyObject(lambda: tell("woken"))
        await Waits(Book.objects.aget(pk=n).__await__(), user)

    @page("")
    async def view(request):
        await asyncio.gather(*(fetch(n + 1) for n in range(6)))
        return HttpResponse()

    assert aget().status == 200
    """
    )
    assert outcome.told == []
    assert site.request.queries == 6


def test_tasks_are_looked_through_a_few_times_only(site: Site) -> None:
    """However many tasks ask: their waiters are found all at once, and then seldom again."""
    outcome = site.run(
        _SHOP
        + """
    from django_hook import awaiting
    all_tasks, asked = asyncio.all_tasks, []
    awaiting.asyncio.all_tasks = lambda loop: asked.append(1) or all_tasks(loop)

    @page("")
    async def view(request):
        for _ in range(20):
            await asyncio.gather(*(Book.objects.aget(pk=n + 1) for n in range(6)))
        return HttpResponse()

    assert aget().status == 200
    tell(len(asked))
    """
    )
    [searches] = outcome.told
    assert 1 <= searches <= 8
    assert site.request.queries == 120


def test_a_task_that_waits_for_its_own_generator_leads_nowhere(site: Site) -> None:
    """Another library's task in the loop: a generator that awaits an object which holds it."""
    site.run(
        _SHOP
        + """
    class Ready:
        def __await__(self):
            return self

        def __iter__(self):
            return self

        def __next__(self):
            self.future._asyncio_future_blocking = True
            return self.future

        send = lambda self, value: next(self)

    async def events(ready):
        await ready
        yield

    async def consume(generator):
        async for _ in generator:
            pass

    @page("")
    async def view(request):
        ready = Ready()
        ready.future = asyncio.get_running_loop().create_future()
        ready.generator = events(ready)
        task = asyncio.create_task(consume(ready.generator))
        await asyncio.sleep(0)
        await asyncio.gather(*(Book.objects.aget(pk=n + 1) for n in range(6)))
        task.cancel()
        return HttpResponse()

    assert aget().status == 200
    """
    )
    assert site.request.queries == 6
