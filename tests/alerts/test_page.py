"""docs/alerts.md says what the rules are, and its examples are right."""

from __future__ import annotations

import re

import pytest
import typer

from perfctl.alerts.metrics import METRICS
from perfctl.alerts.rules import BUILT_IN, parse_rules
from perfctl.cli import app
from perfctl.config import parse, parse_toml
from perfctl.options import global_params
from perfctl.units import parse_duration
from tests.docs.pages import ROOT, Line, blocks, command_lines, rows
from tests.docs.test_help import called

PAGE = ROOT / "docs" / "alerts.md"
RULES = {rule.name: rule for rule in BUILT_IN}


def named(cell: str) -> list[str]:
    """The names in a cell."""
    return re.findall(r"`(\w+)`", cell)


def table(names: dict[str, object]) -> dict[str, list[str]]:
    """The other cells of the rows whose first cell has only these names."""
    return {
        name: cells
        for first, *cells in rows(PAGE)
        if set(named(first)) <= names.keys()
        for name in named(first)
    }


def test_every_rule_is_explained() -> None:
    """And none that does not exist."""
    assert table(dict(RULES)).keys() == RULES.keys()


@pytest.mark.parametrize("name", [rule.name for rule in BUILT_IN if rule.over_ms or rule.for_ms])
def test_how_long_and_on_how_many(name: str) -> None:
    """As the rule has it."""
    rule, judged = RULES[name], table(dict(RULES))[name][1]
    duration = re.search(r"(\d+) (min|h)", judged)
    least = re.search(r"at least (two|\d+)", judged)
    assert duration is not None
    assert least is not None
    assert parse_duration(duration[1] + duration[2][0]) == (rule.over_ms or rule.for_ms)
    assert int(least[1].replace("two", "2")) == rule.samples


def test_every_metric_is_listed() -> None:
    """That an own rule can name."""
    assert table(dict(METRICS)).keys() == METRICS.keys()


def test_the_configuration_is_one() -> None:
    """Its rules are what the comments say."""
    (block,) = blocks(PAGE, "toml")
    rules = {rule.name: rule for rule in parse_rules(parse(parse_toml(block, "here")))}
    assert rules["error_rate"].samples == 100
    assert not rules["queue_time"].is_on
    assert (rules["slow_backup"].limit, rules["slow_backup"].target) == (5000, 3000)
    assert rules["too_quiet"].target == pytest.approx(110)


@pytest.mark.parametrize("line", list(command_lines(PAGE)), ids=lambda line: line.text)
def test_the_commands_are_commands(line: Line) -> None:
    """With options and arguments that exist."""
    group = typer.main.get_command(app)
    group.params.extend(global_params())
    context = group.make_context("perfctl", list(line.arguments), obj={})
    assert called(context)
