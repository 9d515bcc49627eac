"""Rules as they are built in, changed and added by a configuration."""

from __future__ import annotations

from typing import Any

import pytest

from perfctl.alerts.metrics import Scope
from perfctl.alerts.rules import BUILT_IN, Rule, Severity, find_rule, parse_rules, with_settings
from perfctl.config import Config, parse
from perfctl.errors import ConfigError, UsageError
from perfctl.model import HOUR_MS, MINUTE_MS
from perfctl.thresholds import Limits, Thresholds


def rules(*tables: dict[str, Any]) -> dict[str, Rule]:
    """The rules with these tables under `[[alerts]]`."""
    return {rule.name: rule for rule in parse_rules(Config(alerts=tables))}


def own(**table: Any) -> Rule:
    """An own rule."""
    (found,) = (rule for rule in rules(table).values() if rule.is_own)
    return found


def test_the_built_in_rules() -> None:
    """The six thresholds, and what else is watched."""
    assert [rule.name for rule in BUILT_IN] == [
        "cpu", "memory", "disk", "request_p95", "error_rate", "queries", "queue_time",
        "n_plus_one", "error_group", "frontend_lcp", "frontend_inp", "frontend_cls",
        "vulnerable_dependency", "stale_collector", "traffic", "store_growth", "spool_growth",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "for_ms", "over_ms", "samples"),
    [
        ("cpu", 2 * MINUTE_MS, 0, 2),
        ("request_p95", 0, 5 * MINUTE_MS, 50),
        ("error_rate", 0, 5 * MINUTE_MS, 20),
        ("queries", 0, 5 * MINUTE_MS, 20),
        ("frontend_lcp", 0, HOUR_MS, 20),
    ],
)
def test_their_defaults(name: str, for_ms: int, over_ms: int, samples: int) -> None:
    """How long, over how long, and on how many samples."""
    rule = find_rule(BUILT_IN, name)
    assert (rule.for_ms, rule.over_ms, rule.samples) == (for_ms, over_ms, samples)


def test_limits_are_the_thresholds_of_the_configuration() -> None:
    """Until a rule sets its own."""
    thresholds = Thresholds(cpu=Limits(0.5, 0.9))
    assert find_rule(BUILT_IN, "cpu").limits(thresholds) == Limits(0.5, 0.9)
    changed = rules({"rule": "cpu", "above": 0.7, "target": 0.4})["cpu"]
    assert changed.limits(thresholds) == Limits(0.4, 0.7)


def test_a_limit_below_the_target_moves_the_target() -> None:
    """An alert could not end otherwise where it begins."""
    changed = rules({"rule": "request_p95", "above": "400ms"})["request_p95"]
    assert changed.limits(Thresholds()) == Limits(400, 400)


def test_a_built_in_rule_can_be_changed() -> None:
    """Each of its settings."""
    changed = rules(
        {"rule": "error_rate", "above": "8%", "for": "3m", "over": "15m", "samples": 100,
         "severity": "warning", "subject": "POST *"}
    )["error_rate"]  # fmt: skip
    assert changed.limit == pytest.approx(0.08)
    assert (changed.for_ms, changed.over_ms) == (3 * MINUTE_MS, 15 * MINUTE_MS)
    assert (changed.samples, changed.severity) == (100, Severity.WARNING)
    assert changed.matches("POST /items/", "/items/")
    assert not changed.matches("GET /items/", "/items/")


def test_an_own_rule() -> None:
    """Its name, metric, subject and limits; it resolves a tenth under its limit."""
    rule = own(name="slow_api", metric="p99_ms", subject="/api/*", above="2s", severity="warning")
    assert (rule.name, rule.metric.name, rule.limit, rule.target) == (
        "slow_api",
        "p99_ms",
        2000,
        1800,
    )
    assert rule.matches("GET /api/x", "/api/x")
    assert not rule.matches("GET /x", "/x")
    assert (rule.samples, rule.over_ms) == (50, 5 * MINUTE_MS)


def test_an_own_rule_below() -> None:
    """It resolves a tenth above its limit, of a share half the way to the whole at most."""
    assert own(metric="requests", below=100).target == pytest.approx(110)
    assert own(metric="cache_hit_rate", below=0.8).target == pytest.approx(0.88)
    assert own(metric="cache_hit_rate", below=0.98).target == pytest.approx(0.99)
    assert not own(metric="requests", below=100).is_above


