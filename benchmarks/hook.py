"""What recording adds to a request, beside bare Django, django-prometheus and django-silk."""

from __future__ import annotations

import gc
import io
import json
import os
import random
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measure import in_child, interleaved, middle
from benchmarks.report import Report, Table

VIEWS = {
    "trivial": "/items/7/",
    "5 queries": "/five/",
    "50 queries": "/fifty/",
    "cache": "/cached/",
}
FOUR = [
    f"django_hook.middleware.{name}"
    for name in (
        "PerformanceMonitoringMiddleware",
        "DatabaseQueryMonitoringMiddleware",
        "APIPerformanceMiddleware",
        "CachePerformanceMiddleware",
    )
]
BY_HAND = ["benchmarks.hook.RecordByHand"]
RAW = {"200 bare statements": "/raw/"}
"""What a query adds can be told from the noise of the ORM here."""
_QUERIES = {"5 queries": 5, "50 queries": 50, "200 bare statements": 200}

App = Callable[..., Any]


def run(*, quick: bool = False) -> Report:
    """Peers in processes of their own; perfctl and the physical limit request by request too."""
    rounds, budget_s, cycles = (1, 0.01, 3) if quick else (11, 0.2, 400)
    return Report("hook", [_alternated(cycles), _beside_peers(rounds, budget_s)])


def _alternated(cycles: int) -> Table:
    found = in_child("benchmarks.hook:alternate", cycles=cycles)
    rows = []
    for view, arms in found.items():
        for arm, (median, low, high) in arms.items():
            queries = _QUERIES.get(view)
            per_query = median / queries if queries and arm != "bare" else None
            rows.append((view, arm, median, f"{low:+.1f} … {high:+.1f}" if arm != "bare" else "",
                         median / arms["by hand"][0] if view == "trivial" and arm != "bare" else None,
                         per_query))  # fmt: skip
    notes = (
        "One process, one request of each arm in turn, in an order drawn anew; CPU time of the"
        f" thread, median of the differences to bare ({cycles} turns with queries, ten times that"
        " without), and their quartiles.",
        "by hand: 30 lines that note wall and CPU time, memory, route, status and size and write"
        " them with a checksum; no queries, no cache, no N+1. bare again: the noise.",
    )
    columns = ("view", "arm", "added CPU µs", "quartiles", "× by hand", "µs a query")
    return Table("Request by request", columns, rows, notes)


def _beside_peers(rounds: int, budget_s: float) -> Table:
    names = ["bare", "bare again", "perfctl", *(name for name in PEERS if _has(PEERS[name]))]
    arms = {
        name: lambda name=name: in_child("benchmarks.hook:time_views", arm=name, budget_s=budget_s)
        for name in names
    }
    found = interleaved(arms, rounds)
    rows = []
    for name in names:
        added = [_added(found, name, view, rounds) for view in VIEWS]
        ours = [_added(found, "perfctl", view, rounds) for view in VIEWS]
        base = name == "bare"
        shown = [middle([one[view] for one in found["bare"]]) for view in VIEWS] if base else added
        ratio = None if name.startswith("bare") else added[0] / ours[0]
        rows.append((name, *shown, ratio, middle([one["rss_mib"] for one in found[name]])))
    notes = (
        "Added CPU µs a request of the request's thread (bare: its whole time): lower quartile of a"
        f" process, difference to bare of the same round, median of {rounds} rounds of fresh"
        " processes in an order drawn anew. Each as its documentation says; silk writes to the"
        " site's own database.",
        ", ".join(f"{name} {_version(package)}" for name, package in PEERS.items()),
    )
    columns = ("arm", *VIEWS, "trivial, × perfctl", "RSS MiB")
    return Table("Beside peers", columns, rows, notes)


def _added(found: dict[str, list[Any]], name: str, view: str, rounds: int) -> float:
    return middle([found[name][number][view] - found["bare"][number][view]
                   for number in range(rounds)])  # fmt: skip


PEERS = {"prometheus": "django-prometheus", "silk": "django-silk"}


def _has(package: str) -> bool:
    return find_spec({"django-silk": "silk"}.get(package, package.replace("-", "_"))) is not None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


