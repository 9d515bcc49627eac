"""`perfctl ci`: what is judged, what cannot be told, and the exit code of each."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from perfctl import ingest
from perfctl.store import connection
from tests import segments
from tests.commands.conftest import Done, Perfctl
from tests.segments import request

READ = ["p", 0, "default", 'SELECT "t"."id" FROM "t" WHERE "t"."id" = ?']
SITE = ["n", 0, 8, 400, "app/views.py:9 in page", "select_related('owner')"]


def exercised(at_ms: int, test: str, queries: int, **changes: Any) -> list[Any]:
    """A request of a test."""
    uses = [[0, queries, 90, 9]] if queries else []
    return request(at_ms, test=test, queries=queries, patterns=uses, **changes)


class Run:
    """Runs perfctl on stores that are filled by hand."""

    def __init__(self, perfctl: Perfctl, folder: Path, now_ms: int) -> None:
        self._perfctl = perfctl
        self.folder = folder
        self.now_ms = now_ms

    def record(self, name: str, *records: list[Any], **head: Any) -> Path:
        """A store of its own with these records of a test run, waiting in its spool."""
        head = {"source": "test", **head}
        store = self.folder / name
        segments.write(store, [READ, *records], head=segments.header(**head))
        return store

    def ci(self, store: Path, *arguments: str, **env: str) -> Done:
        """`perfctl ci`."""
        return self._perfctl("ci", *arguments, db=store, cwd=self.folder, env=env)

    def judged(self, store: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit code and data."""
        done = self.ci(store, *arguments, "--format", "json")
        return done.code, done.json["data"]

    def save(self, store: Path, name: str = "base.json") -> None:
        """Keep a store's run as a baseline."""
        done = self.ci(store, "--save-baseline", name)
        assert done.code == 0, done.err


@pytest.fixture
def run(perfctl: Perfctl, tmp_path: Path, now_ms: int) -> Run:
    """Stores and baselines in a folder of their own."""
    folder = tmp_path / "runs"
    folder.mkdir(mode=0o700)
    return Run(perfctl, folder, now_ms)


@pytest.fixture
def main(run: Run) -> Path:
    """The run of the main branch, kept as base.json."""
    store = run.record(
        "main.db",
        exercised(run.now_ms - 5000, "t.py::list", 3),
        exercised(run.now_ms - 4000, "t.py::detail", 2, route="/items/<pk>/"),
    )
    run.save(store)
    return store


@pytest.fixture
def branch(run: Run, main: Path) -> Path:
    """A branch that asks once more in one test."""
    return run.record(
        "branch.db",
        exercised(run.now_ms - 3000, "t.py::list", 4),
        exercised(run.now_ms - 2000, "t.py::detail", 2, route="/items/<pk>/"),
    )


def findings(data: dict[str, Any], status: str = "fail") -> list[tuple[str, str]]:
    """Name and subject of the checks with a status."""
    return [(c["name"], c["subject"]) for c in data["checks"] if c["status"] == status]


CHECK = {
    "name", "subject", "status", "value", "baseline", "limit", "unit", "evidence", "call_site",
}  # fmt: skip


def test_the_json_is_the_contract(run: Run, branch: Path) -> None:
    """Verdict and checks with all their keys, in the envelope of every command."""
    done = run.ci(branch, "--baseline", "base.json", "--format", "json")
    assert done.code == 1
    assert done.json["schema"] == "perfctl.ci/1"
    assert done.json["coverage"]["samples"] == 2
    data = done.json["data"]
    assert data["verdict"] == "fail"
    assert all(set(check) >= CHECK for check in data["checks"])
    assert findings(data) == [("queries", "GET /items/")]
    assert (data["checks"][0]["value"], data["checks"][0]["baseline"]) == (4, 3)


def test_the_same_run_passes(run: Run, main: Path) -> None:
    """All that was there is there, no more than before."""
    code, data = run.judged(main, "--baseline", "base.json")
    assert (code, data["verdict"]) == (0, "pass")


