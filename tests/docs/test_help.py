"""The help of every command says what its options are, and shows how it is called."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
import typer

from perfctl.cli import app
from perfctl.options import global_params
from tests.docs import generate
from tests.docs.commands import DATA, Shown, example_of, own_params, shown_commands
from tests.docs.conftest import Run

SHOWN = list(shown_commands())
_CRON = ["*"] * 5


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.name)
def test_every_option_has_help(shown: Shown) -> None:
    """A sentence each, and one for the command."""
    for param in [*own_params(shown.command), *global_params()]:
        assert param.help, param.name
        assert param.help[0].isupper() or param.help[0].isdigit() or param.name == "source"
    assert shown.command.help


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.name)
def test_every_command_has_an_example_that_is_right(shown: Shown) -> None:
    """It calls this command, with options that exist."""
    words = shlex.split(example_of(shown.command))
    words = words[5:] if words[:5] == _CRON else words
    assert words[0] == "perfctl"
    group = typer.main.get_command(app)
    group.params.extend(global_params())
    context = group.make_context("perfctl", words[1:], obj={})
    assert called(context) == shown.name


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.name)
def test_help_and_reference_name_the_arguments_alike(shown: Shown) -> None:
    """`ID…` in both, not the name of a variable."""
    page = (generate.DOCS / "cli.md").read_text()
    group = typer.main.get_command(app)
    context = group.make_context("perfctl", [], resilient_parsing=True)
    _, *words = shown.command.collect_usage_pieces(context)
    assert f"\n### `{' '.join(['perfctl', shown.name, *words])}`\n" in page


def called(context: Any) -> str:
    """The command that a line leads to, with all its options parsed."""
    names = []
    while hasattr(context.command, "commands"):
        rest = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, rest)
        names.append(name)
        context = command.make_context(name, rest, parent=context)
    return " ".join(names)


@pytest.mark.parametrize("name", DATA)
def test_the_reference_names_the_keys_of_the_json(name: str, perfctl: Run) -> None:
    """Every key that stands under `data`, and every key of its rows, is in the reference."""
    perfctl("collect", "-q")
    more = {"query": ["SELECT 1 AS n"], "why": ["request_p95"]}.get(name, [])
    done = perfctl(*name.split(), *more, "--format", "json")
    data = json.loads(done.stdout)["data"]
    for key, value in data.items():
        assert f"`{key}" in DATA[name]
        if isinstance(value, list) and value and name not in ("summary", "query", "collect"):
            for inner in value[0]:
                assert f"`{inner}`" in DATA[name], inner
