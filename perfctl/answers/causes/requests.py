"""What else changed in the requests: traffic, queue time, errors, caches, the database, answers."""

from __future__ import annotations

import math
from collections.abc import Iterator

from perfctl.answers import measures
from perfctl.answers.causes.evidence import Cleared, Evidence, Finding, Suspect, Unknown
from perfctl.answers.causes.machine import own_cpus
from perfctl.answers.causes.scene import (
    FEW,
    MOST,
    Scene,
    Side,
    is_of_machine,
    say_points,
    say_times,
)
from perfctl.answers.measures import mean_ms
from perfctl.model import MINUTE_MS
from perfctl.stats import FEWEST_FOR_RATE, ratio
from perfctl.store.cells import Cell
from perfctl.units import format_bytes, format_duration, format_ratio

_MORE = 1.5
_QUEUE_RISE_MS = 20
_ERROR_RISE = 0.02
_HIT_DROP = 0.1
_SLOWER_BY_US = 200


def judge_traffic(scene: Scene) -> Iterator[Finding]:
    """Requests a minute, of the subject and of all."""
    if scene.is_about_traffic:
        return
    before, after = _rate(scene.before), _rate(scene.after)
    if before is None or after is None:
        yield Unknown("traffic", "no requests on one of both sides")
        return
    better, worse = scene.oriented(before, after)
    figures = f"traffic {before:.1f} → {after:.1f} requests a minute"
    busy = [_busy(side) for side in (scene.before, scene.after)]
    if worse < better * _MORE:
        yield Cleared("traffic", figures)
        return
    said = f"{say_times(before, after)} as many requests as before"
    facts = [Evidence(said, min(2.0, math.log2(worse / better)))]
    if busy[0] is not None and busy[1] is not None:
        facts.append(Evidence(f"{busy[0]:.1f} → {busy[1]:.1f} requests at a time", 0.2))
    facts += _about_pressure(scene)
    yield Suspect("traffic", figures, tuple(facts))


def _about_pressure(scene: Scene) -> Iterator[Evidence]:
    """More requests make each of them slow by queueing, or for the CPU."""
    queue = [_queue(side.total.counted if side.total else None) for side in _sides(scene)]
    cpu = [own_cpus(side) for side in _sides(scene)]
    if queue[0] is not None and queue[1] is not None:
        is_longer = scene.rises(queue[0], queue[1], _MORE, _QUEUE_RISE_MS)
        said = f"queue time {_ms(queue[0])} → {_ms(queue[1])}"
        yield Evidence(said, 1.0 if is_longer else -0.7)
    if cpu[0] is not None and cpu[1] is not None and scene.rises(cpu[0], cpu[1], _MORE):
        yield Evidence(f"requests kept {cpu[0]:.1f} → {cpu[1]:.1f} CPUs busy", 0.7)
    if scene.is_about_time and scene.works_otherwise:
        yield Evidence(f"each request does otherwise: {'; '.join(scene.works_otherwise)}", -1.0)


def judge_queue(scene: Scene) -> Iterator[Finding]:
    """Waiting before the middleware, which no duration holds."""
    if scene.change.measure.name == "queue_time" or scene.is_rush:
        return
    before, after = (_queue(side.cell) for side in _sides(scene))
    if before is None or after is None:
        yield Unknown("queue", "queue time was not measured: the front server sets X-Request-Start")
        return
    figures = f"queue time {_ms(before)} → {_ms(after)}"
    if not scene.rises(before, after, _MORE, _QUEUE_RISE_MS):
        yield Cleared("queue", figures)
        return
    longer = "longer" if after > before else "less long"
    facts = [Evidence(f"a request waits {_ms(abs(after - before))} {longer} on average", 1.5)]
    if scene.is_about_time:
        facts.append(Evidence("a request waits there before its time begins to count", -0.5))
    yield Suspect("queue", figures, tuple(facts))


def judge_errors(scene: Scene) -> Iterator[Finding]:
    """The error rate, and groups of errors that are new."""
    cells = [side.cell for side in _sides(scene)]
    if cells[0] is None or cells[1] is None:
        yield Unknown("errors", "no requests on one of both sides")
        return
    before, after = (cell.errors / cell.requests for cell in cells if cell)
    figures = f"errors {format_ratio(before)} → {format_ratio(after)}"
    is_about_errors = scene.change.measure.name == "error_rate"
    known = {group.id for group in scene.before.errors}
    added = max(1.0, cells[1].errors - before * cells[1].requests)
    fresh = [
        group
        for group in scene.after.errors
        if group.id not in known and group.first_seen_ms >= scene.change.since_ms - scene.around_ms
    ]
    is_risen = scene.rises(before, after, 1.0, _ERROR_RISE)
    for group in fresh[:3] if is_risen else ():
        share = min(1.0, group.occurrences / added)
        place = f" at {group.location}" if group.location else ""
        text = f"first seen around the change, {group.occurrences} times since"
        facts = [Evidence(text, 1.5 if is_about_errors else 0.5)]
        if is_about_errors:
            facts.append(Evidence(f"{format_ratio(share)} of the added errors", 3 * share))
        what = f"{group.type}{place} ({group.id})"
        yield Suspect("error", what, tuple(facts), is_news=True)
    if is_about_errors:
        return
    if is_risen:
        said = f"{say_points(before, after)} of the requests fail"
        yield Suspect("errors", figures, (Evidence(said, 1.0),))
    else:
        yield Cleared("errors", figures)


