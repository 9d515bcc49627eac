"""Queries of every connection, by pattern and alias."""

from __future__ import annotations

from typing import Any

from .site import Site
from .spooled import CUT, Request

_SHOP = """
    from django.db import IntegrityError, OperationalError
    from tests.hook_behaviour.shop.models import *
    open_shop()
"""


def _run(site: Site, view: str, **settings: Any) -> Request:
    """What one GET recorded."""
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
    return site.request


def test_every_way_to_send_a_statement_is_one_query(site: Site) -> None:
    """The ORM, a raw cursor with and without parameters, executemany, raw()."""
    request = _run(
        site,
        """
        Author.objects.create(name="new")
        list(Author.objects.raw("SELECT id, name FROM shop_author WHERE id < %s", [3]))
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM shop_tag")
            cursor.execute("SELECT %s, %s", ["a", 2])
            cursor.execute("SELECT %(a)s", {"a": 1})
            cursor.executemany("INSERT INTO shop_tag (name) VALUES (%s)", [["a"], ["b"], ["c"]])
        Author.objects.filter(name="new").update(name="old")
        Author.objects.filter(name="nobody").exists()
        """,
    )
    assert request.queries == 8
    assert request.sql == {
        'INSERT INTO "shop_author" ("name") VALUES (?) RETURNING "shop_author"."id"': 1,
        "SELECT id, name FROM shop_author WHERE id < ?": 1,
        "SELECT ? FROM shop_tag": 1,
        "SELECT ?, ?": 1,
        "SELECT ?": 1,
        "INSERT INTO shop_tag (name) VALUES (?)": 1,
        'UPDATE "shop_author" SET "name" = ? WHERE "shop_author"."name" = ?': 1,
        'SELECT ? AS "a" FROM "shop_author" WHERE "shop_author"."name" = ? LIMIT ?': 1,
    }
    assert {use.alias for use in request.patterns} == {"default"}


def test_transactions_count_as_django_sends_them(site: Site) -> None:
    """Savepoints of nested atomic blocks, SQLite's BEGIN; none of them is a repeated query."""
    request = _run(
        site,
        """
        with transaction.atomic():
            Tag.objects.create(name="outer")
            with transaction.atomic():
                Tag.objects.create(name="inner")
                try:
                    with transaction.atomic():
                        Tag.objects.create(name="gone")
                        raise KeyError
                except KeyError:
                    pass
        assert Tag.objects.count() == 2
        """,
    )
    inserts = [calls for sql, calls in request.sql.items() if (sql or "").startswith("INSERT")]
    savepoints = {
        (sql or "").rpartition(" ")[0]: calls
        for sql, calls in request.sql.items()
        if "SAVEPOINT" in (sql or "")
    }
    assert (inserts, request.sql["BEGIN"]) == ([3], 1)
    assert savepoints == {"SAVEPOINT": 2, "RELEASE SAVEPOINT": 2, "ROLLBACK TO SAVEPOINT": 1}
    assert request.queries == 10
    assert request.findings == []


def test_a_statement_that_fails_is_counted(site: Site) -> None:
    """With its time, and the exception as it was."""
    request = _run(
        site,
        """
        for _ in range(2):
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT * FROM nowhere")
            except OperationalError as exc:
                assert "nowhere" in str(exc)
            else:
                raise AssertionError
        """,
    )
    assert request.sql == {"SELECT * FROM nowhere": 2}


def test_the_queries_of_all_aliases_count(site: Site) -> None:
    """Patterns are keyed by alias: the same statement on two databases is two patterns."""
    site.run(
        """
    @page("")
    def view(request):
        for alias, times in (("default", 1), ("archive", 2)):
            for n in range(times):
                connections[alias].cursor().execute("SELECT %s", [n])
        return HttpResponse()

    get(), get()
    """,
        ALIASES=["default", "archive"],
    )
    for request in site.requests:
        uses = sorted((use.alias, use.sql, use.calls) for use in request.patterns)
        assert uses == [("archive", "SELECT ?", 2), ("default", "SELECT ?", 1)]


def test_connections_opened_before_the_start_are_watched(site: Site) -> None:
    """Early queries of the project, a test client's: the wrapper is put on what is open."""
    site.run(
        """
    for alias in connections:
        connections[alias].cursor().execute("SELECT 0")

    @page("")
    def view(request):
        for alias in connections:
            connections[alias].cursor().execute("SELECT 1")
        return HttpResponse()

    from django.test import Client
    client = Client()  # closes no connection
    client.get("/"), client.get("/")
    """,
        ALIASES=["default", "archive"],
    )
    assert [r.queries for r in site.requests] == [2, 2]


def test_a_connection_closed_and_opened_again_counts_once(site: Site) -> None:
    """The wrapper is not put on twice: not within a request, not over many."""
    site.run(
        """
    @page("")
    def view(request):
        for _ in range(3):
            connection.cursor().execute("SELECT 1")
            connection.close()
        return HttpResponse()

    get(), get(), get()
    """
    )
    assert [r.queries for r in site.requests] == [3, 3, 3]


