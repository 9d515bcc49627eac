"""What the one-file projects of these tests are made with; it runs in their process.

A project's text begins with `from tests.hook_behaviour.stage import *`: Django is set up by then with
the settings that the test gave, and nothing of perfctl is imported before the first request.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import django
from django.conf import settings
from django.core.cache import cache, caches
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, connections, models, transaction
from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import include, path, re_path

__all__ = [
    "FOLDER",
    "Answer",
    "FileResponse",
    "Http404",
    "HttpResponse",
    "JsonResponse",
    "StreamingHttpResponse",
    "acall",
    "aget",
    "ask",
    "asyncio",
    "cache",
    "caches",
    "call",
    "connection",
    "connections",
    "create_tables",
    "get",
    "handler",
    "include",
    "models",
    "os",
    "page",
    "path",
    "re_path",
    "recorded",
    "sabotage",
    "scope_of",
    "settings",
    "sys",
    "tell",
    "threading",
    "time",
    "transaction",
    "undo",
    "urlpatterns",
    "wsgi_environ",
]

FOLDER = Path(os.environ["PROJECT"])
SEEN: dict[str, list[Any]] = {"told": [], "logs": []}
urlpatterns: list[Any] = []
_handlers: dict[str, Any] = {}
_undone: list[tuple[Any, str, Any]] = []


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Log(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        SEEN["logs"].append([record.levelname, record.getMessage()])


def tell(value: Any) -> None:
    """Hand a value to the test."""
    SEEN["told"].append(json.loads(json.dumps(value, default=str)))


def page(route: str, **kwargs: Any) -> Callable[[Any], Any]:
    """Serve a view at a route."""

    def add(view: Any) -> Any:
        urlpatterns.append(path(route, view, **kwargs))
        return view

    return add


def handler(kind: str = "wsgi") -> Any:
    """The project's handler, made at the first request as a server would do at its start."""
    if kind not in _handlers:
        _handlers[kind] = WSGIHandler() if kind == "wsgi" else ASGIHandler()
    return _handlers[kind]


def wsgi_environ(
    method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """A request as a WSGI server gives it."""
    where, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": where.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ


def call(
    method: str,
    target: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    application: Any = None,
) -> Answer:
    """One request under WSGI, read to its end and closed; what goes through the handler is raised."""
    begun: list[Any] = []
    environ = wsgi_environ(method, target, body, headers)
    application = application or handler()
    response = application(environ, lambda status, sent: begun.extend((status, sent)))
    try:
        content = b"".join(response)
    finally:
        response.close()
    return Answer(int(begun[0].split()[0]), dict(begun[1]), content)


def get(target: str = "/", **headers: str) -> Answer:
    """One GET under WSGI; headers with `_` for `-`."""
    return call("GET", target, headers=headers)


def scope_of(
    method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """A request as an ASGI server gives it."""
    where, _, query = target.partition("?")
    sent = {"host": "testserver", "content-length": str(len(body)), **(headers or {})}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": where,
        "raw_path": where.encode(),
        "query_string": query.encode(),
        "scheme": "http",
        "headers": [
            (name.lower().replace("_", "-").encode(), value.encode("latin-1"))
            for name, value in sent.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }


async def acall(
    method: str,
    target: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    application: Any = None,
    disconnect: asyncio.Event | None = None,
    on_send: Callable[[dict[str, Any]], Any] | None = None,
) -> Answer:
    """One request under ASGI; the client stays connected unless `disconnect` is set."""
    asked = iter([{"type": "http.request", "body": body, "more_body": False}])
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        message = next(asked, None)
        if message is None:
            await (disconnect or asyncio.Event()).wait()
            return {"type": "http.disconnect"}
        return message

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)
        if on_send is not None:
            sent = on_send(message)
            if asyncio.iscoroutine(sent):
                await sent

    application = application or handler("asgi")
    await application(scope_of(method, target, body, headers), receive, send)
    heads = [m for m in messages if m["type"] == "http.response.start"]
    if not heads:
        return Answer(0, {}, b"")
    sent = {k.decode("latin-1"): v.decode("latin-1") for k, v in heads[0]["headers"]}
    return Answer(heads[0]["status"], sent, b"".join(m.get("body", b"") for m in messages))


def aget(target: str = "/", **headers: str) -> Answer:
    """One GET under ASGI in an event loop of its own."""
    return asyncio.run(acall("GET", target, headers=headers))


def ask(kind: str, target: str = "/", **headers: str) -> Answer:
    """One GET under WSGI or ASGI."""
    return get(target, **headers) if kind == "wsgi" else aget(target, **headers)


def create_tables(*tables: type[models.Model], using: Iterable[str] = ("default",)) -> None:
    """Make the tables; the connections stay open."""
    for alias in using:
        with connections[alias].cursor() as cursor:
            cursor.execute("PRAGMA synchronous = OFF")  # a test's database survives nothing
        with connections[alias].schema_editor() as editor:
            for model in tables:
                editor.create_model(model)


def recorded(folder: Path = FOLDER) -> int:
    """How many requests are in the spools below a folder by now."""
    segments = (path.read_bytes() for path in folder.rglob("*.spool") if path.is_file())
    return sum(data.count(b' ["r",') for data in segments)


def sabotage(name: str, fault: Callable[..., Any]) -> None:
    """Put a fault in the place of one of the hook's own functions, wherever it was imported."""
    found = [
        module
        for module_name, module in list(sys.modules.items())
        if module_name.startswith(("django_hook.", "perfctl.")) and hasattr(module, name)
    ]
    assert found, f"the hook has no {name} any more: sabotage another function"
    for module in found:
        _undone.append((module, name, getattr(module, name)))
        setattr(module, name, fault)


def undo() -> None:
    """Take all faults out again."""
    while _undone:
        setattr(*_undone.pop())


def _set_up() -> None:
    given = json.loads((FOLDER / "settings.json").read_text())
    middleware = given.pop("MIDDLEWARE", ["Performance", "Database", "API", "Cache"])
    settings.configure(
        **{
            "BASE_DIR": FOLDER,
            "SECRET_KEY": "a secret of the project, long enough for Django's checks 0123456789",
            "ALLOWED_HOSTS": ["*"],
            "ROOT_URLCONF": "project",
            "MIDDLEWARE": [_HOOK.get(name, name) for name in middleware],
            "DATABASES": {
                alias: {
                    "ENGINE": "django.db.backends.sqlite3",
                    "NAME": str(FOLDER / f"{alias}.sqlite3"),
                    "OPTIONS": {"timeout": 20},
                }
                for alias in given.pop("ALIASES", ["default"])
            },
            "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
            "USE_TZ": True,
            "LOGGING_CONFIG": None,
            "INSTALLED_APPS": [*given.pop("INSTALLED_APPS", []), "tests.hook_behaviour.shop"],
        }
        | given
    )
    logger = logging.getLogger("django_hook")
    logger.addHandler(_Log())
    logger.setLevel(logging.DEBUG)
    django.setup()


_HOOK = {
    "Performance": "django_hook.middleware.PerformanceMonitoringMiddleware",
    "Database": "django_hook.middleware.DatabaseQueryMonitoringMiddleware",
    "API": "django_hook.middleware.APIPerformanceMiddleware",
    "Cache": "django_hook.middleware.CachePerformanceMiddleware",
}

_set_up()
