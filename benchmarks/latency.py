"""What a client waits while a bulk of records is brought in, with the hook and without."""

from __future__ import annotations

import http.client
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import synthetic
from benchmarks.ingest import new_store
from benchmarks.measure import ROOT, environment, interleaved, middle
from benchmarks.report import Report, Table
from perfctl.store import place

ARMS = ("bare", "bare, beside a drain", "perfctl", "perfctl, beside a drain")


def run(*, quick: bool = False) -> Report:
    """Requests to gunicorn, one after the other, while the same store is filled or not."""
    rounds, requests, records = (1, 40, 300) if quick else (5, 2000, 200_000)
    arms = {
        name: lambda name=name: _serve(
            requests, records if "drain" in name else 0, is_hooked=name.startswith("perfctl")
        )
        for name in ARMS
    }
    found = interleaved(arms, rounds)
    bare = middle([one[1] for one in found["bare"]])
    rows = [
        (name, *[middle([one[place] for one in times]) for place in range(3)],
         middle([one[1] for one in times]) / bare)
        for name, times in found.items()
    ]  # fmt: skip
    notes = (
        f"Wall milliseconds at a client that asks {requests:,} times, one after the other, gunicorn"
        f" with 2 workers of 4 threads; the drain is `perfctl collect` of {records:,} full records"
        f" into the store that the hook's spool belongs to. Median of {rounds} rounds. Two cores"
        " serve the client, the server and the drain: compare the arms, not the figures.",
    )
    columns = ("arm", "p50 ms", "p99 ms", "largest ms", "p99 × bare")
    return Report("latency", [Table("A client beside a drain", columns, rows, notes)])


def _serve(requests: int, records: int, *, is_hooked: bool) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = new_store(folder)
        arm = "perfctl" if is_hooked else "bare"
        port = _free_port()
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--threads", "4", "--bind",
             f"127.0.0.1:{port}", "--log-level", "error", "benchmarks.site.wsgi:application"],
            env=environment(BENCH_FOLDER=name, BENCH_ARM=arm, PERFCTL_DB=str(store)),
            cwd=ROOT, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait_for(port)
            drain = _begin_drain(store, records) if records else None
            times = _ask(port, requests)
            if drain is not None:
                drain.wait()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
        if is_hooked:
            _check(place.spool_folder(store), requests)
    return statistics.median(times), times[len(times) * 99 // 100], times[-1]


def _begin_drain(store: Path, records: int) -> subprocess.Popen[bytes]:
    """A drain that goes on while the requests are made."""
    synthetic.write_spool(
        place.spool_folder(store),
        synthetic.requests(records, 6000, is_full=True, until_ms=int(time.time() * 1000)),
    )
    return subprocess.Popen(
        [sys.executable, "-m", "perfctl", "--db", store, "collect", "--quiet"],
        env=environment(), cwd=ROOT, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _ask(port: int, requests: int) -> list[float]:
    """Milliseconds of each request, ascending."""
    times = []
    for _ in range(requests):
        began = time.perf_counter()
        assert _get(port) == 200
        times.append(1000 * (time.perf_counter() - began))
    return sorted(times)


def _get(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/items/7/")
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if _get(port) == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("gunicorn does not answer")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _check(spool: Path, requests: int) -> None:
    """That the hook recorded what was asked: segments of living workers stay when they are read."""
    lines = b"".join(path.read_bytes() for path in spool.glob("*.spool"))
    assert lines.count(b'"GET","/items/') >= requests
