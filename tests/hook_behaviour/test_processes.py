"""What belongs to a process: forks, memory, CPU time, threads and files."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.architecture import level_of

from .site import Site

_COUNTING = """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("")
    def view(request):
        Book.objects.count()
        return HttpResponse()

    def forked(act, fork=os.fork):
        pid = fork()
        if not pid:
            try:
                act()
            finally:
                os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        return pid
"""


def test_a_request_that_forks_is_recorded_where_it_began(site: Site) -> None:
    """The child comes back out of the view too, through the same middlewares: no second record."""
    outcome = site.run(
        _COUNTING
        + """
    @page("fork/")
    def fork(request):
        Book.objects.count()
        children.append(os.fork())
        return HttpResponse()

    children = []
    me = os.getpid()
    get("/fork/")
    if os.getpid() != me:
        os._exit(0)
    assert os.waitpid(children[0], 0)[1] == 0
    tell(me)
    """
    )
    assert outcome.told == [site.request.pid]
    assert site.request.queries == 1


def test_a_stream_that_forks_is_recorded_where_it_began(site: Site) -> None:
    """The child reads the stream to its end as well."""
    outcome = site.run(
        """
    @page("")
    def view(request):
        def chunks():
            yield b"a"
            children.append(os.fork())
            yield b"b"
        return StreamingHttpResponse(chunks())

    children = []
    me = os.getpid()
    get("/")
    if os.getpid() != me:
        os._exit(0)
    assert os.waitpid(children[0], 0)[1] == 0
    tell(me)
    """
    )
    assert outcome.told == [site.request.pid]


def test_an_exception_in_a_forked_child_of_a_request_is_not_recorded(site: Site) -> None:
    """Neither as a request nor as an error: what runs on in the child is not the request."""
    site.run(
        """
    @page("")
    def view(request):
        children.append(os.fork())
        if not children[0]:
            raise ValueError
        return HttpResponse()

    children = []
    me = os.getpid()
    get("/")
    if os.getpid() != me:
        os._exit(0)
    os.waitpid(children[0], 0)
    """
    )
    assert (site.request.status, site.errors) == (200, [])


def test_a_child_that_exits_in_a_request_is_not_recorded(site: Site) -> None:
    """`sys.exit()` in a forked child goes through the middlewares: nothing was killed there."""
    site.run(
        """
    @page("")
    def view(request):
        children.append(os.fork())
        if not children[0]:
            sys.exit(0)
        return HttpResponse()

    children = []
    try:
        get("/")
    except SystemExit:
        os._exit(0)
    os.waitpid(children[0], 0)
    """
    )
    assert (site.request.status, site.request.flags) == (200, 0)


def test_a_forked_worker_has_a_segment_of_its_own(site: Site) -> None:
    """As under gunicorn --preload: the master has served, then its workers do."""
    outcome = site.run(
        _COUNTING
        + """
    get("/")
    tell([os.getpid(), forked(lambda: (get("/"), get("/"))), forked(lambda: get("/"))])
    get("/")
    """
    )
    [[master, first, second]] = outcome.told
    assert [r.pid for r in site.requests] == [master, first, first, second, master]
    assert sorted(header.pid for header in site.spool.headers) == sorted([master, first, second])
    assert [r.queries for r in site.requests] == [1] * 5
    assert len({r.request_id for r in site.requests}) == 5


def test_a_fork_between_start_and_first_request_keeps_ids_apart(site: Site) -> None:
    """Workers that share all of their master's memory draw different ids."""
    site.run(
        _COUNTING
        + """
    import random
    handler()
    random.seed(1)
    for _ in range(3):
        forked(lambda: get("/"))
    """
    )
    assert len({r.request_id for r in site.requests}) == 3


def test_a_fork_that_python_is_not_told_of_keeps_ids_apart(site: Site) -> None:
    """uWSGI forks its workers in C, after the project is loaded: no at-fork hook runs there."""
    outcome = site.run(
        _COUNTING
        + """
    import ctypes
    handler()
    tell([forked(lambda: (get("/"), get("/")), ctypes.CDLL(None).fork) for _ in range(3)])
    """
    )
    assert sorted(r.pid for r in site.requests) == sorted(outcome.told[0] * 2)
    assert {header.pid for header in site.spool.headers} == set(outcome.told[0])
    assert len({r.request_id for r in site.requests}) == 6


