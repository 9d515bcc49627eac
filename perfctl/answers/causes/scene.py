"""The surroundings of a change: what was measured on both sides of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from perfctl.answers import measures, traffic
from perfctl.answers.answer import Question
from perfctl.answers.changes import Change
from perfctl.answers.measures import Scope
from perfctl.answers.subjects import Subject
from perfctl.answers.timeline import Placed, time_line
from perfctl.answers.window import plan, plan_details
from perfctl.config import Config, Retention
from perfctl.model import DETAIL_LEVELS, HOUR_MS, Window
from perfctl.stats import FEWEST_FOR_RATE, ratio
from perfctl.store import details, errors, slots
from perfctl.store.cells import Cell, Slot, Span
from perfctl.store.endpoints import Endpoint
from perfctl.store.errors import GroupSums
from perfctl.store.slots import Load, OriginSums

_SHORTEST_MS = HOUR_MS
MOVED = 0.5
"""Another route moved with the subject if it did so at least half as much."""
FEW, MOST = 0.2, 0.6
"""Of the other routes."""


class Pattern(NamedTuple):
    """What a query pattern cost the subject on one side."""

    alias: str
    fingerprint: str
    calls: int
    sum_us: int
    call_site: str | None
    hint: str | None


class Side(NamedTuple):
    """What was measured before the change, or after it."""

    window: Window
    routes: dict[Endpoint, Slot]
    subject: Slot | None
    """The subject's requests; of all routes where it is about no route."""
    total: Slot | None
    origins: list[OriginSums]
    patterns: dict[tuple[str, str], Pattern]
    pattern_requests: int
    """Requests of the subject in the cells that the patterns are of."""
    loads: list[Load]
    errors: list[GroupSums]

    @property
    def cell(self) -> Cell | None:
        """The numbers of the subject's requests."""
        return None if self.subject is None else self.subject.counted


class Scene(NamedTuple):
    """All that the causes are judged by."""

    question: Question
    config: Config
    subject: Subject
    change: Change
    before: Side
    after: Side
    deploys: list[Placed]
    around_ms: int
    others: tuple[int, int] | None = None
    """How many other routes moved as the subject did, and of how many that can be told."""

    @property
    def is_about_time(self) -> bool:
        """Whether the change is one of how long requests take."""
        return self.change.measure.name in _OF_TIME

    @property
    def added_us(self) -> float | None:
        """By how much the subject's requests take longer on average."""
        return _added(self, "sum_us", "requests")

    @property
    def added_db_us(self) -> float | None:
        """How much of that is time in the database."""
        return _added(self, "db_us", "watched_requests")

    @property
    def works_otherwise(self) -> list[str]:
        """In words, what the subject itself does more of where it is worse: queries, CPU time."""
        cells = [cell for cell in (self.before.cell, self.after.cell) if cell is not None]
        if len(cells) < 2:
            return []
        said = []
        queries = _both(ratio(c.queries, c.watched_requests) for c in cells)
        if queries and self.rises(*queries, _MORE, 0.5):
            said.append(f"{queries[0]:.1f} → {queries[1]:.1f} queries a request")
        cpu = _both(measures.mean_ms(c.cpu_us, c.requests) for c in cells)
        if cpu and all(cpu) and self.rises(*cpu, _MORE, 1.0):
            said.append(f"{cpu[0]:.1f} → {cpu[1]:.1f} ms of own CPU time a request")
        return said

    def rises(self, before: float, after: float, times: float, by: float = 0.0) -> bool:
        """Whether a number is so much higher where the subject is worse, after or before."""
        better, worse = self.oriented(before, after)
        return worse >= max(better * times, better + by)

    def oriented(self, before: float, after: float) -> tuple[float, float]:
        """Both values, that of the worse side last."""
        return (before, after) if self.is_worse else (after, before)

    @property
    def is_worse(self) -> bool:
        """Whether what came with the change is looked for, not what went with it."""
        return self.change.effect > 0 or self.is_about_traffic

    @property
    def is_about_traffic(self) -> bool:
        """Whether the change is one of how many requests there are."""
        return self.change.measure.scope is Scope.TRAFFIC

    @property
    def is_rush(self) -> bool:
        """Whether there are more requests, from which more load of all kinds follows."""
        return self.is_about_traffic and self.change.after > self.change.before

    @property
    def spread(self) -> tuple[str, float] | None:
        """How many of the other routes moved, in words and as a share; None where few can be told."""
        if self.others is None or self.others[1] < _FEWEST_OTHERS:
            return None
        moved, counted = self.others
        return f"{moved} of {counted} other routes moved with it", moved / counted

    @property
    def is_work_known(self) -> bool:
        """Whether the queries were watched on both sides, so that no more work is no more work."""
        cells = (self.before.cell, self.after.cell)
        return all(cell is not None and cell.watched_requests for cell in cells)


