"""Deploys on the time line: marked, seen, and as windows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfctl import ingest
from perfctl.model import HOUR_MS, MINUTE_MS
from perfctl.units import iso_utc
from tests import environments, segments
from tests.commands.conftest import Perfctl
from tests.segments import request

SHA = "9c1e2f3a4b5c6d7e8f90a1b2c3d4e5f60718293a"


@pytest.fixture
def serve(store: Path, now_ms: int) -> Callable[..., None]:
    """Record requests of a release, one a minute from so many minutes ago on."""

    def record(release: str | None, minutes_ago: int, count: int = 5, **changes: Any) -> None:
        first_ms = now_ms - minutes_ago * MINUTE_MS
        records = [request(first_ms + i * MINUTE_MS, **changes) for i in range(count)]
        segments.write(store, records, head=segments.header(release=release))
        ingest.drain(store, now_ms)

    return record


def test_a_mark_has_all_that_was_said_and_the_packages(
    perfctl: Perfctl, store: Path, tmp_path: Path
) -> None:
    """JSON, with what is not known as null."""
    venv = environments.make(tmp_path / "venv", django="5.2.1", six="1.17.0")

    done = perfctl(
        "deploy", "mark", "v1.4.2", "--release", "r7", "--environment", "prod",
        "--at", "2026-01-05T10:00:00Z", "--venv", venv, "--format", "json", db=store,
    )  # fmt: skip

    assert done.code == 0
    assert done.json["schema"] == "perfctl.deploy.mark/1"
    assert done.json["data"]["is_new"] is True
    assert done.json["data"]["packages_of"] == f"{venv} (--venv)"
    marked = done.json["data"]["deploy"]
    assert {name: marked[name] for name in marked if name not in ("id", "host")} == {
        "name": "r7", "at": "2026-01-05T10:00:00.000Z", "state": "marked", "release": "r7",
        "ref": "v1.4.2", "commit": None, "environment": "prod", "origin": None,
        "first_request_at": None, "python_environment": str(venv), "packages": 3, "changes": None,
    }  # fmt: skip


def test_the_release_may_stand_before_the_verb(perfctl: Perfctl, store: Path) -> None:
    """There it filters questions; of a mark it is the release all the same."""
    done = perfctl("--release", "r9", "deploy", "mark", "v9", "--format", "json", db=store)
    assert done.code == 0
    assert done.json["data"]["deploy"]["release"] == "r9"


def test_a_mark_makes_the_store_where_there_is_none(perfctl: Perfctl, tmp_path: Path) -> None:
    """The first deploy may come before the first request."""
    store = tmp_path / "a.db"
    assert perfctl("deploy", "mark", "v1", db=store).code == 0
    listed = perfctl("deploy", "--format", "ndjson", db=store)
    assert '"ref":"v1"' in listed.out


def test_the_list_says_what_each_deploy_changed_in_the_packages(
    perfctl: Perfctl, store: Path, tmp_path: Path
) -> None:
    """Changed, new and removed, against the deploy before; newest first."""
    venv = environments.make(tmp_path / "venv", django="5.2.1", six="1.17.0")
    perfctl("deploy", "mark", "v1", "--at", "3h", "--venv", venv, db=store)
    environments.install(venv, django="5.2.8", orjson="3.11")
    for gone in venv.rglob("six-*.dist-info"):
        (gone / "METADATA").unlink()
        gone.rmdir()
    perfctl("deploy", "mark", "v2", "--at", "2h", "--venv", venv, db=store)

    done = perfctl("deploy", "--format", "json", db=store)

    assert done.code == 0
    rows = done.json["data"]["deploys"]
    assert [(row["name"], row["packages"]) for row in rows] == [("v2", 3), ("v1", 3)]
    assert rows[1]["changes"] is None
    assert rows[0]["changes"] == [
        {"name": "django", "before": "5.2.1", "after": "5.2.8"},
        {"name": "orjson", "before": None, "after": "3.11"},
        {"name": "six", "before": "1.17.0", "after": None},
    ]
    text = perfctl("deploy", "list", db=store).out
    assert "django 5.2.1 → 5.2.8, orjson 3.11 (new), six 1.17.0 (removed)" in text


def test_the_same_mark_again_is_harmless(perfctl: Perfctl, store: Path, tmp_path: Path) -> None:
    """As from three hosts of one rollout; other packages or another release are news."""
    venv = environments.make(tmp_path / "venv", django="5.2.1")
    said = ("deploy", "mark", "v1", "--venv", venv, "--format", "json")

    first = perfctl(*said, db=store, env={"PERFCTL_HOST": "web1"})
    again = perfctl(*said, db=store, env={"PERFCTL_HOST": "web2"})
    environments.install(venv, django="5.2.8")
    other = perfctl(*said, db=store)

    assert [done.code for done in (first, again, other)] == [0, 0, 0]
    assert [done.json["data"]["is_new"] for done in (first, again, other)] == [True, False, True]
    assert again.json["data"]["deploy"] == first.json["data"]["deploy"]
    assert again.json["data"]["deploy"]["host"] == "web1"


def test_auto_reads_ci(perfctl: Perfctl, store: Path) -> None:
    """Without a REF it is not even needed to be said."""
    env = {"GITHUB_SHA": SHA, "GITHUB_REF": "refs/tags/v9", "GITHUB_REF_NAME": "v9"}
    for said in (["--auto"], []):
        done = perfctl("deploy", "mark", *said, "--format", "json", db=store, env=env)
        marked = done.json["data"]["deploy"]
        assert (marked["release"], marked["commit"], marked["origin"]) == ("v9", SHA, "GITHUB_SHA")


def test_auto_reads_the_checkout_without_running_git(
    perfctl: Perfctl, store: Path, tmp_path: Path
) -> None:
    """A git in the path that would betray itself is not run; nor is the environment's Python."""
    project = tmp_path / "project"
    (project / ".git" / "refs" / "heads").mkdir(parents=True)
    (project / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (project / ".git" / "refs" / "heads" / "main").write_text(f"{SHA}\n")
    venv = environments.make(project / ".venv", django="5.2.1")
    trace = tmp_path / "ran"
    for program in (tmp_path / "bin" / "git", venv / "bin" / "python"):
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\ntouch {trace}\n")
        program.chmod(0o755)

    done = perfctl(
        "deploy", "mark", "--auto", "--format", "json", db=store, cwd=project,
        env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
    )  # fmt: skip

    marked = done.json["data"]["deploy"]
    assert (marked["ref"], marked["commit"], marked["origin"]) == ("main", SHA, ".git")
    assert done.json["data"]["packages_of"] == f"{venv} (the project's .venv)"
    assert not trace.exists()


def test_where_nothing_says_what_is_deployed_nothing_is_marked(
    perfctl: Perfctl, store: Path
) -> None:
    """Cannot tell: exit 3, and what to say instead."""
    done = perfctl("deploy", "mark", "--auto", db=store)
    assert done.code == 3
    assert "perfctl deploy mark REF" in done.err
    assert perfctl("deploy", db=store).code == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("v1", "--at", "2126-01-01"),
        ("v1", "--at", "soon"),
        ("v1", "--venv", "/nonexistent"),
        ("v1", "--python", "/nonexistent/python"),
        ("v\n1",),
        ("",),
    ],
)
def test_wrong_usage_marks_nothing(
    perfctl: Perfctl, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Exit 2, and not even a store is made."""
    done = perfctl("deploy", "mark", *arguments, db=tmp_path / "none.db")
    assert done.code == 2
    assert done.out == ""
    assert not (tmp_path / "none.db").exists()


def test_a_new_release_in_the_requests_is_a_deploy_that_was_seen(
    perfctl: Perfctl, store: Path, serve: Callable[..., None], now_ms: int
) -> None:
    """At the minute of its first request, not at the time that this was read."""
    serve(None, 300)
    serve("r1", 180)
    serve("r2", 60)

    rows = perfctl("deploy", "--format", "json", db=store).json["data"]["deploys"]

    assert [(row["name"], row["state"]) for row in rows] == [("r2", "seen"), ("r1", "seen")]
    first_ms = now_ms - 60 * MINUTE_MS
    assert rows[0]["at"] == iso_utc(first_ms - first_ms % MINUTE_MS)


@pytest.mark.parametrize("mark", ["r2", SHA])
def test_a_mark_takes_the_place_of_what_was_seen(
    perfctl: Perfctl, store: Path, serve: Callable[..., None], mark: str
) -> None:
    """By the release's name, or by a commit that the release shortens."""
    serve(mark[:10], 60)
    perfctl("deploy", "mark", mark, "--at", "62m", db=store)
    perfctl("collect", db=store)  # keeps what was seen

    rows = perfctl("deploy", "--format", "json", db=store).json["data"]["deploys"]

    assert [(row["ref"], row["state"]) for row in rows] == [(mark, "marked")]
    assert rows[0]["first_request_at"] > rows[0]["at"]


def test_a_deploy_is_a_window_up_to_the_next_one(
    perfctl: Perfctl, store: Path, serve: Callable[..., None], now_ms: int
) -> None:
    """Everywhere a window is taken, by release, ref or the commit's beginning."""
    serve(None, 240, 10)
    serve(None, 100, 20)
    serve(None, 40, 30)
    at_ms = now_ms - now_ms % MINUTE_MS
    for ref, ago in ((SHA, 120), ("v2", 60)):
        perfctl("deploy", "mark", ref, "--at", iso_utc(at_ms - ago * MINUTE_MS), db=store)

    def count(*arguments: str) -> int:
        done = perfctl("endpoints", *arguments, "--format", "json", db=store)
        assert done.code == 0
        return int(done.json["coverage"]["samples"])

    assert count("--since", f"deploy:{SHA[:7]}") == 20
    assert count("--since", "deploy:v2") == 30
    assert count("--since", "deploy:latest") == 30
    assert count("--since", "deploy:previous") == 20
    assert count("--since", f"deploy:{SHA}", "--until", "1m") == 50
    assert count("--until", "deploy:v2") == 30
    assert count("--since", "230m", "--until", "deploy:v2") == 20
    window = perfctl("endpoints", "--since", f"deploy:{SHA}", "--format", "json", db=store)
    assert window.json["window"]["since"] == iso_utc(at_ms - 120 * MINUTE_MS)
    assert window.json["window"]["until"] == iso_utc(at_ms - 60 * MINUTE_MS)
    listed = perfctl("requests", "--since", "deploy:v2", "--format", "ndjson", db=store)
    assert len(listed.out.splitlines()) == 30
    assert perfctl("summary", "--since", "deploy:v2", db=store).code == 0


def test_an_unknown_deploy_is_exit_2_with_the_nearest(perfctl: Perfctl, filled: Path) -> None:
    """Nothing on stdout."""
    perfctl("deploy", "mark", "v1.4.2", db=filled)
    done = perfctl("endpoints", "--since", "deploy:v1.42", db=filled)
    assert done.code == 2
    assert done.out == ""
    assert "v1.4.2" in done.err


def test_without_any_deploy_one_cannot_tell(
    perfctl: Perfctl, store: Path, serve: Callable[..., None]
) -> None:
    """No data goes before unknown: exit 3, with the way to mark one."""
    serve(None, 10)
    done = perfctl("endpoints", "--since", "deploy:v1", db=store)
    assert done.code == 3
    assert "perfctl deploy mark" in done.err


def test_an_empty_window_of_deploys_is_wrong_usage(perfctl: Perfctl, store: Path) -> None:
    """From a later deploy to an earlier one."""
    perfctl("deploy", "mark", "v1", "--at", "2h", db=store)
    perfctl("deploy", "mark", "v2", "--at", "1h", db=store)
    done = perfctl("endpoints", "--since", "deploy:v2", "--until", "deploy:v1", db=store)
    assert done.code == 2


def test_collect_keeps_a_package_set_whenever_it_changes(perfctl: Perfctl, tmp_path: Path) -> None:
    """The one of the project around the store, wherever cron stands; the same set is kept once."""
    project = tmp_path / "project"
    (project / ".perfctl").mkdir(parents=True, mode=0o700)
    store = project / ".perfctl" / "perfctl.db"
    venv = environments.make(project / ".venv", django="5.2.1")

    perfctl("collect", db=store)
    perfctl("collect", db=store)
    environments.install(venv, django="5.2.8")
    perfctl("collect", db=store)
    (venv / "lib/python3.11/site-packages/django-5.2.8.dist-info/METADATA").touch()
    perfctl("collect", db=store)

    done = perfctl("deploy", "--format", "json", db=store)
    (changed,) = done.json["data"]["package_changes"]
    assert changed["python_environment"] == str(venv)
    assert changed["changes"] == [{"name": "django", "before": "5.2.1", "after": "5.2.8"}]
    assert "django 5.2.1 → 5.2.8" in perfctl("deploy", db=store).out


def test_collect_works_from_cron(perfctl: Perfctl, tmp_path: Path) -> None:
    """Without HOME, without a terminal, from /, with an environment of three variables."""
    project = tmp_path / "project"
    (project / ".perfctl").mkdir(parents=True, mode=0o700)
    store = project / ".perfctl" / "perfctl.db"
    environments.make(project / ".venv", django="5.2.1")
    perfctl("init", db=store)
    done = subprocess.run(
        [sys.executable, "-m", "perfctl", "--db", str(store), "collect", "-q"],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "root"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_hostile_names_are_shown_and_not_obeyed(
    perfctl: Perfctl, store: Path, serve: Callable[..., None]
) -> None:
    """A release comes from a record, as anybody may write one."""
    serve("\x1b[31mred‮gpj", 30)
    done = perfctl("deploy", db=store)
    assert "\x1b" not in done.out
    assert "‮" not in done.out
    assert "\\x1b[31mred" in done.out


def test_collect_keeps_the_minute_of_a_release(perfctl: Perfctl, store: Path, now_ms: int) -> None:
    """The first of its requests, not the time at which they were read."""
    at_ms = now_ms - 30 * HOUR_MS
    segments.write(store, [request(at_ms)], head=segments.header(release="old"))
    perfctl("collect", db=store)

    rows = perfctl("deploy", "--format", "json", db=store).json["data"]["deploys"]

    assert rows[0]["at"] == iso_utc(at_ms - at_ms % MINUTE_MS)


def test_endpoints_beside_what_they_were_before_a_deploy(
    perfctl: Perfctl, store: Path, serve: Callable[..., None]
) -> None:
    """JSON has what was before and the change, the table both with `too few` where it is so."""
    serve("r1", 100, 60, duration_us=10_000, queries=2)
    serve("r2", 35, 30, duration_us=30_000, queries=22)
    perfctl("deploy", "mark", "r2", "--at", "38m", db=store)

    done = perfctl("endpoints", "--compare", "deploy:r2", "--format", "json", db=store)
    shown = perfctl("endpoints", "--compare", "deploy:r2", db=store)

    assert (done.code, shown.code) == (0, 0)
    assert done.json["schema"] == "perfctl.endpoints/1"
    (row,) = done.json["data"]["endpoints"]
    assert row["change"]["p50_ratio"] == pytest.approx(3, rel=0.02)
    assert row["change"]["queries_ratio"] == 11
    assert row["change"]["too_few"] == ["p95"]
    assert row["change"]["p95_ratio"] is None
    assert row["before"]["queries_avg"] == 2
    assert "before r2" in shown.out
    assert "too few" in shown.out
    assert "2 → 22" in shown.out
    csv = perfctl("endpoints", "--compare", "deploy:r2", "--format", "csv", db=store)
    assert csv.code == 0


def test_a_comparison_with_nothing_is_exit_3(
    perfctl: Perfctl, store: Path, serve: Callable[..., None]
) -> None:
    """A deploy of this moment has no requests yet."""
    serve("r1", 100, 60)
    perfctl("deploy", "mark", "v2", db=store)
    assert perfctl("endpoints", "--compare", "deploy:v2", db=store).code == 3
    assert perfctl("endpoints", "--compare", "deploy:v9", db=store).code == 2
    assert perfctl("endpoints", "--compare", "soon", db=store).code == 2
