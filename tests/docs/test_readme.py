"""What the README says is so: its commands run, its samples look as the tables do."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from perfctl.cli import COMMANDS
from tests.docs.conftest import Run
from tests.docs.pages import README, ROOT, Line, blocks, command_lines, table_names

LINES = list(command_lines(README))


def test_the_readme_calls_perfctl() -> None:
    """The tests below are about something."""
    assert len(LINES) > 8
    assert {line.code for line in LINES} == {0, 2, 3}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.text[:60])
def test_a_command_ends_as_it_says(line: Line, perfctl: Run, project: Path) -> None:
    """Exit 0 unless the line says another code, and stdout as that code promises."""
    arguments = [word.replace("/srv/vault", str(project)) for word in line.arguments]
    done = perfctl(*arguments)
    assert done.returncode == line.code, done.stdout + done.stderr
    assert bool(done.stdout) is (line.code in (0, 1, 3) and "-q" not in arguments)


def test_the_two_commands_stand_at_the_top() -> None:
    """Within the first code block, which stands on the first screen."""
    assert [line.split("#")[0].strip() for line in blocks(README, "sh")[0].splitlines()] == [
        "make demo",
        "make test",
    ]
    assert README.read_text().splitlines().index("```sh") < 12
    targets = (ROOT / "Makefile").read_text()
    assert "\ndemo:" in targets
    assert "\ntest:" in targets


def test_every_command_is_in_the_table_and_no_other() -> None:
    """The table is that of `perfctl -h`."""
    named = table_names(README, "command")
    assert sorted(named) == sorted(entry.name for entry in COMMANDS)


def test_python_blocks_compile() -> None:
    """Of all that is to be pasted."""
    found = blocks(README, "python")
    assert found
    for block in found:
        compile(block, "README.md", "exec")


@pytest.mark.parametrize("verb", ["health", "endpoints", "database"])
def test_a_sample_has_the_columns_of_today(verb: str, perfctl: Run) -> None:
    """Whoever renames one makes the samples anew (make demo, in 80 columns)."""
    (sample,) = blocks(README, "console")
    (line,) = [line for line in LINES if line.text in sample and line.arguments[0] == verb]
    shown = sample.split(f"$ {line.text}\n")[1].split("\n$ ")[0]
    possible = headings(perfctl(*line.arguments).stdout)  # a pipe: as wide as it likes
    assert set(headings(shown)) <= set(possible)
    assert headings(shown)[0] == possible[0]
    assert max(map(len, shown.splitlines())) <= 80


def test_the_sample_of_health_has_the_checks_of_today(perfctl: Run) -> None:
    """One line a check, in the same order."""
    (sample,) = blocks(README, "console")
    checks = json.loads(perfctl("health", "--format", "json").stdout)["data"]["checks"]
    names = [check["name"].replace("_", " ") for check in checks]
    places = [sample.index(f"\n{name} ") for name in names]
    assert len(names) == 9
    assert places == sorted(places)


def test_the_lines_that_the_sample_names_ask_once_per_row() -> None:
    """They are of that function of the example, which loops there."""
    (sample,) = blocks(README, "console")
    named = re.findall(r"N\+1 ×\d+ at (\S+):(\d+) in (\w+)", sample)
    assert named
    for path, number, function in named:
        tree = ast.parse((ROOT / "examples" / "vault" / path).read_text())
        (found,) = (
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name == function
        )
        asking = {
            node.lineno
            for loop in ast.walk(found)
            if isinstance(loop, ast.For | ast.comprehension | ast.ListComp)
            for node in ast.walk(loop)
            if hasattr(node, "lineno")
        }
        assert int(number) in asking, f"{path}:{number}"


def headings(text: str) -> list[str]:
    """The words of the table's head: what stands above its rule."""
    lines = text.splitlines()
    (rule,) = [i for i, line in enumerate(lines) if line.startswith("────")]
    return lines[rule - 1].split()