class RecordByHand:
    """The least that records a request durably: wall and CPU time, memory, route, one write."""

    def __init__(self, get_response: App) -> None:
        self._get_response = get_response
        with tempfile.TemporaryFile() as file:
            self._fd = os.dup(file.fileno())
        os.set_inheritable(self._fd, False)
        self._memory = os.open("/proc/self/statm", os.O_RDONLY)
        self._routes: dict[str, str] = {}

    def __call__(self, request: Any) -> Any:
        at_ms = time.time_ns() // 1_000_000
        began, cpu = time.perf_counter_ns(), time.thread_time_ns()
        response = self._get_response(request)
        took_us = (time.perf_counter_ns() - began) // 1000
        cpu_us = (time.thread_time_ns() - cpu) // 1000
        rss_kib = 4 * int(os.pread(self._memory, 64, 0).split(b" ", 2)[1])
        route = request.resolver_match.route
        kept = self._routes.get(route) or self._routes.setdefault(route, json.dumps(route))
        request_id = os.urandom(8).hex()
        response.headers["X-Request-ID"] = request_id
        body = (
            f'["r",{at_ms},"{request.method}",{kept},{response.status_code},{took_us},'
            f'{len(response.content)},"{request_id}",0,{cpu_us},null,{rss_kib},0,0,0]'
        ).encode()
        os.write(self._fd, b"%08x %s\n" % (zlib.crc32(body), body))
        return response


def begin_django(folder: Path, arm: str) -> None:
    """Django with the settings of an arm, and a seeded database."""
    os.environ["PERFCTL_DB"] = str(folder / "perfctl.db")
    from django.conf import settings

    settings.configure(**_settings(folder, arm))
    import django

    django.setup()
    from django.core.cache import cache
    from django.core.management import call_command

    from benchmarks.site.models import seed

    call_command("migrate", run_syncdb=True, verbosity=0)
    seed()
    for number in range(5):
        cache.set(f"hit:{number}", {"value": number}, 3600)


def _settings(folder: Path, arm: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "SECRET_KEY": "benchmark",
        "ALLOWED_HOSTS": ["*"],
        "USE_TZ": True,
        "ROOT_URLCONF": "benchmarks.site.views",
        "INSTALLED_APPS": ["benchmarks.site.apps.SiteConfig"],
        "MIDDLEWARE": FOUR if arm == "perfctl" else [],
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "site.sqlite3",
                "CONN_MAX_AGE": None,
            }
        },
        "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        "LOGGING_CONFIG": None,
    }
    if arm == "prometheus":
        found["INSTALLED_APPS"].append("django_prometheus")
        found["MIDDLEWARE"] = [
            "django_prometheus.middleware.PrometheusBeforeMiddleware",
            "django_prometheus.middleware.PrometheusAfterMiddleware",
        ]
        found["DATABASES"]["default"]["ENGINE"] = "django_prometheus.db.backends.sqlite3"
        found["CACHES"]["default"]["BACKEND"] = (
            "django_prometheus.cache.backends.locmem.LocMemCache"
        )
    if arm == "silk":
        found["INSTALLED_APPS"] += [
            "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "silk"
        ]  # fmt: skip
        found["MIDDLEWARE"] = ["silk.middleware.SilkyMiddleware"]
        found["TEMPLATES"] = [
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
        ]
        found["ROOT_URLCONF"] = "benchmarks.site.silk_urls"
    return found


def request_cpu_ns(app: App, path: str) -> int:
    """CPU of the thread for one request through WSGI, its answer read and closed."""
    environ = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "a=1",
        "SERVER_NAME": "testserver", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "testserver", "HTTP_ACCEPT": "application/json",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64)", "HTTP_COOKIE": "theme=dark",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr,
        "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
        "wsgi.input": io.BytesIO(),
    }  # fmt: skip
    statuses: list[str] = []
    began = time.thread_time_ns()
    result = app(environ, lambda status, headers, exc_info=None: statuses.append(status))
    body = b"".join(result)
    result.close()
    took = time.thread_time_ns() - began
    assert statuses == ["200 OK"], (statuses, body)
    return took