def test_an_own_rule_has_a_name_of_its_own_where_none_is_given() -> None:
    """By what it is about."""
    assert own(metric="cpu", above=0.95).name == "cpu_above_0.95"


def test_all_requests_together() -> None:
    """A subject of its own."""
    assert own(metric="error_rate", subject="all requests", above=0.02).metric.scope is Scope.TOTAL


@pytest.mark.parametrize(
    ("table", "problem", "hint"),
    [
        ({"metric": "p59_ms", "above": 1}, "alerts.0.metric: there is no metric 'p59_ms'", "p99_ms"),
        ({"rule": "cpus"}, "alerts.0.rule: there is no rule 'cpus'", "cpu"),
        ({"metric": "cpu", "abve": 1}, "alerts.0.abve: unknown name", "above"),
        ({"rule": "cpu", "metric": "cpu"}, "alerts.0.metric: unknown name", None),
        ({"metric": "cpu"}, "either above or below", None),
        ({"metric": "cpu", "above": 0.5, "below": 0.1}, "either above or below", None),
        ({"above": 0.5}, "needs a metric", "p95_ms"),
        ({"metric": "cpu", "above": 80}, "from 0 to 1", "0.8"),
        ({"metric": "cpu", "above": 0.8, "target": 0.9}, "bad side", None),
        ({"metric": "requests", "below": 8, "target": 2}, "bad side", None),
        ({"metric": "cpu", "above": 0.8, "for": "soon"}, "not a duration", None),
        ({"metric": "cpu", "above": 0.8, "over": "5m"}, "without a window", None),
        ({"metric": "p95_ms", "above": 1, "over": "2d"}, "at most 1d", None),
        ({"metric": "p95_ms", "above": 1, "samples": 0}, "from 1 on", None),
        ({"metric": "p95_ms", "above": 1, "samples": True}, "from 1 on", None),
        ({"metric": "p95_ms", "above": 1, "severity": "bad"}, "warning or critical", None),
        ({"rule": "cpu", "enabled": "no"}, "true or false", None),
        ({"metric": "cpu", "above": 0.8, "name": "disk"}, "there is a rule 'disk' already", None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(table: dict[str, Any], problem: str, hint: str | None) -> None:
    """With its place, and the nearest name."""
    with pytest.raises(ConfigError) as raised:
        rules(table)
    assert problem in raised.value.message
    assert hint is None or hint in (raised.value.hint or "")


def test_rules_stand_in_pyproject_as_tables() -> None:
    """Two of them, of each kind."""
    config = parse(
        {"alerts": [{"rule": "memory", "above": 0.9}, {"metric": "swap", "above": "50%"}]}
    )
    assert {"swap_above_0.5", "memory"} <= {rule.name for rule in parse_rules(config)}


def test_settings_of_a_test() -> None:
    """As they are said behind `--set`."""
    rule = find_rule(BUILT_IN, "request_p95")
    changed = with_settings(rule, ["limit=800", "for=10m", "samples=5", "over=15m", "target=300"])
    assert changed.limits(Thresholds()) == Limits(300, 800)
    assert (changed.for_ms, changed.samples, changed.over_ms) == (600_000, 5, 900_000)
    assert with_settings(rule, ["limit=1.5s"]).limit == 1500


@pytest.mark.parametrize("said", ["limits=3", "limit", "for=soon", "samples=few", "limit=-3"])
def test_settings_that_are_none(said: str) -> None:
    """Wrong usage, not a wrong configuration."""
    with pytest.raises(UsageError):
        with_settings(find_rule(BUILT_IN, "request_p95"), [said])


def test_an_unknown_rule_is_answered_with_the_nearest() -> None:
    """A dash is as good as an underscore."""
    assert find_rule(BUILT_IN, "request-p95").name == "request_p95"
    with pytest.raises(UsageError) as raised:
        find_rule(BUILT_IN, "request_p59")
    assert raised.value.hint == "did you mean request_p95?"


def test_what_is_wrong_is_said_with_its_file() -> None:
    """As for every other setting."""
    config = parse({"alerts": [{"rule": "cpu"}, {"rule": "cpuu"}]}, "/srv/perfctl.toml")
    with pytest.raises(ConfigError) as caught:
        parse_rules(config)
    assert caught.value.message == "/srv/perfctl.toml: alerts.1.rule: there is no rule 'cpuu'"
