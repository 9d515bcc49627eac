"""The vault under a real server on a free loopback port, and a client that counts whole answers."""

from __future__ import annotations

import contextlib
import enum
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
VAULT = ROOT / "examples" / "vault"
if str(VAULT) not in sys.path:
    sys.path.append(str(VAULT))

from vault import traffic  # noqa: E402  (the example is no installed package)

Visit = traffic.Visit

CSRF = "c" * 32
"""A client chooses its CSRF token: Django only asks that cookie and header agree."""


class Kind(enum.Enum):
    """The servers that perfctl is held against."""

    GTHREAD = "gunicorn gthread"
    SYNC = "gunicorn sync"
    SYNC_PRELOAD = "gunicorn sync --preload"
    GTHREAD_PRELOAD = "gunicorn gthread --preload"
    UVICORN = "uvicorn"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: all of it has arrived, so the request counts as acknowledged."""

    visit: Visit
    status: int
    request_id: str | None
    body: bytes
    cookies: dict[str, str]


class Server:
    """A running server; everything that it acknowledged to this process is in `answers`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log
        self.answers: list[Answer] = []
        self._cookies: dict[str, str] = {}

    def workers(self) -> list[int]:
        """The process ids of the workers that are there now."""
        pid = self.process.pid
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return [int(child) for child in children if _is_worker(int(child))]
        return []

    def sign_in(self, user: str) -> None:
        """Get the user's session, once; its later visits go with it."""
        answer = self.visit(traffic.sign_in(user))
        assert answer.status == 302, (answer.status, answer.body[:200])
        self._cookies[user] = answer.cookies["sessionid"]

    def visit(self, visit: Visit, timeout_s: float = 30.0) -> Answer:
        """Make one visit over a connection of its own; OSError or HTTPException if it breaks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        with contextlib.closing(connection):
            connection.request(visit.method, _target(visit), *self._sent(visit))
            response = connection.getresponse()
            answer = Answer(
                visit,
                response.status,
                response.getheader("X-Request-ID"),
                response.read(),
                _cookies(response),
            )
        self.answers.append(answer)
        return answer

    def load(
        self,
        visits: Sequence[Visit],
        *,
        threads: int = 4,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Make the visits from some threads; a broken one is not repeated. Returns how many broke."""
        waiting = iter(enumerate(visits))
        lock = threading.Lock()
        broken: list[Visit] = []

        def work() -> None:
            while True:
                with lock:
                    at, visit = next(waiting, (len(visits), None))
                if visit is None:
                    return
                if progress:
                    progress(at)
                try:
                    self.visit(visit)
                except (OSError, http.client.HTTPException):
                    broken.append(visit)

        _in_threads(work, threads)
        return len(broken)

    def acknowledged(self) -> list[str | None]:
        """The request ids of all whole answers."""
        return [answer.request_id for answer in self.answers]

    def stop(self) -> None:
        """Let the server finish what it has begun, then end it and all its workers."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server did not stop\n{self.log.read_text()}") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _sent(self, visit: Visit) -> tuple[bytes | None, dict[str, str]]:
        cookies = f"csrftoken={CSRF}"
        if visit.user in self._cookies:
            cookies += f"; sessionid={self._cookies[visit.user]}"
        headers = {"Cookie": cookies, "X-CSRFToken": CSRF}
        if visit.json is not None:
            headers["Content-Type"] = "application/json"
            return json.dumps(visit.json).encode(), headers
        if visit.form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return urlencode(visit.form).encode(), headers
        return None, headers


def prepare(folder: Path) -> Path:
    """A seeded database of the vault in `folder`."""
    database = folder / "vault.db"
    for command in (["migrate", "-v0"], ["seed_vault"]):
        manage = [sys.executable, str(VAULT / "manage.py"), *command]
        subprocess.run(manage, env=environment(folder, database), check=True, capture_output=True)
    return database


@contextlib.contextmanager
def serving(
    folder: Path,
    kind: Kind,
    *,
    database: Path,
    workers: int = 2,
    threads: int = 4,
    **env: str,
) -> Iterator[Server]:
    """The vault on a copy of `database`, recording into `store(folder)`, until the block ends."""
    own = folder / "vault.db"
    if own != database:
        shutil.copyfile(database, own)
    port = _free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *_command(kind, port, workers, threads)],
            env=environment(folder, own) | env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Server(process, port, log)
    try:
        _wait(server)
        yield server
    finally:
        server.stop()


def store(folder: Path) -> Path:
    """Where a server in this folder records."""
    return folder / "perfctl.db"


def environment(folder: Path, database: Path) -> dict[str, str]:
    """The environment of a server or command: nothing of the caller's settings."""
    own = ("PERFCTL", "VAULT", "DJANGO", "GUNICORN", "UVICORN", "WEB_CONCURRENCY")
    env = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return env | {
        "PYTHONPATH": f"{VAULT}{os.pathsep}{ROOT}",
        "DJANGO_SETTINGS_MODULE": "vault.settings",
        "PERFCTL_DB": str(store(folder)),
        "VAULT_DB": str(database),
        "VAULT_BACKUP_SECONDS": "0.02",
        "VAULT_BREACH_SECONDS": "0.005",
    }


def perfctl(folder: Path, *args: str) -> subprocess.Popen[bytes]:
    """A started perfctl command on the store of this folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "perfctl", "--db", str(store(folder)), *args],
        env=environment(folder, folder / "vault.db"),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ask(folder: Path, *args: str) -> Any:
    """The `data` of a perfctl command's JSON."""
    command = perfctl(folder, *args, "--format", "json")
    out, err = command.communicate(timeout=120)
    assert command.returncode == 0, (args, command.returncode, err.decode())
    return json.loads(out)["data"]


def _command(kind: Kind, port: int, workers: int, threads: int) -> list[str]:
    if kind is Kind.UVICORN:
        options = f"--workers {workers} --port {port} --log-level error --lifespan off"
        return ["uvicorn", "vault.asgi:application", *options.split()]
    conf = Path(__file__).with_name("gunicorn_conf.py")
    worker, _, preload = kind.value.removeprefix("gunicorn ").partition(" ")
    options = f"-c {conf} -w {workers} -k {worker} -b 127.0.0.1:{port} --log-level error {preload}"
    if worker == "gthread":
        options += f" --threads {threads}"
    return ["gunicorn", "vault.wsgi", *options.split()]


def _wait(server: Server) -> None:
    """Until a page comes back; it counts like any other."""
    page = Visit("GET", "/accounts/login/", None, 200)
    deadline = time.monotonic() + 60
    while server.process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if server.visit(page).status == page.status:
                return
        time.sleep(0.05)
    raise AssertionError(f"the server does not answer\n{server.log.read_text()}")


def _is_worker(pid: int) -> bool:
    with contextlib.suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()  # empty: dead, not yet collected
        return command != b"" and b"resource_tracker" not in command
    return False


def _target(visit: Visit) -> str:
    return f"{visit.path}?{urlencode(visit.query)}" if visit.query else visit.path


def _cookies(response: http.client.HTTPResponse) -> dict[str, str]:
    pairs = (line.partition(";")[0] for line in response.headers.get_all("Set-Cookie", []))
    return dict(pair.split("=", 1) for pair in pairs)


def _in_threads(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
