"""`doctor`: it finds what the others suffer from, and exits 1."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perfctl.spool.room import MAX_TOTAL_BYTES
from perfctl.store import connection
from perfctl.store.place import prepare, spool_folder
from tests import segments
from tests.commands.conftest import Done, Perfctl
from tests.segments import request

needs_mounts = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


def finding(done: Done, name: str) -> Any:
    """The one finding of that name."""
    (found,) = [found for found in done.json["data"]["findings"] if found["name"] == name]
    return found


def test_a_full_spool_is_a_problem(perfctl: Perfctl, filled: Path) -> None:
    """By the writer's own cap: each record is refused until somebody collects."""
    path = segments.write(filled, [request()])
    os.truncate(path, MAX_TOTAL_BYTES)
    done = perfctl("doctor", "--format", "json", db=filled)
    assert done.code == 1
    spool = finding(done, "spool")
    assert spool["status"] == "problem"
    assert spool["detail"] == (
        f"records are refused now: the spool {path.parent} is full: 268 MB in 1 file"
    )
    assert spool["hint"].endswith(f"--db {filled} collect")


@needs_mounts
def test_a_disk_that_is_nearly_full_is_a_problem(perfctl: Perfctl, tmp_path: Path) -> None:
    """By the room that the writer leaves, which is more than this one has in all."""
    with _tmpfs(tmp_path / "small", "size=32M") as folder:
        store = _made(folder)
        done = perfctl("doctor", "--format", "json", db=store)
        assert done.code == 1
        detail = finding(done, "spool")["detail"]
        assert detail.startswith(
            f"records are refused now: the disk of the spool {spool_folder(store)} has "
        )
        assert detail.endswith(" MB free, under 67.1 MB")


@needs_mounts
def test_a_read_only_file_system_is_said_to_be_one(perfctl: Perfctl, tmp_path: Path) -> None:
    """Not blamed on owner and mode; the spool is not ok and refused at once."""
    with _tmpfs(tmp_path / "small", "size=96M") as folder:
        store = _made(folder)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        done = perfctl("doctor", "--format", "json", db=store)
        assert done.code == 1
        assert finding(done, "spool")["detail"] == (
            f"the spool {spool_folder(store)} lies on a read-only file system"
        )
        assert finding(done, "place")["detail"] == f"{folder} lies on a read-only file system"


def test_a_newer_schema_is_a_problem_though_it_can_be_read(perfctl: Perfctl, filled: Path) -> None:
    """`collect` refuses to write it, so the spool fills."""
    stamp(filled, 99)
    done = perfctl("doctor", "--format", "json", db=filled)
    assert done.code == 1
    assert finding(done, "store") == {
        "name": "store",
        "status": "problem",
        "detail": "the store's schema 99 is newer than this perfctl's 1: upgrade perfctl",
        "hint": "pip install --upgrade perfctl",
    }


def test_a_newer_schema_is_not_called_up_to_date(perfctl: Perfctl, filled: Path) -> None:
    """`db migrate`: exit 4, and nothing is copied or written."""
    stamp(filled, 99)
    done = perfctl("db", "migrate", db=filled)
    assert (done.code, done.out) == (4, "")
    assert "newer perfctl (99)" in done.err
    assert list(filled.parent.glob("*.before-*")) == []


@pytest.mark.parametrize(("count", "said"), [(1, "1 segment is"), (2, "2 segments are")])
def test_segments_of_a_newer_format_are_counted(
    perfctl: Perfctl, filled: Path, count: int, said: str
) -> None:
    """In the number that they have."""
    for _ in range(count):
        segments.write(filled, [request()], head=segments.header(version=9))
    done = perfctl("doctor", "--format", "json", db=filled)
    assert done.code == 1
    assert finding(done, "format")["detail"].startswith(f"{said} of a newer format")


def stamp(store: Path, schema: int) -> None:
    """Make the store one of a later perfctl that this one may still read."""
    with contextlib.closing(sqlite3.connect(store)) as con:
        con.execute(f"PRAGMA user_version = {schema}")


def _made(folder: Path) -> Path:
    folder.chmod(0o700)
    store = folder / "perfctl.db"
    prepare(store)
    connection.create(store)
    return store


@contextlib.contextmanager
def _tmpfs(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