def test_a_reseeded_generator_does_not_repeat_ids(site: Site) -> None:
    """A project that seeds `random` in each request, as test data factories do."""
    site.run(
        """
    import random

    @page("")
    def view(request):
        random.seed(7)
        return HttpResponse()

    for _ in range(200):
        get("/")
    """
    )
    assert len({r.request_id for r in site.requests}) == 200


def test_a_child_leaves_the_parents_segment_alone(site: Site) -> None:
    """The child that is gone takes no lock away that says "writer alive"."""
    outcome = site.run(
        _COUNTING
        + """
    import fcntl
    get("/")
    [segment] = (FOLDER / ".perfctl" / "perfctl.db.spool").iterdir()
    forked(lambda: get("/"))
    with open(segment) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("alive")
    """
    )
    assert outcome.told == ["alive"]


def test_a_worker_starts_no_thread(site: Site) -> None:
    """Nothing to lose at a fork, nothing to wait for at the end."""
    outcome = site.run(
        _COUNTING
        + """
    before = len(os.listdir("/proc/self/task"))
    for _ in range(20):
        get("/")
    tell([before, len(os.listdir("/proc/self/task")), threading.active_count()])
    """
    )
    assert outcome.told == [[1, 1, 1]]


def test_a_worker_opens_no_store(site: Site) -> None:
    """Feeders never open the database: not one that is there, and they make none."""
    outcome = site.run(
        _COUNTING
        + """
    store = FOLDER / ".perfctl" / "perfctl.db"
    opened = []
    sys.addaudithook(
        lambda event, args: opened.append(str(args[0])) if event == "sqlite3.connect" else None
    )
    for _ in range(3):
        get("/")
    held = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    tell(store.exists())
    tell([name for name in held + opened if "perfctl.db" in name and ".spool/" not in name])
    tell(any(".spool/" in name for name in held))
    """
    )
    assert outcome.told == [False, [], True]


def test_a_worker_imports_only_what_may_be_on_a_requests_path(site: Site) -> None:
    """Beside Django and the standard library: perfctl's pure modules and its spool."""
    outcome = site.run(
        """
    before = set(sys.modules)

    @page("")
    def view(request):
        cache.get("x:1")
        connection.cursor().execute("SELECT 1")
        return HttpResponse()

    get("/")
    tell(sorted(set(sys.modules) - before))
    """,
        alone=True,
    )
    [loaded] = outcome.told
    ours = [name for name in loaded if name.partition(".")[0] == "perfctl"]
    assert ours
    for name in ours:
        assert level_of(name) == 0 or name.startswith("perfctl.spool"), name
    known = {"django", "django_hook", "perfctl", "asgiref", "sqlparse", "__mp_main__"}
    assert {name.partition(".")[0] for name in loaded} <= known | sys.stdlib_module_names


def test_all_that_a_request_needs_is_imported_at_start(site: Site) -> None:
    """A package upgraded under live workers must not mix old and new code."""
    outcome = site.run(
        """
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("<str:how>/")
    def view(request, how):
        for book in Book.objects.all():
            book.author.name
        cache.get_or_set("k:1", 1)
        with django_hook.measure("x"):
            django_hook.name(request, "n")
        if how == "fail":
            raise ValueError
        if how == "exit":
            raise SystemExit
        if how == "stream":
            return StreamingHttpResponse(iter([b"x"]))
        return HttpResponse()

    handler(), handler("asgi")
    before = set(sys.modules)
    for how in ("ok", "fail", "stream"):
        get(f"/{how}/"), aget(f"/{how}/") if how != "stream" else None
    get("/nowhere", traceparent="x", User_Agent="curl/8", X_Request_Start="t=1")
    try:
        get("/exit/")
    except SystemExit:
        pass
    os.chmod(FOLDER / ".perfctl" / "perfctl.db.spool", 0o777)
    time.sleep(2.1)  # until it looks at its folder again
    get("/ok/")
    ours = ("perfctl", "django_hook")
    tell([name for name in set(sys.modules) - before if name.startswith(ours)])
    """,
        PERFCTL={"ERROR_MESSAGES": "redacted", "HASH_USERS": True},
    )
    assert outcome.told == [[]]


