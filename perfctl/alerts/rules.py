"""The rules: those that are built in, with what a configuration changes of them, and own ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from perfctl.alerts.metrics import METRICS, Metric, Scope
from perfctl.alerts.quantities import parse_limit
from perfctl.config import Config
from perfctl.config_values import Place, as_duration, as_table, as_text, nearest
from perfctl.errors import ConfigError, UsageError
from perfctl.model import DAY_MS, MINUTE_MS
from perfctl.thresholds import Limits, Thresholds

ALL = "all requests"
"""The subject of rules about all routes together."""
GAP = 0.1
"""An own rule without a target resolves a tenth on the good side of its limit."""


class Severity(StrEnum):
    """How bad it is that an alert fires."""

    WARNING = "warning"
    CRITICAL = "critical"


class Rule(NamedTuple):
    """When an alert opens and when it ends."""

    name: str
    metric: Metric
    severity: Severity | None = Severity.CRITICAL
    """None: as each subject says, as a vulnerability does."""
    limit: float | None = None
    """None: the thresholds of the configuration, per route where there are some."""
    target: float | None = None
    is_above: bool = True
    subject: str = "*"
    for_ms: int = 0
    over_ms: int = 0
    samples: int = 1
    setting: str | None = None
    """Which thresholds hold where no limit is set."""
    quiet_ms: int | None = None
    """A rule for new things: an alert ends when its subject was not seen for so long."""
    is_on: bool = True
    is_own: bool = False

    def limits(self, thresholds: Thresholds) -> Limits:
        """Target and threshold; a target on the wrong side of the limit is moved onto it."""
        base: Limits | None = getattr(thresholds, self.setting) if self.setting else None
        limit = self.limit if self.limit is not None else base.threshold if base else 0.0
        target = self.target if self.target is not None else base.target if base else limit
        return Limits(min(target, limit) if self.is_above else max(target, limit), limit)

    def is_over(self, value: float, limits: Limits) -> bool:
        """Whether the value lies on the bad side of the threshold."""
        return value > limits.threshold if self.is_above else value < limits.threshold

    def is_under(self, value: float, limits: Limits) -> bool:
        """Whether the value is back on the good side of the target."""
        return value <= limits.target if self.is_above else value >= limits.target

    def worst(self, a: float | None, b: float) -> float:
        """The worse of two values."""
        if a is None:
            return b
        return max(a, b) if self.is_above else min(a, b)

    def matches(self, *names: str) -> bool:
        """Whether the rule is about a subject that has these names."""
        return self.subject == "*" or any(fnmatchcase(name, self.subject) for name in names)


def _of(name: str, metric: str, setting: str | None = None, **changes: Any) -> Rule:
    watched = METRICS[metric]
    changes = {
        "for_ms": watched.for_ms,
        "over_ms": watched.over_ms,
        "samples": watched.samples,
    } | changes
    return Rule(name, watched, setting=setting, **changes)


def _judged(name: str, scope: Scope, unit: str, **changes: Any) -> Rule:
    return Rule(name, Metric(name, scope, unit, 1), **changes)


_WARNING = Severity.WARNING
BUILT_IN = (
    _of("cpu", "cpu", "cpu"),
    _of("memory", "memory", "memory"),
    _of("disk", "disk", "disk"),
    _of("request_p95", "p95_ms", "request_ms"),
    _of("error_rate", "error_rate", "error_rate"),
    _of("queries", "queries", "queries"),
    _of("queue_time", "queue_ms", "queue_ms")._replace(
        metric=METRICS["queue_ms"]._replace(scope=Scope.TOTAL)
    ),
    _judged("n_plus_one", Scope.N_PLUS_ONE, "count", severity=_WARNING, quiet_ms=DAY_MS),
    _judged("error_group", Scope.ERROR_GROUP, "count", severity=_WARNING, quiet_ms=DAY_MS),
    # "Poor" and "good" of https://web.dev/articles/vitals, at the 75th percentile.
    _of("frontend_lcp", "lcp_ms", severity=_WARNING, limit=4000, target=2500),
    _of("frontend_inp", "inp_ms", severity=_WARNING, limit=500, target=200),
    _of("frontend_cls", "cls", severity=_WARNING, limit=0.25, target=0.1),
    _judged("vulnerable_dependency", Scope.DEPENDENCY, "count", severity=None),
    _judged("stale_collector", Scope.COLLECTOR, "intervals", severity=_WARNING, limit=3, target=3),
    _judged("traffic", Scope.TRAFFIC, "s"),
    _of("store_growth", "store_growth_bytes", severity=_WARNING, limit=1e9, target=5e8),
    _of("spool_growth", "spool_growth_bytes", severity=_WARNING, limit=1.28e8, target=6.4e7),
)
"""Beside the six thresholds: what is new, what is silent, and what grows."""

_OWN_NAMES = ("name", "metric", "subject", "above", "below", "target", "for", "over", "severity",
              "samples")  # fmt: skip
_CHANGES = ("rule", "enabled", "subject", "above", "target", "for", "over", "severity", "samples")


def parse_rules(config: Config) -> tuple[Rule, ...]:
    """All rules that hold; ConfigError names what is wrong in `[[alerts]]`, and the nearest name."""
    found = {rule.name: rule for rule in BUILT_IN}
    for number, table in enumerate(config.alerts):
        place = config.alerts_place.at(str(number))
        rule = _change(found, table, place) if "rule" in table else _own(table, place)
        if "rule" not in table and rule.name in found:
            raise place.at("name").error(f"there is a rule {rule.name!r} already", "choose another")
        found[rule.name] = rule
    return tuple(found.values())


def find_rule(rules: Iterable[Rule], name: str) -> Rule:
    """The rule of a name; UsageError with the nearest for one that does not exist."""
    known = {rule.name: rule for rule in rules}
    found = known.get(name) or known.get(name.replace("-", "_"))
    if found is None:
        raise UsageError(f"there is no rule {name!r}", nearest(name, known))
    return found


def with_settings(rule: Rule, assignments: Iterable[str]) -> Rule:
    """The rule with `limit=800`, `for=10m`, `target=…`, `over=…`, `samples=…` changed."""
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if name not in _SETTABLE or not equals:
            known = [f"{known}=…" for known in _SETTABLE]
            raise UsageError(
                f"not a setting of a rule: {assignment!r}", f"one of {' '.join(known)}"
            )
        try:
            read = _READERS["above" if name == "limit" else name]
            rule = read(rule, int(text) if text.isdigit() else text, Place("--set").at(name))
        except ConfigError as exc:
            raise UsageError(exc.message, exc.hint) from exc
    if rule.target is None and rule.setting is None:
        return rule._replace(target=rule.limit)
    return rule


def _change(found: Mapping[str, Rule], table: Mapping[str, object], place: Place) -> Rule:
    as_table(table, place, _CHANGES)
    name = as_text(table["rule"], place.at("rule"))
    if name not in found:
        raise place.at("rule").error(f"there is no rule {name!r}", nearest(name, found))
    return _read(found[name], table, place)


def _own(table: Mapping[str, object], place: Place) -> Rule:
    as_table(table, place, _OWN_NAMES)
    if "metric" not in table:
        raise place.error("an own rule needs a metric", f"one of {', '.join(METRICS)}")
    name = as_text(table["metric"], place.at("metric"))
    if name not in METRICS:
        raise place.at("metric").error(f"there is no metric {name!r}", nearest(name, METRICS))
    if ("above" in table) == ("below" in table):
        raise place.error("an own rule needs a limit: either above or below")
    rule = _of(name, name, is_above="above" in table, is_own=True)
    rule = _read(rule, table, place)
    if rule.subject == ALL and rule.metric.scope is Scope.ROUTE:
        rule = rule._replace(metric=rule.metric._replace(scope=Scope.TOTAL))
    return _settle(rule, table, place)


def _settle(rule: Rule, table: Mapping[str, object], place: Place) -> Rule:
    """The target and the name that were not said."""
    limit = rule.limit
    assert limit is not None  # noqa: S101  # above or below was read
    side = "above" if rule.is_above else "below"
    if rule.target is not None and rule.is_above != (rule.target <= limit):
        raise place.at("target").error(
            f"the target ({rule.target:g}) lies on the bad side of the limit ({limit:g})"
        )
    if rule.target is None:
        towards = limit * (1 - GAP) if rule.is_above else limit * (1 + GAP)
        is_share = rule.metric.unit == "ratio"
        rule = rule._replace(target=min(towards, (1 + limit) / 2) if is_share else towards)
    if "name" not in table:
        rule = rule._replace(name=f"{rule.metric.name}_{side}_{limit:g}")
    return rule


def _read(rule: Rule, table: Mapping[str, object], place: Place) -> Rule:
    for name, value in table.items():
        if name in _READERS:
            rule = _READERS[name](rule, value, place.at(name))
    return rule


def _read_limit(rule: Rule, value: object, place: Place) -> Rule:
    return rule._replace(limit=parse_limit(value, rule.metric.unit, place))


def _read_over(rule: Rule, value: object, place: Place) -> Rule:
    if not rule.over_ms:
        raise place.error(f"{rule.metric.name} is judged value by value, without a window", "for")
    over_ms = as_duration(value, place, MINUTE_MS)
    if over_ms > DAY_MS:
        raise place.error(f"must be at most 1d, not {value!r}")
    return rule._replace(over_ms=-(-over_ms // MINUTE_MS) * MINUTE_MS)


def _read_severity(rule: Rule, value: object, place: Place) -> Rule:
    text = as_text(value, place)
    if text not in set(Severity):
        raise place.error(f"must be warning or critical, not {text!r}")
    return rule._replace(severity=Severity(text))


def _read_samples(rule: Rule, value: object, place: Place) -> Rule:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise place.error(f"must be a whole number from 1 on, not {value!r}")
    return rule._replace(samples=value)


def _read_enabled(rule: Rule, value: object, place: Place) -> Rule:
    if not isinstance(value, bool):
        raise place.error(f"must be true or false, not {value!r}")
    return rule._replace(is_on=value)


_READERS: dict[str, Callable[[Rule, object, Place], Rule]] = {
    "name": lambda rule, value, place: rule._replace(name=as_text(value, place)),
    "enabled": _read_enabled,
    "subject": lambda rule, value, place: rule._replace(subject=as_text(value, place)),
    "above": _read_limit,
    "below": _read_limit,
    "target": lambda rule, value, place: rule._replace(
        target=parse_limit(value, rule.metric.unit, place)
    ),
    "for": lambda rule, value, place: rule._replace(for_ms=as_duration(value, place, 0)),
    "over": _read_over,
    "severity": _read_severity,
    "samples": _read_samples,
}
_SETTABLE = ("limit", "target", "for", "over", "samples")
