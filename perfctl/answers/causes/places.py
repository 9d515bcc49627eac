"""Where the change is: which routes make it up, and whether one host alone has it."""

from __future__ import annotations

from collections.abc import Iterator

from perfctl import sketch
from perfctl.answers import measures
from perfctl.answers.causes.evidence import Cleared, Evidence, Finding, Suspect
from perfctl.answers.causes.scene import MOVED, Scene, Side
from perfctl.answers.measures import FEWEST_FOR_RATE, Scope
from perfctl.store.cells import Cell, Slot, merge
from perfctl.store.endpoints import Endpoint
from perfctl.units import format_ratio

_MOST = 3
_LEAST_SHARE = 0.2
_MEDIAN = measures.MEASURES["request_p50"]


def judge_routes(scene: Scene) -> Iterator[Finding]:
    """The routes that make up most of a change that is of all requests."""
    if not scene.subject.is_total and scene.change.measure.scope is not Scope.MACHINE:
        return
    added = {
        endpoint: _amount(scene, slot, scene.after)
        - _amount(scene, scene.before.routes.get(endpoint), scene.before)
        for endpoint, slot in scene.after.routes.items()
    }
    whole = sum(value for value in added.values() if value > 0)
    if len(added) < 2 or whole <= 0:
        return
    ranked = sorted(added, key=lambda endpoint: -added[endpoint])[:_MOST]
    for endpoint in ranked:
        share = added[endpoint] / whole
        if share >= _LEAST_SHARE:
            yield _suspect(scene, endpoint, share)


def _suspect(scene: Scene, endpoint: Endpoint, share: float) -> Suspect:
    facts = [Evidence(f"{format_ratio(share)} of the added {_noun(scene)}", 3 * share)]
    before, after = scene.before.routes.get(endpoint), scene.after.routes[endpoint]
    if before is None:
        facts.append(Evidence("no request of it before the change", 0.5))
    else:
        values = [measures.value_of(_MEDIAN, slot) for slot in (before, after)]
        if values[0] is not None and values[1] is not None:
            effect = _MEDIAN.effect(values[0], values[1])
            said = f"its median {_MEDIAN.say(values[0])} → {_MEDIAN.say(values[1])}"
            facts.append(Evidence(said, 0.5 if abs(effect) >= 1 else -0.5))
        shares = [_of_all(scene.before, before), _of_all(scene.after, after)]
        if shares[1] >= 1.5 * shares[0]:
            said = f"{format_ratio(shares[0])} → {format_ratio(shares[1])} of all requests"
            facts.append(Evidence(said, 0.5))
    return Suspect("route", f"{endpoint.method} {endpoint.route}", tuple(facts))


def _of_all(side: Side, slot: Slot) -> float:
    whole = side.total.counted.requests if side.total else 1
    return slot.counted.requests / whole


def _amount(scene: Scene, slot: Slot | None, side: Side) -> float:
    """A route's part, by request of all, or of a load by time."""
    if slot is None or side.total is None:
        return 0.0
    column = _COLUMNS.get(scene.change.measure.name)
    if column is None:
        limit_us = int(scene.change.before * 1000)
        part = sketch.count_above(sketch.decode(slot.timed_sketch), limit_us)
    else:
        part = getattr(slot.counted, column)
    is_load = scene.change.measure.name in _LOADS
    return part / (side.window.length_ms if is_load else side.total.counted.requests)


_COLUMNS = {
    "request_avg": "sum_us",
    "error_rate": "errors",
    "queries": "queries",
    "db_time": "db_us",
    "n_plus_one": "n_plus_one",
    "cache_hit_rate": "cache_misses",
    "traffic": "requests",
    "queue_time": "sum_us",
    "cpu": "cpu_us",
    "load1": "cpu_us",
    "memory": "requests",
    "disk": "requests",
}
"""What of a route adds up to a measure; of a quantile it is the requests above what it was."""
_LOADS = ("traffic", "queue_time", "cpu", "load1", "memory", "disk")
_NOUNS = {
    "request_avg": "time",
    "error_rate": "errors",
    "queries": "queries",
    "db_time": "time in the database",
    "n_plus_one": "requests with an N+1",
    "cache_hit_rate": "misses",
    "traffic": "requests",
    "queue_time": "time that keeps workers busy",
    "cpu": "CPU time of requests",
    "load1": "CPU time of requests",
    "memory": "requests",
    "disk": "requests",
}


def _noun(scene: Scene) -> str:
    measure = scene.change.measure
    return _NOUNS.get(measure.name) or f"requests above {measure.say(scene.change.before)}"


def judge_hosts(scene: Scene) -> Iterator[Finding]:
    """Whether the subject changed on one host and not on the others."""
    if not scene.is_about_time:
        return
    effects = _effects_by_host(scene)
    if len(effects) < 2:
        return
    own = effect_of(scene)
    moved = [host for host, (effect, _) in effects.items() if _is_like(effect, own)]
    if len(moved) == 1:
        said = "; ".join(f"{host} {text}" for host, (_, text) in effects.items())
        yield Suspect("host", moved[0], (Evidence(f"only {moved[0]} moved: {said}", 2.5),))
    elif len(moved) == len(effects):
        yield Cleared("host", f"all {len(effects)} hosts moved alike")


def effect_of(scene: Scene) -> float:
    """How large the change is, as a change of a median."""
    return _MEDIAN.effect(scene.change.before, scene.change.after)


def _is_like(effect: float, own: float) -> bool:
    return effect * own > 0 and abs(effect) >= max(1.0, MOVED * abs(own))


def _effects_by_host(scene: Scene) -> dict[str, tuple[float, str]]:
    before, after = (_medians(side) for side in (scene.before, scene.after))
    return {
        host: (_MEDIAN.effect(was, now), f"{_MEDIAN.say(was)} → {_MEDIAN.say(now)}")
        for host, was in before.items()
        for now in (after.get(host),)
        if now is not None
    }


def _medians(side: Side) -> dict[str, float]:
    groups: dict[str, list[Cell]] = {}
    for sums in side.origins:
        groups.setdefault(sums.host, []).append(sums.cell)
    found = {}
    for host, group in groups.items():
        cell = merge(group)
        value = measures.value_of(_MEDIAN, Slot(cell, cell.sketch))
        if value is not None and cell.requests >= FEWEST_FOR_RATE:
            found[host] = value
    return found