def test_without_a_baseline_the_budgets_are_judged(run: Run) -> None:
    """The threshold of 50 queries, or what the configuration sets, per route too."""
    store = run.record("ci.db", exercised(run.now_ms - 1000, "t", 51))
    assert run.judged(store)[0] == 1
    config = run.folder / "perfctl.toml"
    config.write_text('[budgets."GET /items/"]\nqueries = 51\n')
    assert run.judged(store)[0] == 0
    config.write_text("[budgets]\nqueries = 5\n")
    assert findings(run.judged(store)[1]) == [("budget_queries", "GET /items/")]


def test_a_wrong_budget_is_exit_2_with_the_nearest_name(run: Run, main: Path) -> None:
    """Before anything is judged."""
    (run.folder / "perfctl.toml").write_text("[budgets]\nquerys = 5\n")
    done = run.ci(main)
    assert (done.code, done.out) == (2, "")
    assert "perfctl.toml: budgets.querys" in done.err
    assert "did you mean queries?" in done.err


def test_no_records_is_exit_3_whatever_is_said_of_small_samples(run: Run, main: Path) -> None:
    """Neither a store nor a spool, nor a baseline of it; the envelope is whole."""
    store = run.folder / "none.db"
    for more in ([], ["--inconclusive", "pass"], ["--baseline", "base.json"]):
        code, data = run.judged(store, *more)
        assert (code, data["verdict"]) == (3, "inconclusive")
        (check,) = (check for check in data["checks"] if check["name"] == "records")
        assert check["subject"] == ("test" if "base.json" in more else "live")
        assert str(store) in check["evidence"]
        assert "PERFCTL_TEST_DB" in check["evidence"]
    assert not store.exists()
    assert run.ci(store, "--save-baseline", "empty.json").code == 3
    assert not (run.folder / "empty.json").exists()


def test_a_missing_or_damaged_baseline_is_exit_3(run: Run, main: Path) -> None:
    """And is not made by the way."""
    code, data = run.judged(main, "--baseline", "none.json", "--inconclusive", "pass")
    assert (code, findings(data, "inconclusive")) == (3, [("baseline", "none.json")])
    assert not (run.folder / "none.json").exists()
    text = (run.folder / "base.json").read_text()
    (run.folder / "base.json").write_text(text[:-20])
    code, data = run.judged(main, "--baseline", "base.json")
    assert (code, findings(data, "inconclusive")) == (3, [("baseline", "base.json")])


def test_a_finding_outranks_a_missing_baseline(run: Run) -> None:
    """Over budget is over budget."""
    store = run.record("ci.db", exercised(run.now_ms - 1000, "t", 51))
    code, data = run.judged(store, "--baseline", "none.json")
    assert (code, data["verdict"]) == (1, "fail")


def test_a_baseline_of_another_environment_is_exit_3(run: Run) -> None:
    """What runs the tests is what the feeder said."""

    def store(name: str, django: str, database: str) -> Path:
        return run.record(
            name,
            ["c", "runtime:python=3.11.9", 1],
            ["c", f"runtime:django={django}", 1],
            ["c", f"runtime:database={database}", 1],
            exercised(run.now_ms - 1000, "t", 3),
        )

    run.save(store("a.db", "5.2.1", "sqlite"))
    document = json.loads((run.folder / "base.json").read_text())
    assert document["environment"] == {"python": "3.11.9", "django": "5.2.1", "database": "sqlite"}
    assert run.judged(store("b.db", "5.2.9", "sqlite"), "--baseline", "base.json")[0] == 0
    for name, django, database in (("c.db", "5.1.9", "sqlite"), ("d.db", "5.2.1", "mysql")):
        code, data = run.judged(store(name, django, database), "--baseline", "base.json",
                                "--inconclusive", "pass")  # fmt: skip
        (check,) = (check for check in data["checks"] if check["name"] == "baseline")
        assert code == 3
        assert "another environment" in check["evidence"]


def test_a_baseline_names_the_commit(run: Run, main: Path) -> None:
    """As CI says it."""
    sha = "9c1e2ab" * 5
    done = run.ci(main, "--save-baseline", "b.json", GITHUB_SHA=sha)
    assert done.code == 0
    assert json.loads((run.folder / "b.json").read_text())["commit"] == sha


