"""docs/ci.md: its workflow runs, its commands exist, its configuration is read."""

from __future__ import annotations

import tomllib

import pytest

from perfctl import config
from perfctl.gate import budgets
from tests.commands.conftest import Perfctl
from tests.docs.pages import blocks, command_lines
from tests.gate.test_suite import CURE
from tests.gate.workflow import PAGE, Runner, make_repository, steps


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> tuple[Runner, str]:
    """A repository whose main branch was pushed: its baseline is in the cache."""
    runner = make_repository(tmp_path_factory.mktemp("workflow") / "vault")
    sha = runner.commit("Begin")
    done = runner.job("push", sha)
    assert (done.failed, done.code) == ("", 0), done.output
    assert list(runner.cache) == [f"perfctl-baseline-{sha}"]
    return runner, sha


def change(runner: Runner, before: str, after: str) -> str:
    """A commit that edits the views."""
    views = runner.repository / "items" / "views.py"
    text = views.read_text()
    assert text.count(before) == 1
    views.write_text(text.replace(before, after))
    return runner.commit("Change the views")


def branch(runner: Runner, base: str) -> None:
    """Begin a pull request, on a clean checkout of its base."""
    runner.check_out(base)


def test_a_pull_request_that_makes_nothing_worse_passes(main: tuple[Runner, str]) -> None:
    """With a summary."""
    runner, base = main
    branch(runner, base)
    sha = change(runner, "PAGE_ROWS = 25", "PAGE_ROWS = 20")
    done = runner.job("pull_request", sha, base=base)
    assert (done.failed, done.code) == ("", 0), done.output
    assert "### ✅ perfctl: pass" in done.summary


def test_a_pull_request_with_an_n_plus_one_fails_at_its_line(main: tuple[Runner, str]) -> None:
    """The label lets it through, with the pull request's title as the reason and nothing run of it."""
    runner, base = main
    branch(runner, base)
    sha = change(runner, CURE, '.select_related("vault__owner")')
    done = runner.job("pull_request", sha, base=base)
    assert (done.failed, done.code) == ("Compare with main", 1), done.output
    assert "::error file=items/templates/items/list.html,line=13,title=" in done.output
    assert "### ❌ perfctl: fail" in done.summary
    done = runner.job("pull_request", sha, base=base, labels=("accept-performance",))
    assert (done.failed, done.code) == ("", 0), done.output
    assert 'Show tags; "quoted" $(touch pwned)' in (
        runner.repository / "baseline.json"
    ).read_text().replace("\\", "")
    assert not (runner.repository / "pwned").exists()


def test_a_pull_request_without_a_baseline_is_not_green(main: tuple[Runner, str]) -> None:
    """The cache was evicted."""
    runner, base = main
    branch(runner, base)
    sha = change(runner, "SEARCH_ROWS = 50", "SEARCH_ROWS = 40")
    kept, runner.cache = runner.cache, {}
    done = runner.job("pull_request", sha, base=base)
    runner.cache = kept
    assert (done.failed, done.code) == ("Compare with main", 3)
    assert "there is no baseline baseline.json" in done.output


def test_every_step_of_the_workflow_was_played() -> None:
    """Nothing on the page is left out of the runs above."""
    named = [step.name or step.uses for step in steps()]
    assert named == [
        "actions/checkout@v4",
        "actions/setup-python@v5",
        "Install",
        "Test, recording",
        "Keep the baseline of main",
        "actions/cache/save@v4",
        "actions/cache/restore@v4",
        "Take in what the label accepts",
        "Compare with main",
    ]


def test_every_option_on_the_page_exists(perfctl: Perfctl) -> None:
    """In the command's own help."""
    help_text = perfctl("ci", "-h").out
    lines = list(command_lines(PAGE))
    assert len(lines) >= 6
    for line in lines:
        assert "ci" in line.arguments
        for word in line.arguments:
            assert not word.startswith("--") or word in help_text, line.text


def test_the_configuration_on_the_page_is_read() -> None:
    """It sets what it says."""
    (text,) = blocks(PAGE, "toml")
    data = tomllib.loads(text)["tool"]["perfctl"]
    found = budgets.parse(config.parse(data))
    assert found.of("GET /items/") == budgets.Budget(30, 800, 0.01, 0)
    assert found.of("GET /items/export/").queries == 200
    assert found.ignore_queries == ('*FROM "waffle_flag"*',)


@pytest.mark.parametrize(
    "name", ["queries", "n_plus_one", "exercised", "new_errors", "latency", "global_shift"]
)
def test_the_page_explains_every_check(name: str) -> None:
    """By the name that it has in the JSON."""
    assert f"**`{name}`**" in PAGE.read_text()
