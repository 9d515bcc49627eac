"""What an append to the spool costs, and how many bytes a request takes in spool and store."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import synthetic
from benchmarks.ingest import SHAPES, new_store, spool_bytes
from benchmarks.measure import in_child, interleaved, middle
from benchmarks.report import Report, Table
from perfctl import ingest
from perfctl.spool.reader import list_segments
from perfctl.spool.writer import SpoolWriter
from perfctl.store import place

_CALLS = 20_000


def run(*, quick: bool = False) -> Report:
    """Appends of lean and full records, and the size of what becomes of them."""
    rounds, calls = (1, 200) if quick else (9, _CALLS)
    return Report("spool", [_appends(rounds, calls), _sizes(500 if quick else 100_000)])


def _appends(rounds: int, calls: int) -> Table:
    arms = {
        f"{shape}: {arm}": lambda shape=shape, arm=arm: in_child(
            f"benchmarks.spool:{arm}", shape=shape, calls=calls
        )
        for shape in SHAPES
        for arm in ("append_to_spool", "write_alone", "insert_into_sqlite")
    }
    found = interleaved(arms, rounds)
    rows = []
    for shape in SHAPES:
        floor = middle(found[f"{shape}: write_alone"])
        rows += [
            (name, middle(cpu_us), middle(cpu_us) / floor)
            for name, cpu_us in found.items()
            if name.startswith(shape)
        ]
    notes = (
        f"Of a finished line, median of {rounds} processes of {calls:,} calls. The writer also"
        " asks whether its file still has a name, whether it has grown, and whether it was forked;"
        " write_alone is os.write of the same bytes on an O_APPEND file: the least that survives"
        " the death of a process.",
        "insert_into_sqlite: one row and one commit, WAL, synchronous=NORMAL, alone.",
    )
    return Table("An append", ("one record", "CPU µs", "× write alone"), rows, notes)


def _lines(shape: str, count: int) -> list[bytes]:
    records = synthetic.requests(count, 6000, is_full=shape == "full")
    return [synthetic.line(record) for record in records]


def _cpu_us_each(lines: list[bytes], take: Callable[[bytes], object]) -> float:
    began = time.process_time_ns()
    for line in lines:
        take(line)
    return (time.process_time_ns() - began) / len(lines) / 1000


def append_to_spool(shape: str, calls: int) -> float:
    """By perfctl's own writer."""
    lines = _lines(shape, calls)
    ordinals = list(range(5)) if shape == "full" else []
    with tempfile.TemporaryDirectory() as folder:
        writer = SpoolWriter(
            Path(folder) / "x.spool",
            lambda: synthetic.head(os.getpid())[0],
            lambda ordinal: synthetic.line(["p", ordinal, "default", "SELECT ?"]),
        )
        assert all(writer.append(line, ordinals) for line in lines[:100])
        cpu_us = _cpu_us_each(lines, lambda line: writer.append(line, ordinals))
        assert not writer.dropped
    return cpu_us


def write_alone(shape: str, calls: int) -> float:
    """The system call alone."""
    with tempfile.TemporaryDirectory() as folder:
        fd = os.open(Path(folder) / "x", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return _cpu_us_each(_lines(shape, calls), lambda line: os.write(fd, line))


def insert_into_sqlite(shape: str, calls: int) -> float:
    """A row and a commit each, in the request."""
    lines = _lines(shape, max(100, calls // 10))
    with tempfile.TemporaryDirectory() as folder:
        con = sqlite3.connect(Path(folder) / "x.db", isolation_level=None)
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("PRAGMA synchronous = NORMAL")
        con.execute("CREATE TABLE request(id INTEGER PRIMARY KEY, line BLOB)")
        insert = "INSERT INTO request(line) VALUES(?)"
        return _cpu_us_each(lines, lambda line: con.execute(insert, (line,)))


def _sizes(count: int) -> Table:
    rows = []
    for shape in SHAPES:
        for rate in (231, 6000):
            for name, measure in (("at once", at_once), ("minute by minute", minute_by_minute)):
                spool, store, raw = measure(shape, rate, count)
                rows.append((f"{shape}, {rate:,} a minute, drained {name}", spool, store, raw,
                             store / spool))  # fmt: skip
    notes = (
        f"{count:,} requests over {synthetic.ENDPOINTS} endpoints. Bytes of the store's file with"
        " cells of all levels: those of minutes and ten minutes are kept for two days, of hours for"
        " thirty, raw rows for thirty, so that what stays of a month lies nearer to the raw rows.",
    )
    columns = ("requests", "spool B a request", "store B a request", "of it raw rows",
               "store / spool")  # fmt: skip
    return Table("Bytes a request", columns, rows, notes)


def at_once(shape: str, rate: int, count: int) -> tuple[float, float, float]:
    """Bytes a request in the spool, in the store, and in its raw rows."""
    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder) / "spool"
        synthetic.write_spool(spool, synthetic.requests(count, rate, is_full=shape == "full"))
        store = new_store(Path(folder))
        for path in spool.iterdir():
            (place.spool_folder(store) / path.name).write_bytes(path.read_bytes())
        size = spool_bytes(spool)
        ingest.drain(store, synthetic.NOW_MS)
        whole = store.stat().st_size
        return size / count, whole / count, _raw_bytes(store) / count


def minute_by_minute(shape: str, rate: int, count: int) -> tuple[float, float, float]:
    """The same, as a cron job that collects each minute leaves it."""
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(Path(folder))
        spool = place.spool_folder(store)
        records = list(synthetic.requests(count, rate, is_full=shape == "full"))
        size = 0
        for number, first in enumerate(range(0, count, rate)):
            minute = records[first : first + rate]
            name = f"{number}-{number:016x}.spool"
            lines = [*(synthetic.head(number) if not number else synthetic.head(number)[:1]),
                     *map(synthetic.line, minute)]  # fmt: skip
            (spool / name).write_bytes(b"".join(lines))
            size += sum(map(len, lines))
            ingest.drain(store, minute[-1][1] + 1000)
        assert not list_segments(spool)
        whole = store.stat().st_size
        return size / count, whole / count, _raw_bytes(store) / count


def _raw_bytes(store: Path) -> int:
    """What the raw rows take: what the file lacks without them."""
    size = store.stat().st_size
    con = sqlite3.connect(store, isolation_level=None)
    try:
        con.execute("DELETE FROM performance_metric")
        con.execute("VACUUM")
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        con.close()
    return size - store.stat().st_size
