"""`endpoints --compare`: what each route did, beside what it did before."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

from perfctl import units
from perfctl.answers import timeline
from perfctl.answers.answer import Answer, Question
from perfctl.answers.endpoints import EndpointSummary, Order, summarise_endpoints
from perfctl.answers.window import plan
from perfctl.config import Config, Retention
from perfctl.errors import UsageError
from perfctl.model import Window
from perfctl.stats import FEWEST_FOR_P95, FEWEST_FOR_RATE, ratio
from perfctl.units import iso_utc

_HINT = "write --compare 7d or --compare deploy:REF"


@dataclass(frozen=True, slots=True)
class Before:
    """What a route did in the window that is compared with."""

    count: int
    per_minute: float
    avg_ms: float
    p50_ms: float | None
    p95_ms: float | None
    error_rate: float
    queries_avg: float | None


class Change(NamedTuple):
    """After by before, or after less before; None where there is none, or too few requests."""

    count_ratio: float | None
    """Of the requests a minute."""
    p50_ratio: float | None
    p95_ratio: float | None
    queries_ratio: float | None
    queries_change: float | None
    error_rate_change: float | None
    too_few: list[str]
    """What cannot be told from so few requests: `p50`, `p95`, `queries`, `error_rate`."""


@dataclass(frozen=True, slots=True)
class ComparedEndpoint(EndpointSummary):
    """One route, and what it did before; both are None for a route that is new."""

    before: Before | None
    change: Change | None


class Span(NamedTuple):
    """What is compared with what."""

    after: Window
    before: Window
    deploy: str | None


def compare_endpoints(
    question: Question,
    config: Config,
    other: str,
    *,
    route: str | None = None,
    method: str | None = None,
    order: Order = Order.TOTAL,
    with_probes: bool = False,
    is_window_said: bool = False,
) -> Answer:
    """The routes of the window, each with its change since the `other` one: `7d`, `deploy:REF`."""
    span = _plan(question, other, config.retention, is_window_said=is_window_said)

    def ask(window: Window) -> Answer:
        return summarise_endpoints(
            question._replace(window=window),
            config,
            route=route,
            method=method,
            order=order,
            with_probes=with_probes,
        )

    after, before = ask(span.after), ask(span.before)
    known = {_key(row): row for row in before.data["endpoints"]}
    rows = [_compare(row, known.pop(_key(row), None)) for row in after.data["endpoints"]]
    gone = [{"method": r.method, "route": r.route, "count": r.count} for r in known.values()]
    used = before.window or span.before
    compared_with = {
        "what": other,
        "deploy": span.deploy,
        "since": iso_utc(used.since_ms),
        "until": iso_utc(used.until_ms),
        "samples": before.coverage.samples,
    }
    return after._replace(
        data={**after.data, "endpoints": rows, "compared_with": compared_with, "gone": gone},
    )


def _key(row: EndpointSummary) -> tuple[str, str, str]:
    return row.method, row.route, row.kind


def _plan(question: Question, other: str, retention: Retention, *, is_window_said: bool) -> Span:
    if not other.startswith(timeline.PREFIX):
        try:
            back_ms = units.parse_duration(other)
        except UsageError as exc:
            raise UsageError(f"not something to compare with: {other!r}", _HINT) from exc
        since_ms, until_ms = question.window
        if since_ms < back_ms:
            raise UsageError(f"--compare {other} lies before all times", _HINT)
        return Span(question.window, Window(since_ms - back_ms, until_ms - back_ms), None)
    line, placed = timeline.find(question.con, other.removeprefix(timeline.PREFIX))
    deploy = placed.deploy
    after = timeline.interval(line, deploy, question.now_ms)
    if is_window_said:
        after = question.window
    earlier = timeline.previous(line, deploy)
    first_ms = earlier.deploy.at_ms if earlier else 0
    # What is measured while the deploy happens belongs to neither side.
    _, edge = plan(Window(deploy.at_ms, deploy.at_ms + 1), question.now_ms, retention=retention)
    until_ms = edge.since_ms
    since_ms = max(first_ms, until_ms - after.length_ms, 0)
    if not is_window_said and deploy.at_ms != edge.since_ms:
        after = Window(edge.until_ms, max(after.until_ms, edge.until_ms + 1))
    return Span(after, Window(min(since_ms, until_ms - 1), until_ms), deploy.name)


def _compare(row: EndpointSummary, was: EndpointSummary | None) -> ComparedEndpoint:
    values = {field.name: getattr(row, field.name) for field in fields(EndpointSummary)}
    before = (
        None if was is None else Before(*(getattr(was, field.name) for field in fields(Before)))
    )
    change = None if was is None else _change(row, was)
    return ComparedEndpoint(**values, before=before, change=change)


def _change(row: EndpointSummary, was: EndpointSummary) -> Change:
    n = min(row.count, was.count)
    is_rate, is_p95 = n >= FEWEST_FOR_RATE, n >= FEWEST_FOR_P95
    too_few = [] if is_rate else ["p50", "queries", "error_rate"]
    return Change(
        count_ratio=ratio(row.per_minute, was.per_minute) if is_rate else None,
        p50_ratio=_by(row.p50_ms, was.p50_ms) if is_rate else None,
        p95_ratio=_by(row.p95_ms, was.p95_ms) if is_p95 else None,
        queries_ratio=_by(row.queries_avg, was.queries_avg) if is_rate else None,
        queries_change=_less(row.queries_avg, was.queries_avg) if is_rate else None,
        error_rate_change=row.error_rate - was.error_rate if is_rate else None,
        too_few=too_few if is_p95 else [*too_few, "p95"],
    )


def _by(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else ratio(after, before)


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before
