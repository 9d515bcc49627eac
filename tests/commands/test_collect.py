"""`collect` and `demo`: what cron and a newcomer run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests import segments
from tests.commands.conftest import Perfctl
from tests.segments import request


def test_collect_brings_in_what_waits_and_says_so(
    perfctl: Perfctl, store: Path, now_ms: int
) -> None:
    """The keys of the contract; a torn line is counted."""
    segments.write(store, [request(now_ms), request(now_ms)], raw=b"torn\n")
    done = perfctl("collect", "--format", "json", db=store)
    assert done.code == 0
    data = done.json["data"]
    assert set(data) == {
        "system",
        "ingested",
        "rejected",
        "alerts_opened",
        "alerts_resolved",
        "pruned",
    }
    assert (data["ingested"], data["rejected"]) == (2, 1)
    assert 0 <= data["system"]["cpu"] <= 1
    assert 0 <= data["system"]["memory"] <= 1


def test_a_new_store_is_said_to_be_one(perfctl: Perfctl, tmp_path: Path) -> None:
    """A mistyped path in cron must not go unnoticed: on stderr, with -q too, and only once."""
    store = tmp_path / "mistyped" / "perfctl.db"
    done = perfctl("collect", "-q", db=store)
    assert (done.code, done.out) == (0, "")
    assert done.err == f"perfctl: {store} (from --db) did not exist: a new store was made there\n"
    assert perfctl("collect", "-q", db=store).err == ""
    fed = tmp_path / "fed.db"
    segments.write(fed, [request()])
    assert perfctl("collect", db=fed).err == ""
    marked = tmp_path / "other" / "perfctl.db"
    assert "a new store was made" in perfctl("deploy", "mark", "v1", db=marked).err


def test_what_is_too_old_is_rejected_too(perfctl: Perfctl, store: Path, now_ms: int) -> None:
    """As many as `doctor` counts, torn tails among them."""
    old_ms = now_ms - 90 * 86_400_000
    records = [request(now_ms), request(old_ms), ["x", 1], ["r"]]
    segments.write(store, records, raw=b"torn\nno end")
    done = perfctl("collect", "--format", "json", db=store)
    assert (done.json["data"]["ingested"], done.json["data"]["rejected"]) == (1, 5)
    said = perfctl("doctor", "--format", "json", db=store).json["data"]["findings"]
    (refused,) = [found["detail"] for found in said if found["name"] == "refused"]
    assert refused.startswith("5 refused by the reader: ")


def test_a_segment_of_a_newer_format_is_named(perfctl: Perfctl, store: Path, now_ms: int) -> None:
    """It waits because this perfctl cannot read it: to collect once more is no remedy."""
    path = segments.write(store, [request(now_ms)], head=segments.header(version=9))
    size = f"{path.stat().st_size} B"
    done = perfctl("collect", db=store)
    assert done.code == 0
    assert (
        "▲ 1 segment of a newer format is left in the spool: pip install --upgrade perfctl"
        in done.out
    )
    assert f"{size} wait in the spool\n" in done.out
    assert "(perfctl collect)" not in done.out
    segments.write(store, [request(now_ms)], head=segments.header(version=9))
    warnings = perfctl("endpoints", "--format", "json", db=store).json["warnings"]
    assert any(warning.startswith("2 segments of a newer format are left") for warning in warnings)


def test_samples_are_what_health_shows_of_another_machine(perfctl: Perfctl, store: Path) -> None:
    """A store of host `elsewhere` is answered from its samples, not from this machine."""
    env = {"PERFCTL_HOST": "elsewhere"}
    assert perfctl("collect", "-q", db=store, env=env).out == ""
    data = perfctl("health", "--format", "json", db=store).json["data"]
    cpu = next(check for check in data["checks"] if check["name"] == "cpu")
    assert cpu["value"] is not None
    rows = perfctl("query", "SELECT host FROM v_system", "--format", "json", db=store).json["data"]
    assert rows["rows"] == [{"host": "elsewhere"}]


def test_collect_every_stays_until_it_is_interrupted(store: Path) -> None:
    """Two rounds in a few seconds, then ^C: exit 130."""
    child = subprocess.Popen(
        [sys.executable, "-m", "perfctl", "--db", store, "collect", "--every", "1s", "--format",
         "ndjson"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert child.stdout is not None
    rounds = [json.loads(child.stdout.readline()) for _ in range(2)]
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=20)
    assert len(rounds) == 2
    assert child.returncode == 130
    assert "Traceback" not in errors


def test_the_interval_of_every_decides_what_is_stale(perfctl: Perfctl, store: Path) -> None:
    """A collector that comes each hour is not stale after a minute."""
    child = subprocess.Popen(
        [sys.executable, "-m", "perfctl", "--db", store, "collect", "--every", "1h"],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    child.kill()
    child.communicate()
    data = perfctl("health", "--format", "json", db=store).json["data"]
    freshness = next(check for check in data["checks"] if check["name"] == "freshness")
    assert (freshness["status"], freshness["target"]) == ("ok", 3 * 3600)


def test_collect_refuses_wrong_notifications_before_it_does_anything(
    perfctl: Perfctl, store: Path, tmp_path: Path
) -> None:
    """Exit 2 with the file and the name, and no sample is taken."""
    file = tmp_path / "cwd" / "perfctl.toml"
    file.write_text('[notify]\nping = "http://exa mple/"\n')
    done = perfctl("collect", "-q", db=store)
    assert (done.code, done.out) == (2, "")
    assert f"{file}: notify.ping: " in done.err
    done = perfctl("query", "SELECT host FROM v_system", "--format", "json", db=store)
    assert done.json["data"]["rows"] == []


def test_demo_records_the_example_site_into_its_own_store(perfctl: Perfctl, tmp_path: Path) -> None:
    """Health and endpoints of what was recorded; the user's store is not touched; it stays."""
    state = tmp_path / "state"
    users = state / "perfctl" / "perfctl.db"
    env = {"XDG_STATE_HOME": str(state)}
    for _ in range(2):
        done = perfctl("demo", "--visits", "80", env=env)
        assert done.code == 0, done.err
        assert "p95" in done.out
        assert "cpu" in done.out
        assert "/items/" in done.out
        assert "export PERFCTL_DB=" in done.out
    assert not users.exists()
    store = state / "perfctl-demo" / "perfctl.db"
    rows = perfctl("endpoints", "--probes", "--format", "json", db=store).json["data"]["endpoints"]
    assert sum(row["count"] for row in rows) == 80


