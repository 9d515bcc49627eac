"""The client and the killer count what they claim to count."""

from __future__ import annotations

import http.client
import random
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from .harness import Kind, Server, Visit, serving, store
from .killing import WorkerKiller, wal_writer

_PAGE = Visit("GET", "/accounts/login/", None, 200)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
    ids=["nothing", "cut body", "no last chunk"],
)
def test_a_cut_answer_is_not_acknowledged(sent: bytes, tmp_path: Path) -> None:
    """An answer that ends early raises, and is counted by nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(target=_answer, args=(listening, sent))
        answering.start()
        process = subprocess.Popen([sys.executable, "-c", ""])
        server = Server(process, listening.getsockname()[1], tmp_path / "log")
        with pytest.raises((OSError, http.client.HTTPException)):
            server.visit(_PAGE)
        answering.join()
        process.wait()
    assert server.answers == []


@pytest.mark.parametrize("kind", [Kind.SYNC, Kind.UVICORN])
def test_killed_workers_come_back(kind: Kind, seeded: Path, tmp_path: Path) -> None:
    """Without the hook: workers die, others take over, and the answers carry no id."""
    with serving(tmp_path, kind, database=seeded, VAULT_HOOK="0") as server:
        before = server.workers()
        killer = WorkerKiller(server, kills=2, total=40, rng=random.Random(0))
        broken = server.load([_PAGE] * 40, progress=killer)
        assert killer.kills == 2
        assert len(server.answers) == 1 + 40 - broken
        assert server.visit(_PAGE).status == 200
        assert set(server.workers()) != set(before)
    assert set(server.acknowledged()) == {None}


def test_the_writer_of_a_store_is_known(tmp_path: Path) -> None:
    """The process inside a write transaction is told from one that only has the store open."""
    path = store(tmp_path)
    with closing(sqlite3.connect(path)) as con:
        con.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
    shm = Path(f"{path}-shm")
    step = "import sqlite3, sys\ncon = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    for statement in ("BEGIN IMMEDIATE", "COMMIT"):
        step += f"con.execute('SELECT * FROM t')\ncon.execute('{statement}')\nprint(1, flush=True)\ninput()\n"
    with subprocess.Popen(
        [sys.executable, "-c", step, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdin
        assert writer.stdout
        writer.stdout.readline()
        assert wal_writer(shm) == writer.pid
        writer.stdin.write(b"\n")
        writer.stdin.flush()
        writer.stdout.readline()
        assert wal_writer(shm) is None
        writer.stdin.write(b"\n")
        writer.stdin.close()
    assert wal_writer(shm) is None


def _answer(listening: socket.socket, sent: bytes) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(65_536)
        connection.sendall(sent)