def test_the_wrapper_stands_before_those_of_the_project(site: Site) -> None:
    """At index 0: what the project's wrappers do and answer is part of the query."""
    site.run(
        """
    from django.db.backends.signals import connection_created

    def answering(execute, sql, params, many, context):
        time.sleep(0.02)  # without the database

    def on_created(connection, **kwargs):
        connection.execute_wrappers.append(answering)

    connection_created.connect(on_created)
    connection.execute_wrappers.append(answering)

    @page("")
    def view(request):
        connection.cursor().execute("SELECT 1")
        with connection.execute_wrapper(answering):
            connection.cursor().execute("SELECT 1")
        return HttpResponse()

    get()
    """
    )
    assert site.request.queries == 2
    assert site.request.db_us is not None
    assert site.request.db_us >= 40_000


def test_queries_in_threads_of_a_view_count_where_the_context_goes(site: Site) -> None:
    """`sync_to_async` carries it, thread-sensitive or not; gather too."""
    site.run(
        _SHOP
        + """
    from asgiref.sync import sync_to_async

    @page("")
    async def view(request):
        count = lambda: (Book.objects.count(), connection.close())
        await sync_to_async(count)()
        await sync_to_async(count, thread_sensitive=False)()
        await asyncio.to_thread(count)
        await asyncio.gather(*(Book.objects.acount() for _ in range(3)))
        return HttpResponse()

    aget(), get()
    """
    )
    assert [r.queries for r in site.requests] == [6, 6]


def test_a_thread_or_task_that_outlives_its_request_harms_nobody(site: Site) -> None:
    """Its later queries are of no request; the next request has its own."""
    site.run(
        _SHOP
        + """
    tasks = []

    @page("starts/")
    async def starts(request):
        async def later():
            await asyncio.sleep(0.05)
            await Book.objects.acount()
        tasks.append(asyncio.create_task(later()))
        return HttpResponse()

    @page("next/")
    async def following(request):
        await tasks[0]
        await Book.objects.acount()
        return HttpResponse()

    async def visit():
        await acall("GET", "/starts/")
        await acall("GET", "/next/")

    asyncio.run(visit())
    """
    )
    found = site.by_route()
    assert (found["/starts/"].queries, found["/next/"].queries) == (0, 1)


def test_queries_between_requests_are_of_nobody(site: Site) -> None:
    """At start, in a management command, between two requests."""
    site.run(
        _SHOP
        + """
    @page("")
    def view(request):
        return HttpResponse()

    Book.objects.count()
    get()
    Book.objects.count()
    get()
    """
    )
    assert [(r.queries, r.db_us) for r in site.requests] == [(0, 0), (0, 0)]


def test_comments_do_not_tell_statements_apart(site: Site) -> None:
    """A tracer writes another id into each: one pattern, and repeats are repeats all the same."""
    request = _run(
        site,
        """
        with connection.cursor() as cursor:
            for n in range(6):
                cursor.execute(f"SELECT name FROM shop_tag /* trace='canary-{n}' */ WHERE id = %s", [n])
                cursor.execute(f"SELECT id FROM shop_tag -- canary {n}")
                cursor.execute(f"/* canary {n} */ SELECT id, name FROM shop_tag")
        """,
    )
    assert request.sql == {
        "SELECT name FROM shop_tag WHERE id = ?": 6,
        "SELECT id FROM shop_tag": 6,
        "SELECT id, name FROM shop_tag": 6,
    }
    assert {(f.kind, f.sql, f.calls) for f in request.findings} == {
        ("n", "SELECT name FROM shop_tag WHERE id = ?", 6),
        ("d", "SELECT id FROM shop_tag", 6),
        ("d", "SELECT id, name FROM shop_tag", 6),
    }


def test_lists_of_any_length_are_one_pattern(site: Site) -> None:
    """IN lists, and rows of one INSERT."""
    request = _run(
        site,
        """
        for n in (1, 2, 30):
            list(Tag.objects.filter(pk__in=range(n)))
            Tag.objects.bulk_create(Tag(name=str(i)) for i in range(n))
        """,
    )
    assert {sql: calls for sql, calls in request.sql.items() if sql != "BEGIN"} == {
        'SELECT "shop_tag"."id", "shop_tag"."name" FROM "shop_tag" WHERE "shop_tag"."id" IN (?)': 3,
        'INSERT INTO "shop_tag" ("name") VALUES (?) RETURNING "shop_tag"."id"': 3,
    }


def test_many_patterns_of_a_request_are_summed_beyond_200(site: Site) -> None:
    """The costliest stay by themselves; the sum has all calls of the rest."""
    request = _run(
        site,
        """
        with connection.cursor() as cursor:
            for n in range(300):
                cursor.execute(f"SELECT 1 AS c_{n:03}_x")
        """,
    )
    assert request.queries == 300
    assert len(request.patterns) == 200
    assert sum(use.calls for use in request.patterns) == 300
    assert request.sql[None] == 101