def test_what_a_baseline_holds_is_counted_in_words(run: Run) -> None:
    """One is one, thousands have a comma."""
    one = run.record("one.db", exercised(run.now_ms - 1000, "t", 3))
    said = "kept as the baseline b.json: 1 request of 1 route in 1 test"
    assert said in run.ci(one, "--save-baseline", "b.json").out
    many = [exercised(run.now_ms - 1000, "t", 0) for _ in range(1204)]
    done = run.ci(run.record("many.db", *many), "--save-baseline", "c.json")
    assert "c.json: 1,204 requests of 1 route in 1 test" in done.out


def test_a_baseline_of_tests_is_none_of_live_traffic(run: Run, main: Path) -> None:
    """Cannot be compared."""
    code, data = run.judged(main, "--baseline", "base.json", "--source", "live")
    assert code == 3
    assert ("baseline", "base.json") in findings(data, "inconclusive")


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ("app/tests.py::A::test_x", "app.tests.A.test_x", "pytest (app/tests.py::A::test_x)"),
        ("app.tests.A.test_x", "app/tests.py::A::test_x", "manage.py test (app.tests.A.test_x)"),
    ],
)
def test_a_baseline_of_another_runner_is_exit_3(run: Run, before: str, now: str, said: str) -> None:
    """pytest and Django name the same test differently: one sentence, not a doubt a route."""
    run.save(run.record("before.db", exercised(run.now_ms - 1000, before, 3)))
    store = run.record("after.db", exercised(run.now_ms - 1000, now, 3))
    code, data = run.judged(store, "--baseline", "base.json", "--inconclusive", "pass")
    assert (code, findings(data, "inconclusive")) == (3, [("baseline", "base.json")])
    (evidence,) = (c["evidence"] for c in data["checks"] if c["name"] == "baseline")
    assert evidence.startswith(f"the baseline is of {said}, this run of ")
    assert "none of its tests was met" in evidence


def test_a_run_of_both_runners_is_compared_by_what_it_shares(run: Run, main: Path) -> None:
    """As is one whose tests were renamed: that is no other runner."""
    shared = [exercised(run.now_ms - 1000, "t.py::list", 3),
              exercised(run.now_ms - 1000, "t.A.list", 9),
              exercised(run.now_ms - 1000, "t.py::detail", 2, route="/items/<pk>/")]  # fmt: skip
    assert run.judged(run.record("both.db", *shared), "--baseline", "base.json")[0] == 0
    renamed = run.record("renamed.db", exercised(run.now_ms - 1000, "t.py::new", 3))
    _, data = run.judged(renamed, "--baseline", "base.json")
    assert ("baseline", "base.json") not in findings(data, "inconclusive")


def test_a_route_that_was_not_exercised_is_exit_3(run: Run, main: Path) -> None:
    """One thing that --inconclusive does not cover."""
    store = run.record("part.db", exercised(run.now_ms - 1000, "t.py::list", 3))
    for more in ([], ["--inconclusive", "pass"], ["--inconclusive", "fail"]):
        code, data = run.judged(store, "--baseline", "base.json", *more)
        assert (code, findings(data, "inconclusive")) == (3, [("exercised", "GET /items/<pk>/")])


def test_an_n_plus_one_fails_with_its_place(run: Run, main: Path) -> None:
    """Also where no query was added."""
    store = run.record(
        "n.db",
        exercised(run.now_ms - 1000, "t.py::list", 3, findings=[[*SITE[:2], 3, *SITE[3:]]]),
        exercised(run.now_ms - 1000, "t.py::detail", 2, route="/items/<pk>/"),
    )
    code, data = run.judged(store, "--baseline", "base.json")
    assert (code, findings(data)) == (1, [("n_plus_one", "GET /items/")])
    assert data["checks"][0]["call_site"] == "app/views.py:9 in page"