def test_memory_is_the_process_own(site: Site) -> None:
    """Resident KiB, and its change from the request before."""
    outcome = site.run(
        """
    kept = []

    @page("small/")
    def small(request):
        time.sleep(0.02)
        return HttpResponse()

    @page("large/")
    def large(request):
        kept.append(b"x" * (64 << 20))
        return HttpResponse()

    get("/small/"), get("/small/"), get("/large/")
    pages = int(open("/proc/self/statm").read().split()[1])
    tell(pages * os.sysconf("SC_PAGE_SIZE") // 1024)
    """
    )
    [now_kib] = outcome.told
    _, _, large = site.requests
    assert large.rss_kib is not None
    assert abs(large.rss_kib - now_kib) < 16 << 10
    assert large.rss_delta_kib is not None
    assert 60 << 10 < large.rss_delta_kib < 80 << 10


def test_the_change_in_memory_is_unknown_where_requests_overlapped(site: Site) -> None:
    """Nobody can tell whose it was; one that ran alone afterwards has it again."""
    site.run(
        """
    inside, done = threading.Event(), threading.Event()

    @page("long/")
    def long(request):
        inside.set()
        done.wait(20)
        return HttpResponse()

    @page("short/")
    def short(request):
        time.sleep(0.02)
        return HttpResponse()

    @page("after/")
    def after(request):
        time.sleep(0.02)
        return HttpResponse()

    handler()
    thread = threading.Thread(target=get, args=("/long/",))
    thread.start()
    inside.wait(20)
    get("/short/")
    done.set()
    thread.join()
    get("/after/")
    """
    )
    found = site.by_route()
    deltas = {route: request.rss_delta_kib is None for route, request in found.items()}
    assert deltas == {"/long/": True, "/short/": True, "/after/": False}
    assert all(request.rss_kib for request in found.values())


def test_a_request_that_failed_or_was_killed_does_not_overlap_the_next(site: Site) -> None:
    """Whatever ends a request, it is over."""
    site.run(
        """
    @page("<str:how>/")
    def view(request, how):
        time.sleep(0.02)
        if how == "fail":
            raise ValueError
        if how == "exit":
            raise SystemExit
        return HttpResponse()

    for how in ("ok", "fail", "exit"):
        try:
            get(f"/{how}/")
        except SystemExit:
            pass
        get("/ok/")
    """
    )
    assert [r.rss_delta_kib is None for r in site.requests] == [True] + [False] * 5


def test_cpu_time_is_the_threads_own(site: Site) -> None:
    """What is computed counts, what is waited does not, nor what another thread computes."""
    site.run(
        """
    def burn(seconds):
        began = time.thread_time()
        while time.thread_time() - began < seconds:
            pass

    @page("burn/")
    def burning(request):
        burn(0.03)
        return HttpResponse()

    @page("wait/")
    def waiting(request):
        time.sleep(0.03)
        thread = threading.Thread(target=burn, args=(0.05,))
        thread.start()
        thread.join()
        return HttpResponse()

    get("/burn/"), get("/wait/")
    """
    )
    found = site.by_route()
    burn, wait = found["/burn/"].cpu_us, found["/wait/"].cpu_us
    assert burn is not None
    assert wait is not None
    assert burn >= 30_000
    assert wait < 30_000


def test_cpu_time_is_unknown_under_asgi(site: Site) -> None:
    """One thread serves many requests there: null, never 0."""
    site.run(
        """
    @page("async/")
    async def async_view(request):
        return HttpResponse()

    @page("sync/")
    def sync_view(request):
        return HttpResponse()

    aget("/async/"), aget("/sync/"), aget("/async/")
    """
    )
    assert [r.cpu_us for r in site.requests] == [None] * 3
    assert all(r.rss_kib for r in site.requests)


