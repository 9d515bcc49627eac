"""The hook under real servers: what a client, a worker's end and a file really do to it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import django
import pytest

from .child import ROOT
from .site import Site, Zygote
from .spooled import CANCELLED, ERROR, KILLED, STREAM

_PROJECT = """
    from tests.hook_behaviour.shop.models import *

    @page("up/")
    def up(request):
        connection.cursor().execute("SELECT 1")
        return HttpResponse("fine")

    @page("async-up/")
    async def async_up(request):
        return HttpResponse("fine")

    @page("file/")
    def file(request):
        return FileResponse(open(FOLDER / "project.py", "rb"))

    @page("endless/")
    def endless(request):
        def chunks():
            while True:
                yield b"x" * 65536
        return StreamingHttpResponse(chunks())

    @page("async-endless/")
    async def async_endless(request):
        async def chunks():
            for _ in range(3000):  # Django 4.2 does not notice that nobody reads
                yield b"x" * 65536
                await asyncio.sleep(0)
        return StreamingHttpResponse(chunks())

    @page("stuck/")
    def stuck(request):
        time.sleep(60)

    @page("async-stuck/")
    async def async_stuck(request):
        (FOLDER / "begun").touch()
        await asyncio.sleep(1)
        return HttpResponse()

    application = handler()
    asgi = handler("asgi")
"""


class Server:
    """A server of the project on a loopback port."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, site: Site) -> None:
        self.process = process
        self.port = port
        self.site = site

    def get(self, path: str) -> tuple[int, str, bytes]:
        """Status, request id and body of a whole answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.getheader("X-Request-ID", ""), response.read()

    def leave(self, path: str, after: bytes) -> None:
        """Ask, and close the connection once that much of the answer has come."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: testserver\r\n\r\n".encode())
            received = b""
            while after not in received:
                received += client.recv(65_536)

    def worker(self) -> int:
        """The process that answers: the only worker, else the server itself."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else pid

    def wait_for(self, is_there: Callable[[], bool]) -> None:
        """Until something has been recorded."""
        deadline = time.monotonic() + 20
        while not is_there():
            assert time.monotonic() < deadline, self.site.requests
            time.sleep(0.02)


@contextmanager
def _serving(site: Site, starter: Zygote, *command: str) -> Iterator[Server]:
    site.write(_PROJECT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = ("PERFCTL", "DJANGO", "PYTEST", "GUNICORN", "UVICORN", "WEB_")
    env = {name: value for name, value in starter.env.items() if not name.startswith(own)}
    env |= {"PROJECT": str(site.folder), "PYTHONPATH": f"{ROOT}{os.pathsep}{site.folder}"}
    with (site.folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *(word.replace("PORT", str(port)) for word in command)],
            cwd=site.folder / "elsewhere",
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Server(process, port, site)
    try:
        _wait(server)
        yield server
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(server: Server) -> None:
    deadline = time.monotonic() + 30
    while server.process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", server.port), 1).close()
            return
        time.sleep(0.05)
    raise AssertionError((server.site.folder / "output.txt").read_text())


@pytest.fixture
def gunicorn(site: Site, starter: Zygote) -> Iterator[Server]:
    """A sync worker that is aborted after three seconds without a sign of life."""
    conf = ROOT / "tests" / "servers" / "gunicorn_conf.py"
    options = f"-c {conf} -w 1 -k sync -b 127.0.0.1:PORT --timeout 3 --log-level error"
    with _serving(site, starter, "gunicorn", "project:application", *options.split()) as server:
        yield server


@pytest.fixture
def uvicorn(site: Site, starter: Zygote) -> Iterator[Server]:
    """One process, one event loop."""
    options = "--port PORT --log-level error --lifespan off --timeout-graceful-shutdown 1"
    with _serving(site, starter, "uvicorn", "project:asgi", *options.split()) as server:
        yield server


def test_gunicorn(gunicorn: Server) -> None:
    """Whole answers, a file, a client that leaves a stream, a worker that is stopped in a request."""
    site = gunicorn.site
    _, first, _ = gunicorn.get("/up/")
    worker = gunicorn.worker()
    _assert_clean(worker, tasks=1)
    status, _, body = gunicorn.get("/file/")
    assert (status, body) == (200, (site.folder / "project.py").read_bytes())
    gunicorn.leave("/endless/", after=b"xxx")
    gunicorn.wait_for(lambda: "/endless/" in {r.route for r in site.requests})
    with contextlib.suppress(OSError, http.client.HTTPException):
        gunicorn.get("/stuck/")  # aborted: SIGABRT raises SystemExit in the worker
    _, last, _ = gunicorn.get("/up/")
    up, file, endless, stuck, again = site.requests
    assert (up.request_id, up.pid, up.queries, up.status) == (first, worker, 1, 200)
    assert (file.route, file.flags, file.response_bytes) == ("/file/", STREAM, len(body))
    assert (endless.route, endless.status, endless.flags & STREAM) == ("/endless/", 200, STREAM)
    assert (stuck.route, stuck.status, stuck.flags) == ("/stuck/", 500, KILLED | ERROR)
    assert stuck.duration_us >= 500_000
    assert again.request_id == last
    assert again.pid != worker


def test_uvicorn(uvicorn: Server) -> None:
    """Sync and async views, a file, clients that leave in the middle of a stream and of a view."""
    site = uvicorn.site
    ids = [uvicorn.get(path)[1] for path in ("/up/", "/async-up/", "/up/")]
    assert [r.request_id for r in site.requests] == ids
    assert [r.queries for r in site.requests] == [1, 0, 1]
    _assert_clean(uvicorn.process.pid)
    assert uvicorn.get("/file/")[2] == (site.folder / "project.py").read_bytes()
    uvicorn.leave("/async-endless/", after=b"xxx")
    uvicorn.wait_for(lambda: "/async-endless/" in {r.route for r in site.requests})
    file, endless = site.requests[3:]
    assert (file.route, file.flags & STREAM) == ("/file/", STREAM)
    assert (endless.status, endless.flags & STREAM) == (200, STREAM)
    assert site.errors == []


def test_uvicorn_whose_client_leaves_a_view(uvicorn: Server) -> None:
    """Django 5 cancels the view, 499; 4.2 lets it come to its end."""
    site = uvicorn.site
    with socket.create_connection(("127.0.0.1", uvicorn.port), 20) as client:
        client.sendall(b"GET /async-stuck/ HTTP/1.1\r\nHost: testserver\r\n\r\n")
        uvicorn.wait_for((site.folder / "begun").exists)
    uvicorn.wait_for(lambda: bool(site.requests))
    expected = (499, CANCELLED) if django.VERSION >= (5,) else (200, 0)
    assert (site.request.route, site.request.status) == ("/async-stuck/", expected[0])
    assert (site.request.flags, site.errors) == (expected[1], [])


def _assert_clean(pid: int, tasks: int | None = None) -> None:
    """A worker has its segment open and no store, and no thread of perfctl's."""
    held = [os.path.realpath(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    assert any(name.endswith(".spool") for name in held)
    assert [name for name in held if "perfctl.db" in name and not name.endswith(".spool")] == []
    if tasks is not None:
        assert len(os.listdir(f"/proc/{pid}/task")) == tasks