def test_a_live_n_plus_one_counts_the_calls_of_a_request(run: Run) -> None:
    """Not those of all requests together, nor of a stretch of time alone; once, however long ago."""

    def traffic(name: str, calls: int, *minutes: int) -> Path:
        site = ["n", 0, calls, 900, *SITE[4:]]
        made = [
            request(run.now_ms - minute * 60_000 - n, queries=calls, findings=[site],
                    patterns=[[0, calls, 900, 9]])
            for minute in minutes
            for n in range(20)
        ]  # fmt: skip
        return run.record(name, *made, source="live")

    run.save(run.record("before.db", *(request(run.now_ms - n) for n in range(40)), source="live"))
    (run.folder / "perfctl.toml").write_text("[budgets]\nn_plus_one = 0\nqueries = 90\n")
    store = traffic("after.db", 20, 1, 70, 400)
    _, data = run.judged(store, "--baseline", "base.json", "--source", "live")
    found = {c["name"]: c for c in data["checks"] if c["status"] == "fail"}
    check = found["n_plus_one"]
    assert (check["value"], check["unit"]) == (20, "calls a request")
    assert "×20" in check["evidence"]
    assert found["budget_n_plus_one"]["value"] == 1
    assert "×20" in found["budget_n_plus_one"]["evidence"]


def test_errors_of_tests_do_not_gate(run: Run, main: Path) -> None:
    """A test may expect a 500."""
    error = ["e", run.now_ms - 900, "x", "GET", "/items/", 500, "KeyError",
             [["app/views.py", 3, "page"]], None, None]  # fmt: skip
    store = run.record(
        "e.db",
        exercised(run.now_ms - 1000, "t.py::list", 3, status=500, flags=1),
        exercised(run.now_ms - 1000, "t.py::detail", 2, route="/items/<pk>/"),
        error,
    )
    assert run.judged(store, "--baseline", "base.json")[0] == 0


def test_blessing_needs_a_file_and_a_reason(run: Run, main: Path) -> None:
    """And saving is not comparing."""
    for arguments in (
        ["--bless", "why"],
        ["--bless", " ", "--baseline", "base.json"],
        ["--bless", "why", "--baseline", "deploy:v1"],
        ["--save-baseline", "x.json", "--baseline", "base.json"],
        ["--save-baseline", ""],
        ["--max-regress", "a lot"],
        ["--inconclusive", "maybe"],
        ["--require", "luck"],
        ["--source", "frontend"],
        ["--source", "test", "--baseline", "deploy:v1"],
    ):
        done = run.ci(main, *arguments)
        assert (done.code, done.out) == (2, ""), arguments
    assert not (run.folder / "x.json").exists()


def test_a_blessing_is_kept_with_who_when_and_why(run: Run, branch: Path) -> None:
    """The branch passes from then on, and so does what main records next."""
    code, data = run.judged(branch, "--baseline", "base.json", "--bless", "one more", "--as", "ann")
    assert (code, data["accepted"]) == (0, 1)
    (finding,) = data["accepted_findings"]
    assert (finding["name"], finding["subject"], finding["value"]) == ("queries", "GET /items/", 4)
    (entry,) = json.loads((run.folder / "base.json").read_text())["accepted"]
    assert (entry["by"], entry["reason"], entry["check"]) == ("ann", "one more", "queries")
    assert entry["at"].endswith("Z")
    assert run.judged(branch, "--baseline", "base.json")[0] == 0
    run.save(branch)
    assert json.loads((run.folder / "base.json").read_text())["accepted"] == [entry]


def test_a_blessing_says_what_it_took_in(run: Run, branch: Path) -> None:
    """On the terminal and in the log."""
    for face in ("table", "md", "github"):
        run.save(run.folder / "main.db")
        done = run.ci(branch, "--baseline", "base.json", "--bless", "one more", "--format", face)
        assert done.code == 0
        assert "1 finding accepted" in done.out
        assert re.search(r"accepted.*queries.*GET /items/", done.out), face


@pytest.mark.parametrize("damage", ["cut", "changed", "another file"])
def test_a_damaged_baseline_is_not_written_over(run: Run, branch: Path, damage: str) -> None:
    """What had been accepted in it would be lost without a word."""
    code, _ = run.judged(branch, "--baseline", "base.json", "--bless", "one more", "--as", "ann")
    assert code == 0
    path = run.folder / "base.json"
    text = path.read_text()
    path.write_text({"cut": text[:-20], "changed": text.replace("ann", "bob")}.get(damage, "{}"))
    before = path.read_bytes()
    done = run.ci(branch, "--save-baseline", "base.json")
    assert (done.code, done.out) == (3, "")
    assert "base.json" in done.err
    assert "move it away" in done.err
    assert path.read_bytes() == before