_OF_TIME = ("request_p95", "request_p50", "request_avg", "db_time", "queue_time")
_MORE = 1.25
_FEWEST_EFFECTS = 2
_FEWEST_OTHERS = 3


def read_scene(
    question: Question, config: Config, subject: Subject, change: Change, around_ms: int
) -> Scene:
    """Both sides of a change, each at least an hour long where its level held so long."""
    length_ms = max(_SHORTEST_MS, 2 * (change.until_ms - change.since_ms))
    before = Window(max(change.from_ms, change.since_ms - length_ms), change.since_ms)
    after = Window(change.until_ms, min(change.to_ms, change.until_ms + length_ms))
    scene = Scene(
        question,
        config,
        subject,
        change,
        _read_side(question, config.retention, subject, before, is_before=True),
        _read_side(question, config.retention, subject, after, is_before=False),
        time_line(question.con),
        around_ms,
    )
    return scene._replace(others=_count_moved(scene))


def _count_moved(scene: Scene) -> tuple[int, int] | None:
    if scene.subject.route is None or not scene.is_about_time:
        return None
    median = measures.MEASURES["request_p50"]
    own = median.effect(scene.change.before, scene.change.after)
    effects = []
    for endpoint, slot in scene.after.routes.items():
        was = scene.before.routes.get(endpoint)
        if was is None or endpoint.route == scene.subject.route:
            continue
        before, after = measures.value_of(median, was), measures.value_of(median, slot)
        is_enough = min(slot.counted.requests, was.counted.requests) >= FEWEST_FOR_RATE
        if before is not None and after is not None and is_enough:
            effects.append(median.effect(before, after))
    least = max(_FEWEST_EFFECTS, MOVED * abs(own))
    moved = sum(effect * own > 0 and abs(effect) >= least for effect in effects)
    return (moved, len(effects)) if effects else None


def _read_side(
    question: Question,
    retention: Retention,
    subject: Subject,
    window: Window,
    *,
    is_before: bool,
) -> Side:
    routes = _read_routes(question, retention, window)
    spans, used = plan(window, question.now_ms, retention=retention)
    detailed = _whole_cells(question, retention, window, is_before=is_before)
    filters, con = question.filters, question.con
    ids = subject.endpoint_ids
    own = _of_subject(subject, _read_routes(question, retention, detailed))
    return Side(
        window=used,
        routes=routes,
        subject=_of_subject(subject, routes),
        total=slots.add_slots(list(routes.values())) if routes else None,
        origins=slots.select_origins(con, spans, filters, ids),
        patterns=_read_patterns(question, retention, subject, detailed),
        pattern_requests=0 if own is None else own.counted.watched_requests,
        loads=slots.select_loads(con, *window, subject.host or filters.host),
        errors=errors.select_groups(con, *window, filters.source, filters.host, filters.release),
    )