def test_the_change_in_memory_is_unknown_where_async_requests_overlapped(site: Site) -> None:
    """Tasks of one loop overlap as threads do."""
    site.run(
        """
    @page("")
    async def view(request):
        await asyncio.sleep(0.02)
        return HttpResponse()

    async def visit():
        await acall("GET", "/")
        await asyncio.gather(*(acall("GET", "/") for _ in range(3)))
        await acall("GET", "/")

    asyncio.run(visit())
    """
    )
    assert [r.rss_delta_kib is None for r in site.requests] == [True, True, True, True, False]


def test_a_duration_does_not_go_by_the_wall_clock(site: Site) -> None:
    """A clock that is set back by an hour within a request changes nothing."""
    site.run(
        """
    real = time.time
    shift = [0]
    time.time = lambda: real() - shift[0]

    @page("")
    def view(request):
        shift[0] += 3600
        time.sleep(0.01)
        return HttpResponse()

    get("/")
    """
    )
    assert 10_000 <= site.request.duration_us < 60_000_000


def test_a_project_that_closes_all_descriptors_is_recorded_on(site: Site) -> None:
    """As daemons do: the hook opens what it needs anew, and no other file is read or written."""
    outcome = site.run(
        """
    @page("<int:n>/")
    def view(request, n):
        time.sleep(0.02)
        return HttpResponse()

    get("/1/")
    os.closerange(3, 200)
    files = [open(FOLDER / f"own{n}", "w+") for n in range(20)]
    get("/2/"), get("/3/")
    tell([os.path.getsize(file.name) for file in files])
    """
    )
    assert len(site.requests) == 3
    assert [r.rss_kib is None for r in site.requests] == [False] * 3
    assert outcome.told == [[0] * 20]


def test_programs_that_a_view_runs_inherit_nothing(site: Site) -> None:
    """Descriptors of the hook are closed on exec, also where the project leaves its own open."""
    outcome = site.run(
        """
    import subprocess

    @page("")
    def view(request):
        command = ["ls", "-l", "/proc/self/fd"]
        tell(subprocess.run(command, close_fds=False, capture_output=True, text=True).stdout)
        return HttpResponse()

    get(), get()
    """
    )
    assert len(outcome.told) == 2
    assert not any(".spool" in text or "statm" in text for text in outcome.told)


def test_a_request_starts_when_it_comes(site: Site) -> None:
    """In UTC unix milliseconds, before the view runs."""
    outcome = site.run(
        """
    @page("")
    def view(request):
        tell(time.time() * 1000)
        time.sleep(0.01)
        return HttpResponse()

    handler()
    tell(time.time() * 1000)
    get()
    """
    )
    before, inside = outcome.told
    assert int(before) <= site.request.started_ms <= inside
    assert site.request.duration_us >= 10_000


def test_what_root_makes_belongs_to_the_owner_of_the_folder(site: Site) -> None:
    """A server started by root: cron under the project's user can read all of it."""
    os.chown(site.folder, 4711, 4712)
    site.run('    page("")(lambda request: HttpResponse())\n    get()\n')
    made = [site.store.parent, *site.store.parent.rglob("*")]
    assert len(made) == 3
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(4711, 4712)}


def test_the_reader_takes_all_of_it(site: Site) -> None:
    """`perfctl collect` brings every record into the store and refuses none."""
    site.run(
        _COUNTING
        + """
    @page("<str:how>/")
    def other(request, how):
        for book in Book.objects.all():
            book.author.name
        cache.get("k:1")
        with django_hook.measure("x"):
            pass
        if how == "fail":
            raise ValueError
        if how == "stream":
            return StreamingHttpResponse(iter([b"x"]))
        return HttpResponse()

    for kind in ("wsgi", "asgi"):
        ask(kind), ask(kind, "/ok/"), ask(kind, "/fail/"), ask(kind, "/gone")
    get("/stream/")
    """
    )
    assert len(site.requests) == 9
    env = {k: v for k, v in os.environ.items() if not k.startswith("PERFCTL")}
    collect = subprocess.run(
        [sys.executable, "-m", "perfctl", "--db", str(site.store), "collect", "--format", "json"],
        env=env,
        cwd=site.folder,
        capture_output=True,
        text=True,
    )
    assert collect.returncode == 0, collect.stderr
    data = json.loads(collect.stdout)["data"]
    assert (data["ingested"], data["rejected"]) == (9, 0)
    assert site.requests == []