def test_a_passing_run_changes_no_baseline(run: Run, main: Path) -> None:
    """With --bless neither."""
    before = (run.folder / "base.json").read_bytes()
    code, data = run.judged(main, "--baseline", "base.json", "--bless", "nothing to bless")
    assert (code, data["accepted"]) == (0, 0)
    assert (run.folder / "base.json").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_exit_4(run: Run, main: Path) -> None:
    """With the reason."""
    done = run.ci(main, "--save-baseline", "no/where.json")
    assert (done.code, done.out) == (4, "")
    assert "no/where.json cannot be written" in done.err


@pytest.mark.parametrize("face", ["github", "junit", "sarif"])
def test_faces_of_a_verdict_are_of_ci_alone(run: Run, main: Path, face: str) -> None:
    """Other commands say which faces they have."""
    assert run.ci(main, "--format", face).code == 0
    for verb in ("health", "endpoints"):
        done = run._perfctl(verb, "--format", face, db=main)
        assert (done.code, done.out) == (2, "")
        assert "table, json, ndjson, csv, tsv, md" in done.err


def test_github_gets_annotations_and_a_summary(run: Run, branch: Path) -> None:
    """The summary is added to what other steps wrote."""
    summary = run.folder / "summary.md"
    summary.write_text("before\n")
    done = run.ci(branch, "--baseline", "base.json", "--format", "github",
                  GITHUB_STEP_SUMMARY=str(summary))  # fmt: skip
    assert done.code == 1
    first, last = done.out.splitlines()
    assert first.startswith("::error title=perfctl queries%3A GET /items/::3 → 4 queries")
    assert last == "perfctl: fail, 1 check failed, 5 checks passed"
    text = summary.read_text()
    assert text.startswith("before\n### ❌ perfctl: fail\n")
    assert "| fail | queries | GET /items/ | 4 | 3 | 3 |" in text


def test_a_summary_that_cannot_be_written_does_not_change_the_verdict(run: Run, main: Path) -> None:
    """A note on stderr."""
    done = run.ci(main, "--format", "github", GITHUB_STEP_SUMMARY="/nowhere/at/all")
    assert done.code == 0
    assert "step summary cannot be written" in done.err


def test_junit_and_sarif_are_well_formed(run: Run, branch: Path) -> None:
    """For the services that read them."""
    suite = ET.fromstring(run.ci(branch, "--baseline", "base.json", "--format", "junit").out)
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    sarif = json.loads(run.ci(branch, "--baseline", "base.json", "--format", "sarif").out)
    assert sarif["version"] == "2.1.0"
    assert sarif["runs"][0]["results"] == []  # no finding has a place


def test_the_last_run_of_a_test_counts_in_a_store_of_several(run: Run, main: Path) -> None:
    """Whatever their clocks say."""
    store = run.record("many.db", exercised(run.now_ms - 1000, "t.py::list", 9))
    ingest_all(store, run.now_ms)
    detail = exercised(run.now_ms - 9000, "t.py::detail", 2, route="/items/<pk>/")
    later = exercised(run.now_ms - 9000, "t.py::list", 3)
    segments.write(store, [READ, later, detail], head=segments.header(source="test"),
                   name=f"4712-{os.urandom(8).hex()}.spool")  # fmt: skip
    assert run.judged(store, "--baseline", "base.json")[0] == 0


def ingest_all(store: Path, now_ms: int) -> None:
    """Make the store and bring in what waits."""
    os.close(os.open(store, os.O_CREAT | os.O_WRONLY, 0o600))
    connection.create(store)
    ingest.drain(store, now_ms)


