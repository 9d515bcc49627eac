"""`perfctl forget`: the records stay, and no byte tells whose they were."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from perfctl import ingest
from perfctl.recording.users import hash_user
from perfctl.store.place import spool_folder
from tests import segments
from tests.answers.test_errors import error
from tests.commands.conftest import Perfctl
from tests.segments import line, request
from tests.spool import spools

CANARY = "canary-8f3a91"


def bytes_of(store: Path) -> bytes:
    """All that lies on the disk of a store: file, WAL, index, lock, spool."""
    files = [*store.parent.glob(f"{store.name}*"), *spool_folder(store).glob("*")]
    return b"".join(file.read_bytes() for file in files if file.is_file())


@pytest.fixture
def known(store: Path, now_ms: int) -> Path:
    """A store with records of a user among those of others, some of them still in the spool."""
    users = (CANARY, "42", CANARY, None)
    records = [request(now_ms - i, user=users[i % 4]) for i in range(4000)]
    segments.write(store, [*records, error(now_ms, user=CANARY), error(now_ms, user="42")])
    ingest.drain(store, now_ms)
    segments.write(store, [request(now_ms, user=CANARY)])
    assert CANARY.encode() in bytes_of(store)
    return store


def test_a_forgotten_user_is_in_no_byte_of_the_store(perfctl: Perfctl, known: Path) -> None:
    """Not in the file, not in the WAL, not in the spool; the sums are as before."""
    before = perfctl("endpoints", "--format", "csv", db=known).out

    done = perfctl("forget", "--user", CANARY, "--yes", "--format", "json", db=known)

    assert done.code == 0
    assert done.json["data"]["rows"] == {
        "performance_metric": 2001, "error_log": 1, "frontend_metric": 0,
    }  # fmt: skip
    assert CANARY.encode() not in bytes_of(known)
    assert perfctl("endpoints", "--format", "csv", db=known).out == before
    others = perfctl("requests", "--user", "42", "--limit", 0, "--format", "csv", db=known).out
    assert others.count("\n") == 1001
    again = perfctl("forget", "--user", CANARY, "--yes", "--format", "json", db=known)
    assert set(again.json["data"]["rows"].values()) == {0}
    assert again.code == 0


def test_a_running_process_keeps_no_trace_in_its_segment(
    perfctl: Perfctl, store: Path, now_ms: int
) -> None:
    """What is read of it is scrubbed in place; it writes on, and what it writes is read."""
    folder = spool_folder(store)
    folder.mkdir(mode=0o700)
    writer = spools.writer(folder)
    ours, other = request(now_ms, user=CANARY), request(now_ms, user="42")
    for record in (ours, other, ours):
        assert writer.append(line(record))

    done = perfctl("forget", "--user", CANARY, "--yes", "--format", "json", db=store)

    assert (done.code, done.json["data"]["spool_lines"]) == (0, 2)
    assert CANARY.encode() not in bytes_of(store)
    assert writer.append(line(other))
    listed = perfctl("requests", "--format", "json", "--limit", 0, db=store).json
    assert [row["user"] for row in listed["data"]["requests"]].count("42") == 2
    assert len(listed["data"]["requests"]) == 4
    info = perfctl("db", "info", "--format", "json", db=store).json["data"]
    assert not any(name.startswith("refused") for name in info["counters"])


def test_a_hashed_user_is_found_by_key_and_secret_or_by_hash(
    perfctl: Perfctl, store: Path, now_ms: int
) -> None:
    """As HASH_USERS keeps it."""
    hashed = hash_user("42", b"s3cret")
    segments.write(store, [request(now_ms, user=hashed), request(now_ms, user="42")])
    command = ("forget", "--user", "42", "--yes", "--format", "json")

    missing = perfctl(*command, "--secret-env", "APP_SECRET", db=store)
    found = perfctl(*command, "--secret-env", "APP_SECRET", db=store, env={"APP_SECRET": "s3cret"})

    assert (missing.code, missing.out) == (2, "")
    assert found.json["data"]["rows"]["performance_metric"] == 2
    segments.write(store, [request(now_ms, user=hashed)])
    by_hash = perfctl("forget", "--user", hashed, "--yes", "--format", "json", db=store)
    assert by_hash.json["data"]["rows"]["performance_metric"] == 1


def test_copies_beside_the_store_are_named(perfctl: Perfctl, known: Path) -> None:
    """From before a migration, or set aside as damaged: exit 1 where the user stands in one."""
    before = known.with_name(f"{known.name}.before-2")
    other = known.with_name(f"{known.name}.before-1")
    damaged = known.with_name(f"{known.name}.damaged")
    command = ("forget", "--yes", "--format", "json", "--user")
    perfctl("db", "snapshot", before, db=known)
    perfctl(*command, "42", db=known)
    perfctl("db", "snapshot", other, db=known)
    damaged.write_bytes(b"bytes")

    done = perfctl(*command, "42", db=known)

    assert done.code == 1
    assert done.json["data"]["left"] == [
        "perfctl.db.before-2: a copy of the store, to be deleted",
        "perfctl.db.damaged: a copy of the store that cannot be read, to be deleted",
    ]
    assert {path.name for path in known.parent.iterdir() if ".before-" in path.name} == {
        "perfctl.db.before-1",
        "perfctl.db.before-2",
    }


def test_forget_asks_nobody_off_a_terminal(perfctl: Perfctl, known: Path, tmp_path: Path) -> None:
    """Exit 2 with the option to say; nothing is changed. No store: 3."""
    done = perfctl("forget", "--user", CANARY, db=known, stdin=subprocess.DEVNULL)
    assert (done.code, done.out) == (2, "")
    assert "--yes" in done.err
    assert CANARY.encode() in bytes_of(known)
    assert perfctl("forget", "--user", " ", "--yes", db=known).code == 2
    assert perfctl("forget", "--yes", db=known).code == 2
    assert perfctl("forget", "--user", "42", "--yes", db=tmp_path / "none.db").code == 3


@pytest.mark.parametrize(("said", "code"), [(b"n\n", 130), (b"y\n", 0)])
def test_forget_asks_on_a_terminal(known: Path, said: bytes, code: int) -> None:
    """How many records it is about; anything but yes leaves them."""
    ours, theirs = pty.openpty()
    os.write(ours, said)
    with os.fdopen(theirs, "rb", closefd=True) as terminal:
        done = subprocess.run(
            [sys.executable, "-m", "perfctl", "--db", known, "forget", "--user", CANARY],
            stdin=terminal,
            capture_output=True,
            timeout=60,
            cwd=known.parent,
            check=False,
        )
    os.close(ours)
    assert done.returncode == code
    assert b"2,002 records" in done.stderr
    assert (CANARY.encode() in bytes_of(known)) is (code != 0)