def test_a_process_keeps_a_bounded_number_of_patterns(site: Site) -> None:
    """Statements made up anew without end: all are counted, later ones as (other)."""
    site.run(
        """
    @page("<int:n>/")
    def view(request, n):
        with connection.cursor() as cursor:
            for i in range(1000):
                cursor.execute(f"SELECT 1 AS c_{n}_{i}_x")
        return HttpResponse()

    for n in range(8):
        get(f"/{n}/")
    get("/0/")
    """
    )
    assert [r.queries for r in site.requests] == [1000] * 9
    assert site.requests[7].patterns == [(None, None, 1000, *site.requests[7].patterns[0][3:])]
    named = [use for use in site.requests[8].patterns if use.sql]
    assert len(named) == 199  # what was known before is still told apart


def test_a_record_over_the_size_drops_its_patterns_then_its_caches(site: Site) -> None:
    """64 KB a line, what is dropped is summed, and flagged `cut`; totals stay as they were."""
    aliases = ["a" * 94, "b" * 94]
    site.run(
        f"""
    letters = str.maketrans("0123456789", "abcdefghij")

    @page("<int:prefixes>/")
    def view(request, prefixes):
        with connection.cursor() as cursor:
            for n in range(200):
                cursor.execute(f"SELECT 1 AS c_{{n:03}}_x")
        for n in range(50):
            with django_hook.measure(f"{{n:02}}" + "x" * 98):
                pass
        for alias in {aliases!r}:
            for n in range(prefixes):
                caches[alias].get("k" * 37 + f"{{n:03}}".translate(letters) + ":1")
        return HttpResponse()

    get("/20/"), get("/182/"), get("/200/")
    """,
        CACHES={
            alias: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": alias}
            for alias in ("default", *aliases)
        },
    )
    whole, without_patterns, without_caches = site.requests
    assert [r.flags & CUT for r in site.requests] == [0, CUT, CUT]
    assert [len(r.patterns) for r in site.requests] == [200, 1, 1]
    assert [len(r.caches) for r in site.requests] == [40, 364, 2]
    assert [len(r.spans) for r in site.requests] == [50] * 3
    for r, misses in zip(site.requests, (40, 364, 400), strict=True):
        assert (r.queries, sum(use.calls for use in r.patterns)) == (200, 200)
        assert sum(counts[1] for counts in r.caches.values()) == misses
    assert [use.sql for use in without_patterns.patterns] == [None]
    assert set(without_caches.caches) == {(alias, "(other)") for alias in aliases}
    assert whole.patterns[0].sql


def test_a_statement_of_any_kind_of_text_is_counted(site: Site) -> None:
    """Bytes, a lazy text, a driver's composed statement: as its driver would take it."""
    request = _run(
        site,
        """
        from django.utils.functional import lazystr
        from django.utils.safestring import mark_safe
        with connection.cursor() as cursor:
            cursor.execute(mark_safe("SELECT 1 FROM shop_tag"))
            for odd in (lazystr("SELECT 2"), b"SELECT 3", object(), None, ""):
                try:
                    cursor.execute(odd)
                except Exception as exc:
                    assert "perfctl" not in repr(exc)
        """,
    )
    assert request.queries == 6
    assert request.sql["SELECT ? FROM shop_tag"] == 1


def test_parameters_of_any_kind_pass(site: Site) -> None:
    """Unhashable, without equality, an iterator, one that raises: the driver alone judges them."""
    site.run(
        _SHOP
        + """
    class Hostile(str):
        def __hash__(self):
            raise RuntimeError("no hash")
        def __repr__(self):
            raise RuntimeError("no text")

    @page("")
    def view(request):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s", [bytearray(b"x")])
            cursor.execute("SELECT %s", [memoryview(b"x")])
            cursor.execute("SELECT %s", [Hostile("x")])
            cursor.execute("SELECT %s, %s", (Hostile("x"), 1))
            cursor.executemany("INSERT INTO shop_tag (name) VALUES (%s)", iter([["a"], ["b"]]))
            cursor.execute("SELECT count(*) FROM shop_tag")
            assert cursor.fetchone() == (2,)
        return HttpResponse()

    tell(get().status)
    """
    )
    assert site.request.status == 200
    assert (site.request.queries or 0) + site.spool.counters.get("hook:query", 0) == 6


def test_iterators_over_a_server_side_cursor_count(site: Site) -> None:
    """`iterator()` asks once for all its chunks."""
    request = _run(
        site,
        """
        assert sum(1 for book in Book.objects.iterator(chunk_size=2)) == 6
        """,
    )
    assert request.queries == 1


def test_total_and_longest_time_of_a_pattern(site: Site) -> None:
    """Each use has its calls, their time in all and the longest of them; db_us is the sum."""
    request = _run(
        site,
        """
        def slow(execute, sql, params, many, context):
            time.sleep(0.01 * params[0] if params else 0)
            return execute(sql, params, many, context)
        with connection.execute_wrapper(slow):
            for n in (1, 2, 3):
                connection.cursor().execute("SELECT %s", [n])
        """,
    )
    [use] = request.patterns
    assert use.total_us >= 60_000
    assert 30_000 <= use.max_us <= use.total_us - 30_000
    assert request.db_us is not None
    assert abs(request.db_us - use.total_us) <= 1