def live(now_ms: int, minutes: range, *, slower: float = 1.0, routes: int = 6) -> list[Any]:
    """Live requests: in each minute ten of each route, their durations spread."""
    return [
        request(
            now_ms - minute * 60_000 - n * 5000,
            route=f"/{route}/",
            duration_us=int(
                (10_000 + 400 * ((n * 7 + minute * 3) % 11)) * (slower if route == 2 else 1)
            ),
        )
        for minute in minutes
        for route in range(routes)
        for n in range(10)
    ]


def test_live_traffic_against_a_file(run: Run) -> None:
    """A route that became slower than the others fails; twice the same traffic does not."""
    before = run.record("before.db", *live(run.now_ms, range(1, 41)), source="live")
    run.save(before)
    assert run.judged(before, "--baseline", "base.json")[0] == 0
    after = run.record("after.db", *live(run.now_ms, range(1, 41), slower=1.5), source="live")
    code, data = run.judged(after, "--baseline", "base.json")
    assert (code, findings(data)) == (1, [("latency", "GET /2/")])
    assert run.judged(after, "--baseline", "base.json", "--max-regress", "60%")[0] == 0


def test_little_live_traffic_is_exit_3_unless_told_otherwise(run: Run) -> None:
    """It says how much is missing; a small sample is all that --inconclusive is about."""
    store = run.record("few.db", *live(run.now_ms, range(1, 6)), source="live")
    run.save(store)
    code, data = run.judged(store, "--baseline", "base.json")
    assert (code, data["verdict"]) == (3, "inconclusive")
    evidence = {c["evidence"] for c in data["checks"] if c["name"] == "latency"}
    assert evidence == {"needs 100 requests on both sides, has 50: 50 missing"}
    assert run.judged(store, "--baseline", "base.json", "--inconclusive", "pass")[0] == 0
    assert run.judged(store, "--baseline", "base.json", "--inconclusive", "fail")[0] == 1


def test_all_live_routes_slower_is_exit_1(run: Run) -> None:
    """The machine, or a change under every route: --ignore-shift makes a warning of it."""
    run.save(run.record("before.db", *live(run.now_ms, range(1, 41)), source="live"))
    slow = [[*r[:5], r[5] * 2, *r[6:]] for r in live(run.now_ms, range(1, 41))]
    store = run.record("slow.db", *slow, source="live")
    done = run.ci(store, "--baseline", "base.json", "--format", "json")
    assert (done.code, findings(done.json["data"])) == (1, [("global_shift", "all routes")])
    assert done.json["warnings"] == []
    done = run.ci(store, "--baseline", "base.json", "--ignore-shift", "--format", "json")
    assert (done.code, findings(done.json["data"], "skipped")) == (
        0,
        [("global_shift", "all routes")],
    )
    (warning,) = done.json["warnings"]
    assert re.match(r"the median route is \+(99|100|101)% ", warning)
    assert run.judged(store, "--baseline", "base.json", "--bless", "smaller machines")[0] == 0
    assert run.judged(store, "--baseline", "base.json")[0] == 0


@pytest.mark.parametrize("status", [302, 404])
def test_a_live_route_that_answers_otherwise_is_exit_3(run: Run, status: int) -> None:
    """Whatever --inconclusive says; accepted, it is the measure."""
    made = live(run.now_ms, range(1, 41))
    run.save(run.record("before.db", *made, source="live"))
    other = [[*r[:4], status, *r[5:]] if r[3] == "/2/" else r for r in made]
    after = run.record("after.db", *other, source="live")
    for more in ([], ["--inconclusive", "pass"], ["--inconclusive", "fail"]):
        code, data = run.judged(after, "--baseline", "base.json", *more)
        assert (code, findings(data, "inconclusive")) == (3, [("latency", "GET /2/")])
    code, data = run.judged(after, "--baseline", "base.json", "--bless", "moved to /3/")
    assert (code, data["accepted"]) == (0, 1)


