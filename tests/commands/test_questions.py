"""The questions: their JSON, their exit codes, their faces."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests import segments
from tests.commands.conftest import Perfctl
from tests.segments import request

QUESTIONS = ("summary", "endpoints", "requests", "database", "cache")
KEYS = {
    "endpoints": {
        "method", "route", "count", "avg_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms", "error_rate",
        "status", "queries_avg", "queries_max", "n_plus_one", "db_ms_avg", "cache_hit_rate",
        "queue_ms_avg", "total_ms",
    },
    "requests": {
        "request_id", "started_at", "host", "release", "method", "route", "status", "duration_ms",
        "queue_ms", "cpu_ms", "queries", "db_ms", "n_plus_one", "cache_hits", "cache_misses",
        "response_bytes", "user", "flags",
    },
}  # fmt: skip


@pytest.mark.parametrize("verb", QUESTIONS)
def test_a_store_without_data_is_exit_3_with_a_whole_envelope(
    perfctl: Perfctl, store: Path, verb: str
) -> None:
    """Cannot tell, and the envelope says so."""
    done = perfctl(verb, "--format", "json", db=store)
    assert done.code == 3
    assert set(done.json) == {"schema", "generated_at", "window", "coverage", "data", "warnings"}
    assert done.json["schema"] == f"perfctl.{verb}/1"
    assert done.json["coverage"]["samples"] == 0


@pytest.mark.parametrize("verb", [*QUESTIONS, "health"])
def test_a_store_that_does_not_exist_is_not_made(
    perfctl: Perfctl, tmp_path: Path, verb: str
) -> None:
    """Exit 3, and the folder stays as it was."""
    done = perfctl(verb, db=tmp_path / "none" / "a.db")
    assert done.code in ((1, 3) if verb == "health" else (3,))
    assert not (tmp_path / "none").exists()
    assert "none/a.db" in done.out + done.err


@pytest.mark.parametrize("verb", ["endpoints", "requests"])
def test_rows_have_the_keys_of_the_contract(perfctl: Perfctl, filled: Path, verb: str) -> None:
    """Whatever else a row has."""
    done = perfctl(verb, "--format", "json", db=filled)
    assert done.code == 0
    assert KEYS[verb] <= set(done.json["data"][verb][0])


def test_what_waits_in_the_spool_is_in_the_answer(
    perfctl: Perfctl, store: Path, now_ms: int
) -> None:
    """A question brings it in first."""
    segments.write(store, [request(now_ms - 1000)])
    done = perfctl("endpoints", "--format", "json", db=store)
    assert done.json["data"]["endpoints"][0]["count"] == 1
    assert done.json["coverage"]["pending_bytes"] == 0


def test_a_spool_without_a_store_makes_the_store(
    perfctl: Perfctl, tmp_path: Path, now_ms: int
) -> None:
    """The feeder came first: its records are worth a store, 0600."""
    store = tmp_path / "a.db"
    segments.write(store, [request(now_ms - 1000)])
    done = perfctl("requests", "--format", "ndjson", db=store)
    assert done.code == 0
    assert json.loads(done.out)["route"] == "/items/"
    assert store.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", ["before", "after"])
def test_global_options_stand_before_or_after_the_verb(
    perfctl: Perfctl, filled: Path, place: str
) -> None:
    """Both are the same question."""
    said = ["--format", "json", "--since", "1h", "--limit", "1"]
    done = perfctl(*(said if place == "before" else []), "endpoints",
                   *(said if place == "after" else []), db=filled)  # fmt: skip
    assert done.code == 0
    assert len(done.json["data"]["endpoints"]) == 1
    assert done.json["window"]["tz"] == "UTC"


def test_an_unknown_route_is_exit_2_with_the_nearest(perfctl: Perfctl, filled: Path) -> None:
    """One clear line on stderr, nothing on stdout."""
    done = perfctl("endpoints", "/itmes/", db=filled)
    assert done.code == 2
    assert done.out == ""
    assert "/items/" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("endpoints", "--since", "yesterdayish"),
        ("endpoints", "--since", "1h", "--until", "2h"),
        ("endpoints", "--source", "nowhere"),
        ("endpoints", "--format", "yaml"),
        ("endpoints", "--limit", "-1"),
        ("endpoints", "--nonsense"),
        ("health", "--fail-on", "sometimes"),
        ("nonsense",),
        ("query", "DELETE FROM origin"),
        ("query", "SELECT * FROM nowhere"),
        ("query", "SELECT 1; SELECT 2"),
        ("query", "PRAGMA user_version"),
        ("query", "ATTACH 'x' AS y"),
        ("collect", "--every", "0.1s"),
        ("--config", "/nowhere/perfctl.toml", "health"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2_and_says_what_to_try(
    perfctl: Perfctl, filled: Path, arguments: tuple[str, ...]
) -> None:
    """Nothing on stdout, one clear line and perhaps a hint on stderr."""
    done = perfctl(*arguments, db=filled)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("perfctl: ")
    assert len(done.err.strip().splitlines()) <= 2


def test_faces_agree(perfctl: Perfctl, filled: Path) -> None:
    """ndjson and csv hold the rows of the JSON's list, without its envelope."""
    rows = perfctl("endpoints", "--format", "json", db=filled).json["data"]["endpoints"]
    lines = perfctl("endpoints", "--format", "ndjson", db=filled).out.splitlines()
    table = list(
        csv.DictReader(io.StringIO(perfctl("endpoints", "--format", "csv", db=filled).out))
    )
    assert [json.loads(line) for line in lines] == rows
    assert [row["route"] for row in table] == [row["route"] for row in rows]
    assert [int(row["count"]) for row in table] == [row["count"] for row in rows]