def _read_routes(question: Question, retention: Retention, window: Window) -> dict[Endpoint, Slot]:
    found, _ = traffic.read(question._replace(window=window), retention)
    return {
        item.endpoint: Slot(item.cell, item.cell.sketch if traffic.is_timed(item) else b"")
        for item in found
        if traffic.is_counted(item)
    }


def _of_subject(subject: Subject, routes: dict[Endpoint, Slot]) -> Slot | None:
    chosen = [slot for endpoint, slot in routes.items() if _is_of(subject, endpoint)]
    return slots.add_slots(chosen) if chosen else None


def _is_of(subject: Subject, endpoint: Endpoint) -> bool:
    if subject.route is None:
        return True
    return endpoint.route == subject.route and subject.method in (None, endpoint.method)


def _whole_cells(
    question: Question, retention: Retention, window: Window, *, is_before: bool
) -> Window:
    """The cells of queries wholly on this side; where there is none, the one at the change too."""
    at_ms = window.until_ms if is_before else window.since_ms
    _, edge = plan_details(Window(at_ms, at_ms + 1), question.now_ms, retention)
    if at_ms == edge.since_ms:
        chosen = window
    elif is_before:
        is_empty = edge.since_ms <= window.since_ms
        chosen = Window(window.since_ms, edge.until_ms if is_empty else edge.since_ms)
    else:
        is_empty = edge.until_ms >= window.until_ms
        chosen = Window(edge.since_ms if is_empty else edge.until_ms, window.until_ms)
    return plan_details(chosen, question.now_ms, retention)[1]


def _read_patterns(
    question: Question, retention: Retention, subject: Subject, window: Window
) -> dict[tuple[str, str], Pattern]:
    spans, _ = plan_details(window, question.now_ms, retention)
    found: dict[tuple[str, str], Pattern] = {}
    for sums in details.select_queries(question.con, spans, question.filters):
        if not _is_of(subject, Endpoint(sums.method, sums.route, 0)):
            continue
        key = sums.alias, sums.fingerprint
        was = found.get(key) or Pattern(*key, 0, 0, None, None)
        place = (was.call_site, was.hint) if was.call_site else (sums.location or None, sums.detail)
        found[key] = Pattern(
            *key, was.calls + sums.cell.calls, was.sum_us + sums.cell.sum_us, *place
        )
    return found


def _both(values: Iterable[float | None]) -> tuple[float, float] | None:
    before, after = values
    return None if before is None or after is None else (before, after)


def _added(scene: Scene, total: str, count: str) -> float | None:
    before, after = scene.before.cell, scene.after.cell
    if before is None or after is None:
        return None
    means = _both(ratio(getattr(cell, total), getattr(cell, count)) for cell in (before, after))
    return None if means is None else means[1] - means[0]


def say_times(before: float, after: float) -> str:
    """`6.0 times`, `0.17 times`."""
    times = after / before
    return f"{times:.1f} times" if times >= 1 else f"{times:.2g} times"


def say_points(before: float, after: float) -> str:
    """How much of a share was added or went: `72 percentage points more`."""
    points = 100 * abs(after - before)
    number = f"{points:.0f}" if points >= 1 else f"{points:.1f}"
    return f"{number} percentage points {'more' if after > before else 'less'}"


def is_of_machine(scene: Scene) -> bool:
    """Whether the change is one of the machine's load or of the store's size, not of requests."""
    return scene.change.measure.scope in (Scope.MACHINE, Scope.STORE)


def detail_level(window: Window, now_ms: int, retention: Retention) -> Span:
    """The finest cells of queries that are kept for the whole window."""
    age_ms = now_ms - window.since_ms
    kept = (retention.minutes_ms, retention.hours_ms, retention.days_ms)
    level = next(
        (level for level, keep_ms in zip(DETAIL_LEVELS, kept, strict=True) if age_ms <= keep_ms),
        DETAIL_LEVELS[-1],
    )
    width_ms = level.width_ms
    return Span(level, window.since_ms // width_ms, -(-window.until_ms // width_ms))
