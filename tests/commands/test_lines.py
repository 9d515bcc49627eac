"""What is typed wrongly, and what is typed in another order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.conftest import Perfctl


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("endpoint", "endpoints"),
        ("ednpoints", "endpoints"),
        ("db inf", "info"),
        ("alerts lst", "list"),
    ],
)
def test_a_typo_is_answered_with_what_was_meant(perfctl: Perfctl, line: str, meant: str) -> None:
    """Of commands and of subcommands: exit 2."""
    done = perfctl(*line.split())
    assert (done.code, done.out) == (2, "")
    assert f"Did you mean '{meant}'?" in done.err


@pytest.mark.parametrize(
    "line",
    [
        "--source test",
        "--source=test --exit-code",
        "--exit-code --source test",
        "-q --host web1",
        "-qv --status firing",
        "--source test list",
    ],
)
def test_common_options_stand_before_the_default_command(
    perfctl: Perfctl, store: Path, line: str
) -> None:
    """`test` is here no subcommand, but what an option says."""
    done = perfctl("alerts", *line.split(), "--format", "json", db=store)
    assert done.code == 3, done.err
    assert done.json["schema"] == "perfctl.alerts/1"


def test_options_before_another_command_are_its_own(perfctl: Perfctl, store: Path) -> None:
    """`list` is meant only where no other is named."""
    done = perfctl("alerts", "--source", "list", "show", "x", db=store)
    assert done.code == 2
    assert "unknown source 'list'" in done.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("health --limit x", "--limit: say a number from 0"),
        ("health --limit -1", "--limit: say a number from 0"),
        ("query --timeout x 1", "--timeout: say a number from 0.1"),
    ],
)
def test_a_number_is_asked_for_in_words(perfctl: Perfctl, line: str, said: str) -> None:
    """Not by the name of a type."""
    done = perfctl(*line.split())
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_face_of_gates_alone_names_the_whole_command(perfctl: Perfctl, store: Path) -> None:
    """Exit 2, with the faces that it has."""
    done = perfctl("db", "info", "--format", "github", db=store)
    assert (done.code, done.out) == (2, "")
    assert "perfctl db info has no --format github" in done.err


@pytest.mark.parametrize("group", ["db", "alerts", "errors", "deploy", "config"])
def test_the_help_of_a_group_is_whole(perfctl: Perfctl, group: str) -> None:
    """No sentence about a command is cut in the middle."""
    done = perfctl(group, "-h")
    assert done.code == 0
    assert "..." not in done.out.partition("Commands:")[2]
