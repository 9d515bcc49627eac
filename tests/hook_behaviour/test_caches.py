"""Cache operations: hits, misses and writes of each alias and key prefix."""

from __future__ import annotations

from typing import Any

import pytest

from .site import Site
from .spooled import CUT

_LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
K = ("default", "k")


def _counts(site: Site, body: str, **settings: Any) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Hits, misses and writes of one GET of a view; async where the body awaits."""
    site.run(
        f"""
    import warnings
    warnings.simplefilter("ignore")  # keys that memcached would not take
    cache.set("k:there", 1)

    @page("")
    {"async " if "await" in body else ""}def view(request):
        {body}
        return HttpResponse()

    assert ask({"asgi" if "await" in body else "wsgi"!r}).status == 200
    """,
        **settings,
    )
    return site.request.caches


_OPERATIONS = [
    ("get('k:there')", (1, 0, 0)),
    ("get('k:gone')", (0, 1, 0)),
    ("get('k:gone', 'default')", (0, 1, 0)),
    ("get(key='k:there', default=None, version=1)", (1, 0, 0)),
    ("set('k:new', 1)", (0, 0, 1)),
    ("set(key='k:new', value=1, timeout=10)", (0, 0, 1)),
    ("add('k:there', 1)", (0, 0, 1)),
    ("add('k:new', 1)", (0, 0, 1)),
    ("touch('k:there', 10)", (0, 0, 1)),
    ("delete('k:there')", (0, 0, 1)),
    ("delete('k:gone')", (0, 0, 1)),
    ("incr('k:there')", (0, 0, 1)),
    ("incr('k:there', delta=2)", (0, 0, 1)),
    ("decr('k:there')", (0, 0, 1)),
    ("has_key('k:there')", (1, 0, 0)),
    ("has_key('k:gone')", (0, 1, 0)),
    ("get_many(['k:there', 'k:too', 'k:gone'])", (2, 1, 0)),
    ("get_many(key for key in ['k:there', 'k:gone'])", (1, 1, 0)),
    ("set_many({'k:a': 1, 'k:b': 2})", (0, 0, 2)),
    ("delete_many(['k:there', 'k:gone'])", (0, 0, 2)),
    ("delete_many(iter(['k:there', 'k:gone']))", (0, 0, 2)),
    ("get_or_set('k:there', 9)", (1, 0, 0)),
    ("get_or_set('k:new', 9)", (0, 1, 1)),
    ("get_or_set('k:new', lambda: 9, timeout=10)", (0, 1, 1)),
    ("incr_version('k:there')", (0, 0, 1)),
    ("decr_version('k:there', version=1)", (0, 0, 1)),
]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_each_operation_counts_once(is_async: bool, site: Site) -> None:
    """However many calls a backend makes for it: one look-up, one write, or one of each key."""
    views = ""
    for number, (operation, _) in enumerate(_OPERATIONS):
        kind, call = ("async ", "await cache.a") if is_async else ("", "cache.")
        views += f"""
    @page("{number}/")
    {kind}def view(request):
        {call}{operation}
        return HttpResponse()
"""
    site.run(
        views
        + f"""
    for number in range({len(_OPERATIONS)}):
        cache.clear()
        cache.set("k:there", 1)
        cache.set("k:too", 2)
        answer = ask({"asgi" if is_async else "wsgi"!r}, f"/{{number}}/")
        assert answer.status == 200, number
    """
    )
    counted = {
        operation: site.by_route()[f"/{number}/"].caches
        for number, (operation, _) in enumerate(_OPERATIONS)
    }
    assert counted == {operation: {K: counts} for operation, counts in _OPERATIONS}


@pytest.mark.parametrize(
    "backend",
    [
        "locmem.LocMemCache",
        "filebased.FileBasedCache",
        "db.DatabaseCache",
        "dummy.DummyCache",
    ],
)
def test_every_backend_counts_alike(backend: str, site: Site) -> None:
    """Those that build one operation on others too; Django's dummy finds nothing."""
    site.run(
        """
    from django.core.management import call_command
    call_command("createcachetable", "cache_table", verbosity=0)

    @page("")
    def view(request):
        cache.get("k:1")
        cache.set("k:1", 1)
        cache.get("k:1")
        cache.get_or_set("k:2", 2)
        cache.get_many(["k:1", "k:3"])
        cache.set_many({"k:4": 1, "k:5": 2})
        "k:1" in cache
        return HttpResponse()

    get()
    """,
        CACHES={
            "default": {
                "BACKEND": f"django.core.cache.backends.{backend}",
                "LOCATION": "cache_table" if "db" in backend else str(site.folder / "cache"),
            }
        },
    )
    finds = 0 if "dummy" in backend else 1
    assert site.request.caches == {K: (3 * finds, 3 + 3 * (1 - finds), 4)}