def test_slow_and_failed_requests(perfctl: Perfctl, filled: Path) -> None:
    """The one that took 2.5 s and failed is found by both."""
    for option in ("--slow", "--failed"):
        (row,) = perfctl("requests", option, "--format", "json", db=filled).json["data"]["requests"]
        assert row["duration_ms"] == 2500
        assert row["flags"] == ["error", "slow"]


def test_requests_are_limited_in_a_table_and_whole_elsewhere(
    perfctl: Perfctl, filled: Path
) -> None:
    """20 rows and how many more; JSON has all."""
    assert len(perfctl("requests", "--format", "ndjson", db=filled).out.splitlines()) == 39
    assert (
        len(perfctl("requests", "--format", "ndjson", "--limit", "7", db=filled).out.splitlines())
        == 7
    )


def test_head_ends_a_question_quietly(perfctl: Perfctl, filled: Path) -> None:
    """`perfctl … | head -1` leaves nothing on stderr."""
    import subprocess
    import sys

    done = subprocess.run(
        f"{sys.executable} -m perfctl --db {filled} requests --format ndjson | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout)


def test_health_fails_on_what_it_is_told(perfctl: Perfctl, filled: Path) -> None:
    """An error rate of 2.6 % is a warning: exit 1 only if warnings fail."""
    found = perfctl("health", "--format", "json", db=filled).json["data"]
    rate = next(check for check in found["checks"] if check["name"] == "error_rate")
    assert rate["status"] == "warning"
    assert perfctl("health", "--fail-on", "warning", db=filled).code == 1
    assert perfctl("health", "--fail-on", "never", db=filled).code in (0, 3)


def test_health_of_the_machine_alone_needs_nothing(perfctl: Perfctl, tmp_path: Path) -> None:
    """No store, no requests, no Django."""
    done = perfctl("health", "--system", "--format", "json", db=tmp_path / "a.db")
    assert done.code in (0, 1)
    checks = {check["name"]: check for check in done.json["data"]["checks"]}
    assert set(checks) == {"cpu", "memory", "disk"}
    assert all(0 <= check["value"] <= 1 for check in checks.values())


def test_from_cron_with_nothing_in_the_environment(filled: Path) -> None:
    """No HOME, no TERM, no PATH: the answer is the same."""
    import subprocess
    import sys

    done = subprocess.run(
        ["/usr/bin/env", "-i", sys.executable, "-m", "perfctl", "--db", filled, "endpoints"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    assert "/items/" in done.stdout
    assert "\x1b" not in done.stdout


HOSTILE = "/\x1b[31m/[red]x[/red]/\u202e\u200b/\x9b2J/"


def test_hostile_text_is_shown_inert(perfctl: Perfctl, store: Path, now_ms: int) -> None:
    """Control and bidirectional characters become visible, markup stays text."""
    segments.write(store, [request(now_ms - 1000, route=HOSTILE) for _ in range(3)])
    for face in ("table", "csv", "tsv", "md", "json", "ndjson"):
        out = perfctl("endpoints", "--format", face, db=store, env={"FORCE_COLOR": "1"}).out
        assert "\x1b[31m" not in out
        assert not set(out) & set("\u202e\u200b\x9b")
        assert "[red]x[/red]" in out.replace("\\", "")


def test_every_command_has_help_with_an_example(perfctl: Perfctl) -> None:
    """`-h` works everywhere and shows one line to copy."""
    listing = perfctl("-h").out
    verbs = [*QUESTIONS, "health", "query", "init", "demo", "config show", "collect", "doctor"]
    verbs += [f"db {verb}" for verb in ("info", "check", "snapshot", "migrate", "vacuum")]
    for verb in verbs:
        assert verb.split()[0] in listing
        done = perfctl(*verb.split(), "-h")
        assert done.code == 0
        assert "Example:" in done.out
        assert "--format" in done.out


def test_the_version(perfctl: Perfctl) -> None:
    """One line."""
    assert perfctl("--version").out.startswith("perfctl 0.")


@pytest.mark.parametrize("verb", [(), ("db",), ("config",)])
def test_no_verb_is_wrong_usage_with_the_help(perfctl: Perfctl, verb: tuple[str, ...]) -> None:
    """Nothing was asked, so nothing is fine: exit 2, the help beside the empty result."""
    done = perfctl(*verb)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: perfctl")


@pytest.mark.parametrize(("closing", "code"), [(">&-", 1), ("2>&-", 1), ("> /dev/full", 4)])
def test_a_stream_that_cannot_be_written_is_no_finding(
    filled: Path, closing: str, code: int
) -> None:
    """Closed by who called, the finding stays; no room for the result is the environment."""
    import subprocess
    import sys

    done = subprocess.run(
        f"{sys.executable} -m perfctl --db {filled} health --fail-on warning {closing}",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


def test_a_finding_stays_one_when_its_reader_has_gone(filled: Path) -> None:
    """Under pipefail a failing gate must not pass through `head`."""
    import subprocess
    import sys

    script = (
        f"set -o pipefail; {sys.executable} -m perfctl --db {filled} health --fail-on warning"
        " --format json | true"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == ""


def test_a_host_or_release_that_never_reported_is_named_with_those_that_did(
    perfctl: Perfctl, filled: Path
) -> None:
    """Exit 2: a typing error is no absence of data."""
    for option, known in (("--host", "web1"), ("--release", "r1")):
        done = perfctl("endpoints", option, "nosuch", db=filled)
        assert done.code == 2
        assert known in done.err


def test_no_data_precedes_an_unknown_route(perfctl: Perfctl, filled: Path) -> None:
    """In a window without requests nothing can be said about a route: exit 3."""
    window = ("--since", "2001-01-01", "--until", "2001-01-02")
    assert perfctl("endpoints", "/nope/", *window, db=filled).code == 3
    assert perfctl("requests", "--route", "/nope/", *window, db=filled).code == 3
    assert perfctl("database", "--route", "/nope/", *window, db=filled).code == 3


@pytest.mark.parametrize("arguments", [("query", "SELECT 1"), ("requests", "-f"), ("doctor",)])
def test_without_a_store_nothing_is_fine(
    perfctl: Perfctl, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Exit 3, at once."""
    assert perfctl(*arguments, db=tmp_path / "none.db").code == 3


def test_long_polls_are_no_slow_pages_in_a_summary(
    perfctl: Perfctl, store: Path, now_ms: int
) -> None:
    """Neither in mean and maximum nor in the list of the slowest."""
    records = [request(now_ms - 1000, duration_us=10_000) for _ in range(5)]
    records += [request(now_ms - 1000, route="/poll/", flags=16, duration_us=9_000_000)]
    segments.write(store, records)
    data = perfctl("summary", "--format", "json", db=store).json["data"]
    assert (data["avg_ms"], data["max_ms"]) == (10, 10)
    assert [row["route"] for row in data["slowest"]] == ["/items/"]


@pytest.mark.parametrize("verb", [("endpoints",), ("requests", "--route")])
def test_a_route_is_taken_as_tables_print_it(
    perfctl: Perfctl, filled: Path, verb: tuple[str, ...]
) -> None:
    """With its method, which then counts."""
    found = [
        perfctl(*verb, route, "--format", "json", db=filled).json["data"][verb[0]]
        for route in ("/items/", "GET /items/", "get /items/", "POST /items/")
    ]
    assert found[0] == found[1] == found[2] != []
    assert found[3] == []


def test_two_methods_are_wrong_usage(perfctl: Perfctl, filled: Path) -> None:
    """One of them is not meant."""
    done = perfctl("endpoints", "GET /items/", "--method", "post", db=filled)
    assert (done.code, done.out) == (2, "")
    assert "'GET /items/' is not of --method post" in done.err
