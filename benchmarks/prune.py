"""How long a writer waits while 300,000 of 1,000,000 requests are deleted, and what that leaves."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import synthetic
from benchmarks.measure import ROOT, cache_folder, environment, in_child
from benchmarks.report import Report, Table
from perfctl import ingest, retention
from perfctl.config import Retention
from perfctl.model import DAY_MS, MINUTE_MS
from perfctl.store import connection, place
from perfctl.store.requests import TIE_BITS

DAYS = 30
KEEP_DAYS = 21
ALERT_MS = synthetic.NOW_MS - 25 * DAY_MS
EVERY_S = 0.01
ARMS = ("nothing", "perfctl prune", "one DELETE", "one DELETE, VACUUM")


def run(*, quick: bool = False) -> Report:
    """The same writer beside nothing, beside `perfctl prune`, beside one statement that does it."""
    count = 1000 if quick else 1_000_000
    source = _source(count)
    rows = []
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        for arm in ARMS:
            store = Path(folder) / f"{ARMS.index(arm)}" / "perfctl.db"
            store.parent.mkdir(mode=0o700)
            shutil.copy(source, store)
            rows.append((arm, *_beside(store, arm)))
            shutil.rmtree(store.parent)
    columns = ("beside the writer", "rows deleted", "seconds", "commits", "wait p50 ms", "p99 ms",
               "max ms", "file MB before", "after", "rows of the open alert kept")  # fmt: skip
    notes = (
        f"{count:,} full requests over {DAYS} days, those beyond {KEEP_DAYS} days go, with the cells"
        " that their own retention has passed. A second process writes one request each 10 ms as"
        " every perfctl command does: lock file, BEGIN IMMEDIATE, COMMIT; its wait is the time from"
        " when it wants to write to when that is committed.",
        "perfctl also keeps the requests around the begin of an open alert; one DELETE does not.",
    )
    return Report("prune", [Table("Prune", columns, rows, notes)])


def _source(count: int) -> Path:
    """A store of so many requests, made once."""
    store = cache_folder() / f"prune-{count}.db"
    if store.exists():
        return store
    making = store.with_name(f"{store.name}.making") / "perfctl.db"
    shutil.rmtree(making.parent, ignore_errors=True)
    making.parent.mkdir(mode=0o700)
    in_child("benchmarks.prune:fill", store=str(making), count=count)
    making.rename(store)
    shutil.rmtree(making.parent)
    return store


def fill(store: str, count: int) -> None:
    """Make a store with requests over 30 days and one open alert."""
    path = Path(store)
    place.prepare(path)
    connection.create(path)
    per_minute = count / (DAYS * 24 * 60)
    records = synthetic.requests(count, per_minute, is_full=True)  # type: ignore[arg-type]  # any rate will do
    synthetic.write_spool(place.spool_folder(path), records)
    ingest.drain(path, synthetic.NOW_MS)
    with connection.writing(path) as con:
        con.execute(
            "INSERT INTO performance_alert(id, rule, subject, severity, status, pending_ms,"
            " opened_ms) VALUES('a1', 'request_p95', '/', 'critical', 'firing', ?, ?)",
            (ALERT_MS, ALERT_MS),
        )
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _beside(store: Path, arm: str) -> tuple[Any, ...]:
    """What the arm did, and how long the writer waited for it."""
    stop = store.with_name("stop")
    arguments = json.dumps({"store": str(store), "stop": str(stop)})
    command = [sys.executable, "-m", "benchmarks.child", "benchmarks.prune:write", arguments]
    before = store.stat().st_size / 1e6
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), cwd=ROOT) as writer:
        time.sleep(1)
        begun = time.perf_counter()
        deleted = _ACTS[arm](store)
        took = time.perf_counter() - begun
        stop.touch()
        out, _ = writer.communicate()
    waits: list[float] = sorted(json.loads(out.splitlines()[-1]))
    with connection.reading(store) as con:
        kept = con.execute(
            "SELECT count(*) FROM performance_metric WHERE id BETWEEN ? AND ?",
            [(ALERT_MS + minutes * MINUTE_MS) << TIE_BITS for minutes in (-15, 15)],
        ).fetchone()[0]
    with connection.writing(store) as con:
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    after = store.stat().st_size / 1e6
    return (deleted, took, len(waits), waits[len(waits) // 2], waits[len(waits) * 99 // 100],
            waits[-1], before, after, kept)  # fmt: skip


def write(store: str, stop: str) -> list[float]:
    """Commit one request each 10 ms until the file `stop` is there; the waits in milliseconds."""
    waits = []
    number = synthetic.NOW_MS << TIE_BITS
    due = time.perf_counter()
    while not Path(stop).exists():
        begun = time.perf_counter()
        with connection.writing(Path(store)) as con, connection.transaction(con):
            con.execute(_INSERT, (number,))
        waits.append(1000 * (time.perf_counter() - begun))
        number += 1
        due = max(due + EVERY_S, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))
    return waits


_INSERT = """
INSERT INTO performance_metric(id, origin_id, endpoint_id, status, duration_us, request_id, flags,
                               n_plus_one, duplicates, cache_hits, cache_misses)
VALUES(?, 1, 1, 200, 9000, '0123456789abcdef', 0, 0, 0, 0, 0)
"""


def _nothing(store: Path) -> int:
    time.sleep(3)
    return 0


def _prune(store: Path) -> int:
    kept = Retention(requests_ms=KEEP_DAYS * DAY_MS)
    pruned = retention.prune(store, kept, synthetic.NOW_MS)
    if pruned.refused:
        raise RuntimeError(pruned.refused)
    return pruned.rows["performance_metric"]


def _delete(store: Path) -> int:
    limit = (synthetic.NOW_MS - KEEP_DAYS * DAY_MS) << TIE_BITS
    with connection.writing(store) as con, connection.transaction(con):
        return con.execute("DELETE FROM performance_metric WHERE id < ?", (limit,)).rowcount


def _delete_and_vacuum(store: Path) -> int:
    deleted = _delete(store)
    with connection.writing(store) as con:
        con.execute("VACUUM")
    return deleted


_ACTS: dict[str, Callable[[Path], int]] = dict(
    zip(ARMS, (_nothing, _prune, _delete, _delete_and_vacuum), strict=True)
)
