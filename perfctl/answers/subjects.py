"""What `why` is asked about: a metric, a route or an alert."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from perfctl.answers.answer import Question
from perfctl.answers.endpoints import resolve_route, split_route
from perfctl.answers.measures import ALIASES, MEASURES, Measure, Scope, find_measure
from perfctl.config import Config
from perfctl.errors import NoDataError, PerfctlError, UsageError
from perfctl.store import alerts, endpoints, slots

_OF_ROUTE = ("request_p95", "request_p50", "queries", "error_rate")
_ERROR_GROUP = "error_group"
_TOTAL = ("all requests", "(quiet routes)", "requests")


class Subject(NamedTuple):
    """What the question is about, and in which measures a change is looked for, one after another."""

    kind: str
    """`route`, `metric` or `alert`."""
    name: str
    measures: tuple[Measure, ...]
    method: str | None = None
    route: str | None = None
    endpoint_ids: tuple[int, ...] | None = None
    """None: all routes."""
    host: str | None = None
    alert: str | None = None
    opened_ms: int | None = None
    """When the alert began to be one: its change lies before."""


def find_subject(
    question: Question, config: Config, text: str, metric: str | None = None
) -> Subject:
    """What a text names; UsageError with the nearest for what does not exist."""
    chosen = None if metric is None else _measure(metric)
    found = find_measure(text)
    if found is not None and chosen is None:
        return Subject("metric", found.name, (found,))
    rows = alerts.select(question.con, 0)
    alert = next((row for row in rows if row.id == text), None)
    if alert is not None:
        return _of_alert(question, config, alert, chosen)
    method, path = split_route(text)
    try:
        route = resolve_route(question, path)
    except PerfctlError as exc:
        begun = [row for row in rows if row.id.startswith(text.lower())]
        if text and len(begun) == 1:
            return _of_alert(question, config, begun[0], chosen)
        if isinstance(exc, UsageError):
            raise _unknown(question, text, rows, exc.hint) from exc
        raise
    return _of_route(question, method, route, chosen)


def _measure(name: str) -> Measure:
    found = find_measure(name)
    if found is None:
        names = [*MEASURES, *ALIASES]
        near = get_close_matches(name, names, n=3, cutoff=0.4) or list(MEASURES)
        raise UsageError(f"there is no metric {name!r}", f"one of {', '.join(near)}")
    return found


def _of_route(
    question: Question, method: str | None, route: str, chosen: Measure | None
) -> Subject:
    ids = slots.endpoint_ids(question.con, route, method)
    if not ids:
        known = {e.method for e in endpoints.by_id(question.con).values() if e.route == route}
        hint = f"{', '.join(sorted(known))} of it is"
        raise UsageError(f"no {method} of {route} is recorded", hint)
    measures = (chosen,) if chosen else tuple(MEASURES[name] for name in _OF_ROUTE)
    if measures[0].scope in (Scope.MACHINE, Scope.STORE):
        name, scope = measures[0].name, measures[0].scope
        raise UsageError(f"{name} is of the {scope}, not of a route", f"perfctl why {name}")
    name = f"{method} {route}" if method else route
    return Subject("route", name, measures, method, route, tuple(ids))


def _unknown(
    question: Question, text: str, rows: Sequence[alerts.AlertRow], hint: str | None
) -> UsageError:
    """With the nearest of all that can be asked about."""
    known = [*MEASURES, *(row.id for row in rows), *endpoints.routes(question.con)]
    near = get_close_matches(text, known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else hint
    return UsageError(f"no route, alert or metric is called {text!r}", hint)


def _of_alert(
    question: Question, config: Config, alert: alerts.AlertRow, chosen: Measure | None
) -> Subject:
    measures = (chosen,) if chosen else _measures_of_rule(config, alert.rule)
    opened_ms = alert.pending_ms or alert.opened_ms
    subject = Subject("alert", alert.subject, measures, alert=alert.id, opened_ms=opened_ms)
    if measures[0].scope is Scope.MACHINE:
        return subject._replace(host=alert.host)
    is_of_store = measures[0].scope is Scope.STORE
    if alert.subject in _TOTAL or alert.rule == _ERROR_GROUP or is_of_store:
        return subject
    place = _endpoint_in(question, alert.subject)
    if place is None:
        raise NoDataError(
            f"alert {alert.id} is about {alert.subject!r}, of which no series is kept",
            f"perfctl alerts show {alert.id}",
        )
    method, route = place
    ids = tuple(slots.endpoint_ids(question.con, route, method))
    return subject._replace(method=method, route=route, endpoint_ids=ids)


def _measures_of_rule(config: Config, rule: str) -> tuple[Measure, ...]:
    named = [str(table["metric"]) for table in config.alerts
             if table.get("name") == rule and "metric" in table]  # fmt: skip
    # An own rule without a name is called `p95_ms_above_800`.
    unnamed = [rule.partition(f"_{side}_")[0] for side in ("above", "below")]
    for name in (*named, rule, *unnamed):
        found = find_measure("error_rate" if name == _ERROR_GROUP else name)
        if found is not None and found.scope is Scope.TRAFFIC:
            return (found._replace(is_worse_high=_is_about_much(config, rule)),)
        if found is not None and found.name == "request_p95":
            return found, MEASURES["request_p50"]  # which takes fewer requests to tell
        if found is not None:
            return (found,)
    raise NoDataError(
        f"rule {rule!r} watches nothing that has a series of requests, of the machine or of the store",
        f"one of {', '.join(MEASURES)} can be asked about",
    )


def _is_about_much(config: Config, rule: str) -> bool:
    """Whether a rule about requests fires at too many of them, not at too few."""
    named = any(table.get("name") == rule and "above" in table for table in config.alerts)
    return named or "_above_" in rule


def _endpoint_in(question: Question, subject: str) -> tuple[str, str] | None:
    """The endpoint that a subject begins with: `GET /items/`, `GET /items/ app/views.py in page`."""
    known: Sequence[tuple[str, str]] = sorted(
        {(found.method, found.route) for found in endpoints.by_id(question.con).values()},
        key=lambda names: -len(names[1]),
    )
    for method, route in known:
        name = f"{method} {route}"
        if subject == name or subject.startswith(f"{name} "):
            return method, route
    return None
