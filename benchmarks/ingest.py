"""Records per CPU second from the spool into the store, beside a bare `executemany` of the rows."""

from __future__ import annotations

import gc
import resource
import shutil
import sqlite3
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks import synthetic
from benchmarks.measure import cache_folder, in_child, interleaved, middle
from benchmarks.report import Report, Table
from perfctl import ingest
from perfctl.spool import reader
from perfctl.store import connection, place

RATES = (231, 6000)
SHAPES = ("lean", "full")
_ROW = 21
_BATCH = 5000


def run(*, quick: bool = False) -> Report:
    """Drain spools of lean and full records at two rates."""
    count, rounds = (300, 1) if quick else (100_000, 7)
    rows = []
    for shape in SHAPES:
        for rate in RATES:
            spool = _spool(shape, rate, count)
            arms = {
                arm: lambda arm=arm, spool=spool: in_child(
                    f"benchmarks.ingest:{arm}", spool=str(spool)
                )
                for arm in ("drain_spool", "insert_rows")
            }
            found = interleaved(arms, rounds)
            ours = middle([result["cpu_s"] for result in found["drain_spool"]])
            best = min(result["cpu_s"] for result in found["drain_spool"])
            bare = middle([result["cpu_s"] for result in found["insert_rows"]])
            memory = max(result["peak_mib"] for result in found["drain_spool"])
            bytes_each = spool_bytes(spool) / count
            rows.append((f"{shape}, {rate:,} a minute", round(count / ours), round(count / best),
                         1e6 * ours / count, round(count / bare), ours / bare, bytes_each,
                         memory))  # fmt: skip
    columns = ("records", "perfctl records/CPU s", "the best round", "µs a record",
               "bare executemany rows/CPU s", "× bare", "spool bytes a record",
               "peak RSS MiB")  # fmt: skip
    notes = (
        f"{count:,} requests over {synthetic.ENDPOINTS} endpoints; full: 5 query patterns, 1 cache"
        f" prefix, a user. perfctl: read, check, decode, raw row, minute, hour, day and total"
        f" cells with sketches, synchronous=FULL. Median of {rounds} rounds.",
        "bare: the same 21 raw columns from memory, 5,000 rows a transaction, one table without"
        " indexes, WAL, synchronous=FULL; no spool, no checks, no cells.",
    )
    return Report("ingest", [Table("Ingest", columns, rows, notes)])


def _spool(shape: str, rate: int, count: int) -> Path:
    folder = cache_folder() / f"spool-{shape}-{rate}-{count}"
    if not folder.exists():
        made = Path(tempfile.mkdtemp(dir=cache_folder()))
        synthetic.write_spool(made, synthetic.requests(count, rate, is_full=shape == "full"))
        made.rename(folder)
    return folder


def spool_bytes(folder: Path) -> int:
    """The size of a spool."""
    return sum(path.stat().st_size for path in folder.iterdir())


def drain_spool(spool: str) -> dict[str, float]:
    """Drain a copy of a spool into a new store."""
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(Path(folder))
        for path in Path(spool).iterdir():
            shutil.copy(path, place.spool_folder(store))
        began = time.process_time()
        drained = ingest.drain(store, synthetic.NOW_MS)
        cpu_s = time.process_time() - began
        with connection.reading(store) as con:
            stored = con.execute("SELECT sum(requests) FROM endpoint_total WHERE level = 4")
            assert drained.requests == stored.fetchone()[0]
        assert drained.rejected == 0
        return {"cpu_s": cpu_s, "peak_mib": _peak_mib(), "bytes": store.stat().st_size}


def new_store(folder: Path) -> Path:
    """A store without anything in it."""
    store = folder / "perfctl.db"
    place.prepare(store)
    connection.create(store)
    return store


def insert_rows(spool: str) -> dict[str, float]:
    """Put the raw columns of the same records into one table."""
    rows = _raw_rows(Path(spool))
    with tempfile.TemporaryDirectory() as folder:
        con = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("PRAGMA synchronous = FULL")
        columns = ", ".join(f"c{number}" for number in range(_ROW - 1))
        con.execute(f"CREATE TABLE request(id INTEGER PRIMARY KEY, {columns})")
        statement = f"INSERT INTO request VALUES({', '.join('?' * _ROW)})"
        gc.disable()
        began = time.process_time()
        for first in range(0, len(rows), _BATCH):
            con.execute("BEGIN IMMEDIATE")
            con.executemany(statement, rows[first : first + _BATCH])
            con.execute("COMMIT")
        cpu_s = time.process_time() - began
        con.close()
    return {"cpu_s": cpu_s, "peak_mib": _peak_mib()}


def _raw_rows(spool: Path) -> list[tuple[Any, ...]]:
    lines = [reader.decode_lines(path.read_bytes())[0] for path in sorted(spool.iterdir())]
    requests = [record for record in chain.from_iterable(lines) if record[0] == "r"]
    return [
        (record[1] << 20 | number & 0xFFFFF, 1, hash(record[3]) % 100, *record[4:15], 0, 0, 1, 0,
         record[15] if len(record) > 15 else None, None, None)
        for number, record in enumerate(requests)
    ]  # fmt: skip


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