def test_a_deploy_is_the_baseline_of_what_came_after(run: Run, perfctl: Perfctl) -> None:
    """From its start to the next one; before there is a next one, nothing can be told."""
    store = run.record(
        "live.db", *live(run.now_ms, range(61, 101)), *live(run.now_ms, range(1, 41), slower=1.5),
        source="live", release="",
    )  # fmt: skip
    assert perfctl("deploy", "mark", "v1", "--at", "110m", db=store).code == 0
    code, data = run.judged(store, "--baseline", "deploy:v1")
    assert (code, findings(data, "inconclusive")[0]) == (3, ("baseline", "deploy:v1"))
    assert perfctl("deploy", "mark", "v2", "--at", "50m", db=store).code == 0
    code, data = run.judged(store, "--baseline", "deploy:v1")
    assert (code, findings(data)) == (1, [("latency", "GET /2/")])
    assert run.ci(store, "--baseline", "deploy:v1", "--since", "100m").code == 2
    done = run.ci(store, "--baseline", "deploy:v3")
    assert (done.code, done.out) == (2, "")
    assert "v1" in done.err


def test_new_errors_of_live_traffic_fail(run: Run) -> None:
    """With the place where they were raised."""
    run.save(run.record("before.db", *live(run.now_ms, range(1, 41)), source="live"))
    error = ["e", run.now_ms - 900, "x", "GET", "/0/", 500, "KeyError",
             [["app/views.py", 3, "page"]], None, None]  # fmt: skip
    after = run.record("after.db", *live(run.now_ms, range(1, 41)), error, source="live")
    code, data = run.judged(after, "--baseline", "base.json")
    assert code == 1
    (check,) = (check for check in data["checks"] if check["status"] == "fail")
    assert (check["name"], check["call_site"]) == ("new_errors", "app/views.py:3 in page")


def test_a_test_run_says_how_many_requests_it_has(run: Run) -> None:
    """Six of one side, eighteen of the other: the smaller counts, through the baseline's file too."""

    def suite(name: str, n: int) -> Path:
        return run.record(name, *(exercised(run.now_ms - i, f"t.py::{i}", 1) for i in range(n)))

    run.save(suite("before.db", 6))
    code, data = run.judged(
        suite("after.db", 18), "--baseline", "base.json", "--require", "latency"
    )
    assert code == 3
    (evidence,) = (c["evidence"] for c in data["checks"] if c["name"] == "latency")
    assert evidence == "needs 100 requests on both sides, has 6: 94 missing"


def runs_of_tests(run: Run, name: str, slower: dict[int, float]) -> Path:
    """A store with eight runs, each of which asks each of six routes 25 times."""
    store = run.folder / name
    for pid in range(1, 9):
        records = [
            exercised(
                run.now_ms - 1000,
                f"t.py::{route}",
                1,
                route=f"/{route}/",
                duration_us=int((10_000 + 300 * ((n * 7 + pid) % 13)) * slower.get(route, 1.0)),
            )
            for route in range(6)
            for n in range(25)
        ]
        segments.write(store, [READ, *records], head=segments.header(source="test"),
                       name=f"{pid}-{os.urandom(8).hex()}.spool")  # fmt: skip
    return store


def test_several_runs_of_the_tests_are_a_sample_of_their_latency(run: Run) -> None:
    """A process is a run; a route that became slower in all of them fails."""
    before = runs_of_tests(run, "before.db", {})
    run.save(before)
    after = runs_of_tests(run, "after.db", {2: 1.5})
    code, data = run.judged(after, "--baseline", "base.json")
    assert (code, findings(data)) == (0, [])
    asked = ["--baseline", "base.json", "--require", "latency"]
    assert run.judged(before, *asked)[0] == 0
    code, data = run.judged(after, *asked)
    assert (code, findings(data)) == (1, [("latency", "GET /2/")])


def test_a_shift_of_a_test_run_is_judged_only_with_its_latency(run: Run) -> None:
    """And then too it can be left out: the runners of a CI differ."""
    run.save(runs_of_tests(run, "before.db", {}))
    after = runs_of_tests(run, "after.db", dict.fromkeys(range(6), 1.5))
    code, data = run.judged(after, "--baseline", "base.json")
    assert (code, "global_shift" in {c["name"] for c in data["checks"]}) == (0, False)
    asked = ["--baseline", "base.json", "--require", "latency"]
    code, data = run.judged(after, *asked)
    assert (code, findings(data)) == (1, [("global_shift", "all routes")])
    assert run.judged(after, *asked, "--ignore-shift")[0] == 0