def test_an_operation_within_another_is_part_of_it(site: Site) -> None:
    """A backend of the project's own that is built on the public methods."""
    site.run(
        """
    from django.core.cache.backends.locmem import LocMemCache

    class Layered(LocMemCache):
        def get(self, key, default=None, version=None):
            if super().has_key(key, version=version):
                return super().get(key, default, version)
            return default
        def set_many(self, data, **kwargs):
            for key, value in data.items():
                self.set(key, value)
            return []

    @page("")
    def view(request):
        cache.get("k:1")
        cache.set_many({"k:1": 1, "k:2": 2})
        cache.get("k:1")
        return HttpResponse()

    get()
    """,
        CACHES={"default": {"BACKEND": "project.Layered"}},
    )
    assert site.request.caches == {K: (1, 1, 2)}


def test_what_the_project_computes_for_a_missing_key_is_its_own(site: Site) -> None:
    """Operations in `get_or_set`'s callable count for themselves, the time of it for nobody."""
    site.run(
        """
    def compute():
        time.sleep(0.05)
        cache.set("inner:1", 1)
        return 1

    @page("")
    def view(request):
        cache.get_or_set("k:new", compute)
        return HttpResponse()

    get()
    """
    )
    assert site.request.caches == {K: (0, 1, 1), ("default", "inner"): (0, 0, 1)}
    assert site.request.caches_us < 50_000


def test_the_time_of_operations_is_recorded(site: Site) -> None:
    """That of the backend, summed."""
    site.run(
        """
    from django.core.cache.backends.locmem import LocMemCache

    class Slow(LocMemCache):
        def set(self, *args, **kwargs):
            time.sleep(0.02)
            super().set(*args, **kwargs)

    @page("")
    def view(request):
        cache.set("k:1", 1), cache.set("k:2", 1)
        return HttpResponse()

    get()
    """,
        CACHES={"default": {"BACKEND": "project.Slow"}},
    )
    assert site.request.caches_us >= 40_000


def test_aliases_are_told_apart(site: Site) -> None:
    """Also where two are of one backend, and one of them inherits from another's class."""
    counts = _counts(
        site,
        "caches['default'].get('k:there'); caches['second'].get('k:there'); "
        "caches['file'].set('k:a', 1)",
        CACHES={
            "default": {"BACKEND": _LOCMEM, "LOCATION": "one"},
            "second": {"BACKEND": _LOCMEM, "LOCATION": "two"},
            "file": {
                "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
                "LOCATION": str(site.folder / "cache"),
            },
        },
    )
    assert counts == {K: (1, 0, 0), ("second", "k"): (0, 1, 0), ("file", "k"): (0, 0, 1)}


def test_only_what_reads_like_a_name_is_a_prefix(site: Site) -> None:
    """Before the first `:`, letters and `_.-`, 40 at most; the rest is (other)."""
    prefixes = {
        "vault:7": "vault",
        "a.b_c-D:x:y": "a.b_c-D",
        "n" * 40 + ":1": "n" * 40,
        "n" * 41 + ":1": "(other)",
        "user7:1": "(other)",
        "no-colon": "(other)",
        ":x": "(other)",
        " a:x": "(other)",
        "é:x": "(other)",
        "a/b:x": "(other)",
        "django.contrib.sessions.cachek3v9q2canary": "(other)",
        "a\n:x": "(other)",
    }
    counts = _counts(site, f"for key in {list(prefixes)!r}: caches['second'].get(key)", CACHES={
        "default": {"BACKEND": _LOCMEM},
        "second": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    })  # fmt: skip
    expected: dict[tuple[str, str], tuple[int, int, int]] = {}
    for prefix in prefixes.values():
        _, misses, _ = expected.get(("second", prefix), (0, 0, 0))
        expected["second", prefix] = (0, misses + 1, 0)
    assert counts == expected


def test_keys_that_are_no_text_pass(site: Site) -> None:
    """A cache takes what its key function makes of it; the record says (other)."""
    counts = _counts(site, "cache.set(7, 'x'); cache.get(7); cache.get((1, 2)); cache.get(None)")
    assert counts == {("default", "(other)"): (1, 2, 1)}


def test_a_hostile_key_is_the_projects_own_affair(site: Site) -> None:
    """What the cache raises is raised; what only the hook would raise is not."""
    site.run(
        """
    class Key(str):
        def find(self, *args):
            raise RuntimeError("not for the hook")
        partition = split = index = __hash__ = find

    class Broken:
        def __str__(self):
            raise ZeroDivisionError

    @page("")
    def view(request):
        cache.set(Key("k:1"), 1)
        assert cache.get("k:1") == 1
        try:
            cache.get(Broken())
        except ZeroDivisionError:
            return HttpResponse("raised")

    tell(get().body.decode())
    """
    )
    assert site.request.status == 200
    [(alias, _), *_] = site.request.caches
    assert alias == "default"