def time_views(arm: str, budget_s: float) -> dict[str, float]:
    """Lower quartile of the CPU µs of each view in this process."""
    with tempfile.TemporaryDirectory() as folder:
        begin_django(Path(folder), arm)
        from django.core.wsgi import get_wsgi_application

        app = get_wsgi_application()
        found: dict[str, list[int]] = {view: [] for view in VIEWS}
        for path in VIEWS.values():
            for _ in range(5 if "silk" in arm else 40):
                request_cpu_ns(app, path)
        gc.collect()
        for _ in range(3):
            for view, path in VIEWS.items():
                left_ns = int(budget_s / 3 * 1e9)
                while left_ns > 0 or len(found[view]) < 8:
                    took = request_cpu_ns(app, path)
                    found[view].append(took)
                    left_ns -= took
        _check(arm, Path(folder), sum(map(len, found.values())))
        result = {view: statistics.quantiles(times, n=4)[0] / 1000 for view, times in found.items()}
    return {**result, "rss_mib": _rss_mib()}


def _check(arm: str, folder: Path, requests: int) -> None:
    """That the arm has really recorded."""
    if arm == "perfctl":
        lines = b"".join(path.read_bytes() for path in folder.glob("perfctl.db.spool/*.spool"))
        assert lines.count(b' ["r",') >= requests
    elif arm == "prometheus":
        from prometheus_client import REGISTRY

        total = REGISTRY.get_sample_value("django_http_requests_before_middlewares_total")
        assert total is not None
        assert total >= requests
    elif arm == "silk":
        from silk.models import Request

        assert Request.objects.count() > 0


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def alternate(cycles: int) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Median and quartiles of what each arm adds to a view, request by request in one process."""
    with tempfile.TemporaryDirectory() as folder:
        begin_django(Path(folder), "bare")
        arms = dict(_arms())
        return {
            view: _compare(arms, path, cycles * (1 if "queries" in view else 10))
            for view, path in {**VIEWS, **RAW}.items()
        }


_METHODS = ("get", "get_many", "set", "add", "delete", "has_key", "incr", "touch")


def _arms() -> Iterator[tuple[str, tuple[App, Callable[[], None]]]]:
    """Each arm's application, and what puts its own wrappers in place."""
    from django.conf import settings
    from django.core.cache import caches
    from django.core.handlers.wsgi import WSGIHandler
    from django.db import connection

    kind = type(caches["default"])
    plain = {name: getattr(kind, name) for name in _METHODS}
    for name, middleware in (
        ("bare", []),
        ("bare again", []),
        ("by hand", BY_HAND),
        ("perfctl", FOUR),
    ):
        for method, function in plain.items():
            setattr(kind, method, function)
        connection.execute_wrappers.clear()
        settings.MIDDLEWARE = middleware
        app = WSGIHandler()
        for path in (*VIEWS.values(), *RAW.values()):
            request_cpu_ns(app, path)
        wrappers = list(connection.execute_wrappers)
        methods = {method: getattr(kind, method) for method in _METHODS}

        def put(wrappers: Sequence[Any] = wrappers, methods: dict[str, Any] = methods) -> None:
            connection.execute_wrappers[:] = wrappers
            for method, function in methods.items():
                setattr(kind, method, function)

        yield name, (app, put)


def _compare(
    arms: dict[str, tuple[App, Callable[[], None]]], path: str, cycles: int
) -> dict[str, tuple[float, float, float]]:
    draw = random.Random(1)
    order = list(arms)
    times: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(cycles):
        draw.shuffle(order)
        for name in order:
            app, put = arms[name]
            put()
            request_cpu_ns(app, path)  # what was put in place is new to the interpreter
            times[name].append(request_cpu_ns(app, path) / 1000)
    bare = times["bare"]
    found = {}
    for name in arms:
        added = bare if name == "bare" else [a - b for a, b in zip(times[name], bare, strict=True)]
        low, median, high = statistics.quantiles(added, n=4)
        found[name] = (median, low, high)
    return found