def judge_cache(scene: Scene) -> Iterator[Finding]:
    """The hit rate of the caches that the subject uses."""
    if (
        scene.change.measure.name == "cache_hit_rate"
        or is_of_machine(scene)
        or scene.is_about_traffic
    ):
        return
    cells = [side.cell for side in _sides(scene)]
    counts = [0 if cell is None else cell.cache_hits + cell.cache_misses for cell in cells]
    if not any(counts):
        yield Cleared("cache", "it uses no cache")
        return
    if min(counts) < FEWEST_FOR_RATE:
        yield Unknown("cache", "too few look-ups in caches on one of both sides")
        return
    before, after = (measures.hit_rate(cell) or 0.0 for cell in cells if cell is not None)
    figures = f"cache hits {format_ratio(before)} → {format_ratio(after)}"
    better, worse = scene.oriented(before, after)
    drop = better - worse
    if drop < _HIT_DROP:
        yield Cleared("cache", figures)
        return
    said = f"{say_points(before, after)} of the keys are found"
    facts = [Evidence(said, 1 + min(2.0, 4 * drop))]
    if scene.works_otherwise:
        said = f"what is not found is fetched: {'; '.join(scene.works_otherwise)}"
        facts.append(Evidence(said, 0.3))
    yield Suspect("cache", figures, tuple(facts))


def judge_database(scene: Scene) -> Iterator[Finding]:
    """How long a query takes that others ask: whether the database itself is slower."""
    if is_of_machine(scene) or scene.is_rush:
        return
    sides = [_queries_elsewhere(scene, side) for side in _sides(scene)]
    if min(count for count, _ in sides) < FEWEST_FOR_RATE:
        yield Unknown("database", "other routes asked too few queries to compare")
        return
    before, after = (total_us / count for count, total_us in sides)
    where = "elsewhere " if scene.subject.route else ""
    figures = f"a query {where}takes {format_duration(before)} → {format_duration(after)}"
    if not scene.rises(before, after, _MORE, _SLOWER_BY_US):
        yield Cleared("database", figures)
        return
    better, worse = scene.oriented(before, after)
    said = f"{format_duration(before)} before the change, {format_duration(after)} after it"
    facts = [Evidence(said, 1 + min(1.5, math.log2(worse / max(better, 1.0))))]
    share = ratio(scene.added_db_us or 0, scene.added_us or 0)
    if scene.is_about_time and share is not None:
        said = f"{format_ratio(min(1.0, max(0.0, share)))} of the added time is in the database"
        facts.append(Evidence(said, 1.0 if share >= 0.5 else -1.5))
    if scene.spread is not None:
        text, spread = scene.spread
        facts.append(Evidence(text, 1.0 if spread >= MOST else -1.0 if spread <= FEW else 0.0))
    yield Suspect("database", figures, tuple(facts))


def judge_answers(scene: Scene) -> Iterator[Finding]:
    """The size of the answers: more data makes more work."""
    if is_of_machine(scene) or scene.is_about_traffic:
        return
    before, after = (_size(side.cell) for side in _sides(scene))
    if not before or not after:
        return
    figures = f"answers {format_bytes(before)} → {format_bytes(after)}"
    better, worse = scene.oriented(before, after)
    if worse < better * _MORE:
        yield Cleared("response", figures)
        return
    said = f"{say_times(before, after)} as large as before"
    yield Suspect("response", figures, (Evidence(said, min(2.0, math.log2(worse / better))),))


def _sides(scene: Scene) -> tuple[Side, Side]:
    return scene.before, scene.after


def _rate(side: Side) -> float | None:
    """Requests a minute of all routes."""
    if side.total is None:
        return None
    return side.total.counted.requests / (side.window.length_ms / MINUTE_MS)


def _busy(side: Side) -> float | None:
    """How many requests were being answered at a time."""
    if side.total is None:
        return None
    return side.total.counted.sum_us / (side.window.length_ms * 1000)


def _queue(cell: Cell | None) -> float | None:
    return None if cell is None else mean_ms(cell.queue_us, cell.queue_requests)


def _size(cell: Cell | None) -> float | None:
    return None if cell is None else ratio(cell.response_bytes, cell.requests)


def _queries_elsewhere(scene: Scene, side: Side) -> tuple[int, int]:
    """(queries, their time) of all routes but the subject's."""
    chosen = [
        slot.counted
        for endpoint, slot in side.routes.items()
        if scene.subject.route is None or endpoint.route != scene.subject.route
    ]
    return sum(cell.queries for cell in chosen), sum(cell.db_us for cell in chosen)


def _ms(value_ms: float) -> str:
    return format_duration(value_ms * 1000)