def test_prefixes_are_bounded(site: Site) -> None:
    """200 an alias in a process; what comes later is (other)."""
    site.run(
        """
    letters = str.maketrans("0123456789", "abcdefghij")

    @page("<int:start>/")
    def view(request, start):
        for n in range(start, start + 150):
            cache.get(f"{n:04}".translate(letters) + ":1")
            caches["second"].get("one:1")
        return HttpResponse()

    get("/0/"), get("/150/"), get("/0/")
    """,
        CACHES={
            "default": {"BACKEND": _LOCMEM, "LOCATION": "a"},
            "second": {"BACKEND": _LOCMEM, "LOCATION": "b"},
        },
    )
    first, second, again = site.requests
    assert (len(first.caches), len(second.caches), len(again.caches)) == (151, 52, 151)
    assert second.caches["default", "(other)"] == (0, 100, 0)
    assert second.caches["second", "one"] == (0, 150, 0)


def test_values_and_defaults_are_what_the_cache_gives(site: Site) -> None:
    """None as a value is a hit, a default is not; arguments arrive as they were given."""
    outcome = site.run(
        """
    @page("")
    def view(request):
        cache.set("k:none", None)
        tell([
            cache.get("k:none", "default"),
            cache.get("k:gone"),
            cache.get("k:gone", "default"),
            cache.get("k:gone", default="named"),
            cache.get_or_set("k:made", "made"),
            cache.get_or_set("k:none", "made"),
            cache.get_many(["k:none", "k:gone"]),
            cache.add("k:none", 1),
            cache.delete("k:gone"),
            cache.touch("k:gone"),
            cache.set("k:v", 1, version=2) is None and cache.get("k:v", version=2),
        ])
        for call in (lambda: cache.incr("k:gone"), lambda: cache.get(), lambda: cache.set("k:1")):
            try:
                call()
            except (ValueError, TypeError) as exc:
                tell(type(exc).__name__)
        return HttpResponse()

    get()
    """
    )
    assert outcome.told == [
        [None, None, "default", "named", "made", None, {"k:none": None}, False, False, False, 1],
        "ValueError",
        "TypeError",
        "TypeError",
    ]
    assert site.request.status == 200


def test_operations_outside_of_requests_are_of_nobody(site: Site) -> None:
    """At start, in a command: they run as they are."""
    site.run(
        """
    @page("")
    def view(request):
        return HttpResponse()

    get()
    cache.set("k:1", 1)
    assert cache.get("k:1") == 1
    get()
    """
    )
    assert [r.caches for r in site.requests] == [{}, {}]


def test_a_cache_that_cannot_be_made_stops_nothing(site: Site) -> None:
    """Django says what is wrong with it when it is used; the others are watched."""
    site.run(
        """
    @page("")
    def view(request):
        cache.get("k:1")
        return HttpResponse()

    tell(get().status)
    """,
        CACHES={"default": {"BACKEND": _LOCMEM}, "broken": {"BACKEND": "no.such.Cache"}},
    )
    assert (site.request.status, site.request.caches) == (200, {K: (0, 1, 0)})


def test_sessions_in_the_cache_are_seen_without_their_keys(site: Site) -> None:
    """A session key is a credential: its operations are (other)."""
    outcome = site.run(
        """
    @page("")
    def view(request):
        request.session["x"] = 1
        request.session.save()
        tell(request.session.session_key)
        return HttpResponse()

    get()
    """,
        INSTALLED_APPS=["django.contrib.sessions"],
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        MIDDLEWARE=["Cache", "django.contrib.sessions.middleware.SessionMiddleware"],
    )
    assert set(site.request.caches) == {("default", "(other)")}
    assert outcome.told[0].encode() not in b"".join(site.spool.lines)


def test_caches_that_were_summed_are_flagged(site: Site) -> None:
    """`cut`: something was left out to fit, here into 400 items."""
    aliases = ["default", "second", "third"]
    site.run(
        """
    letters = str.maketrans("0123456789", "abcdefghij")

    @page("")
    def view(request):
        for alias in list(caches):
            for n in range(150):
                caches[alias].get("k" + f"{n:03}".translate(letters) + ":1")
        return HttpResponse()

    get()
    """,
        CACHES={
            alias: {
                "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
                "LOCATION": alias,
            }
            for alias in aliases
        },
    )
    assert set(site.request.caches) == {(alias, "(other)") for alias in aliases}
    assert site.request.flags & CUT


def test_a_view_that_is_collected_while_it_waits_sees_what_it_would_see(site: Site) -> None:
    """GeneratorExit, in another context than it began in."""
    outcome = site.run(
        """
    import gc
    from django.core.cache.backends.dummy import DummyCache
    from django.test import AsyncRequestFactory

    class Waiting(DummyCache):
        async def aget(self, *args, **kwargs):
            await asyncio.Event().wait()

    @page("")
    async def view(request):
        try:
            await caches["default"].aget("a:1")
        except BaseException as exc:
            tell(type(exc).__name__)
            raise
        return HttpResponse()

    async def begin():
        ask = handler("asgi").get_response_async
        asyncio.ensure_future(ask(AsyncRequestFactory().get("/")))
        await asyncio.sleep(0.05)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    gc.collect()
    """,
        CACHES={"default": {"BACKEND": "project.Waiting"}},
    )
    assert outcome.told == ["GeneratorExit"]
