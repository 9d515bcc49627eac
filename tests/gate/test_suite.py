"""The gate on a real project: its tests under pytest, the middlewares, the command."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import django
import pytest

from tests.gate.vault import Project

CURE = '.select_related("vault__owner").prefetch_related("tags")'
"""What keeps the list from asking once a row."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose main branch has a baseline."""
    project = Project(tmp_path_factory.mktemp("gate") / "vault")
    project.test()
    done = project.ci("--save-baseline", "main.json")
    assert done.code == 0, done.err
    return project


@pytest.fixture
def project(saved: Project, tmp_path: Path) -> Project:
    """The same code on a branch, not tested yet."""
    branch = Project(tmp_path / "vault")
    (branch.folder / "main.json").write_bytes((saved.folder / "main.json").read_bytes())
    return branch


def judged(project: Project, *arguments: str) -> tuple[int, Any]:
    """The exit code and the data of a comparison with the baseline."""
    done = project.ci("--baseline", "main.json", "--format", "json", *arguments)
    return done.code, json.loads(done.out)["data"]


def failed(data: Any) -> set[tuple[str, str]]:
    """Name and subject of each check that failed."""
    return {(c["name"], c["subject"]) for c in data["checks"] if c["status"] == "fail"}


def test_the_baseline_holds_the_requests_of_each_test(saved: Project) -> None:
    """By route, with the environment; the same file again from the same run."""
    document = json.loads((saved.folder / "main.json").read_text())
    tests = document["routes"]["GET /items/"]["tests"]
    assert set(tests) == {
        "test_pages.py::Pages::test_list",
        "test_pages.py::Administration::test_list",
    }
    assert all(len(requests) == 2 for requests in tests.values())
    assert document["environment"] == {
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": "sqlite",
    }


def test_the_same_code_is_green(project: Project) -> None:
    """Nothing differs."""
    project.test()
    code, data = judged(project)
    assert (code, data["verdict"], failed(data)) == (0, "pass", set())


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_order_is_green(project: Project, seed: str) -> None:
    """Content types, caches and shared fixtures fall to other tests."""
    project.test(SHUFFLE=seed)
    code, data = judged(project)
    assert (code, failed(data)) == (0, set())


def test_several_processes_at_once_are_green(project: Project) -> None:
    """Each with a share of the tests and caches of its own, all into one store."""
    workers = [project.start(PART=f"{worker}/3", SHUFFLE="5") for worker in range(3)]
    for worker in workers:
        project.finish(worker)
    code, data = judged(project)
    assert (code, failed(data)) == (0, set())


def test_an_n_plus_one_is_red_after_one_test_that_touches_it(project: Project) -> None:
    """By the statement asked per row, with its place and what to add."""
    project.change("items/views.py", CURE, '.select_related("vault__owner")')
    project.test("test_pages.py::Pages::test_list")
    code, data = judged(project)
    assert code == 1
    assert failed(data) == {("queries", "GET /items/"), ("n_plus_one", "GET /items/")}
    found = next(check for check in data["checks"] if check["name"] == "n_plus_one")
    assert found["call_site"].startswith("items/list.html:")
    assert "prefetch_related('tags')" in found["evidence"]
    assert data["files"] == {"items/list.html": "items/templates/items/list.html"}


def test_a_single_query_more_is_red(project: Project) -> None:
    """Exact means exact."""
    project.change("items/views.py", "page = Paginator(", "items.exists()\n    page = Paginator(")
    project.test("-k", "list", SHUFFLE="4")
    code, data = judged(project)
    assert (code, failed(data)) == (1, {("queries", "GET /items/")})
    (check,) = (check for check in data["checks"] if check["status"] == "fail")
    assert check["value"] == check["baseline"] + 1


def test_fewer_queries_are_green(project: Project) -> None:
    """An improvement needs no blessing."""
    project.change("items/views.py", "def item_search(request):",
                   "def item_search(request):\n    return render(request, 'items/search.html', {})\n"
                   "def unused(request):")  # fmt: skip
    project.test()
    assert judged(project)[0] == 0


def test_a_mended_branch_is_green_in_the_same_store(project: Project) -> None:
    """Of each test the latest run counts, so nobody has to remove the store in between."""
    project.change("items/views.py", CURE, '.select_related("vault__owner")')
    project.test()
    assert judged(project)[0] == 1
    project.change(
        "items/views.py", '.select_related("vault__owner")\n    page', f"{CURE}\n    page"
    )
    project.test("-k", "list")
    assert judged(project)[0] == 0


def test_a_route_that_no_test_requests_any_more_cannot_be_told(project: Project) -> None:
    """It outlives --inconclusive pass, which is about sample size."""
    project.test("--deselect=test_pages.py::Pages::test_search",
                 "--deselect=test_pages.py::Administration::test_search")  # fmt: skip
    for more in ((), ("--inconclusive", "pass"), ("--inconclusive", "fail")):
        code, data = judged(project, *more)
        assert (code, data["verdict"]) == (3, "inconclusive")
    lacking = [check["subject"] for check in data["checks"] if check["status"] == "inconclusive"]
    assert lacking == ["GET /items/search/"]


def test_latency_of_a_run_is_not_judged_unless_asked_for(project: Project) -> None:
    """One run is one sample: too small, and said so."""
    project.test()
    assert "latency" not in {check["name"] for check in judged(project)[1]["checks"]}
    code, data = judged(project, "--require", "latency")
    latency = [check for check in data["checks"] if check["name"] == "latency"]
    assert code == 3
    assert {check["status"] for check in latency} == {"inconclusive"}
    assert all("missing" in check["evidence"] for check in latency)
    assert judged(project, "--require", "latency", "--inconclusive", "pass")[0] == 0
    assert judged(project, "--require", "latency", "--inconclusive", "fail")[0] == 1


def test_a_deliberate_error_does_not_gate(project: Project) -> None:
    """A test expects it."""
    project.test()
    names = {check["name"] for check in judged(project)[1]["checks"]}
    assert names <= {"queries", "n_plus_one", "budget_queries", "exercised"}


def test_blessed_findings_pass_from_then_on(project: Project) -> None:
    """With who and why in the file; worse than what was accepted fails again."""
    project.change("items/views.py", CURE, '.select_related("vault__owner")')
    project.test()
    blessing = ("--bless", "tags by row until the redesign", "--as", "ann")
    code, data = judged(project, *blessing)
    assert (code, data["accepted"]) == (0, 2)
    assert judged(project)[0] == 0
    document = json.loads((project.folder / "main.json").read_text())
    assert {(item["check"], item["by"], item["reason"]) for item in document["accepted"]} == {
        ("queries", "ann", "tags by row until the redesign"),
        ("n_plus_one", "ann", "tags by row until the redesign"),
    }
    project.change("items/views.py", "page = Paginator(", "items.exists()\n    page = Paginator(")
    project.test()
    assert failed(judged(project)[1]) == {("queries", "GET /items/")}