def test_demo_does_not_take_another_store(perfctl: Perfctl, store: Path) -> None:
    """Never the user's."""
    assert perfctl("demo", db=store).code == 2


@pytest.mark.parametrize(
    ("face", "header", "between"),
    [
        ("csv", ["request_id,started_at,"], ","),
        ("tsv", ["request_id\tstarted_at\t"], "\t"),
        ("md", ["| request_id | started_at |", "| --- | --- |"], " | "),
    ],
)
def test_follow_prints_one_header(store: Path, face: str, header: list[str], between: str) -> None:
    """Then a row a request, whenever it comes."""
    child = subprocess.Popen(
        [sys.executable, "-m", "perfctl", "--db", store, "requests", "-f", "--format", face],
        stdout=subprocess.PIPE,
        text=True,
    )
    guard = threading.Timer(30, child.kill)
    guard.start()
    assert child.stdout is not None
    lines = []
    ahead_ms = int(time.time() * 1000) + 600_000  # clamped: it counts from when it is brought in
    for name, more in (("first", len(header)), ("second", 0)):
        segments.write(store, [request(ahead_ms, request_id=name)])
        lines += [child.stdout.readline() for _ in range(more + 1)]
    child.send_signal(signal.SIGINT)
    rest, _ = child.communicate(timeout=20)
    guard.cancel()
    assert rest == ""
    assert [line.startswith(start) for line, start in zip(lines, header, strict=False)] == (
        [True] * len(header)
    )
    rows = [line.strip("| ").split(between)[0] for line in lines[len(header) :]]
    assert rows == ["first", "second"]


def test_follow_has_no_json(perfctl: Perfctl, store: Path) -> None:
    """One document has an end: exit 2 with the face that has none."""
    done = perfctl("requests", "--follow", "--format", "json", db=store)
    assert (done.code, done.out) == (2, "")
    assert "try: perfctl requests --follow --format ndjson" in done.err


def test_follow_prints_requests_as_they_come(store: Path) -> None:
    """A line for each, until interrupted."""
    child = subprocess.Popen(
        [sys.executable, "-m", "perfctl", "--db", store, "requests", "-f", "--format", "ndjson"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(1.5)
    segments.write(store, [request(int(time.time() * 1000), request_id="first")])
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["request_id"] == "first"
    segments.write(store, [request(int(time.time() * 1000), request_id="second")])
    assert json.loads(child.stdout.readline())["request_id"] == "second"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=20)
    assert child.returncode == 130
    assert os.path.exists(store)
