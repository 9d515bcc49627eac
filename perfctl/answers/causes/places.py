"""Where the change is: which routes make it up, and whether one host alone has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from perfctl import sketch
from perfctl.answers import measures
from perfctl.answers.causes.evidence import Cleared, Evidence, Finding, Suspect
from perfctl.answers.causes.scene import MOVED, Scene, Side
from perfctl.stats import FEWEST_FOR_RATE
from perfctl.store.cells import Cell, Slot, merge
from perfctl.store.endpoints import Endpoint
from perfctl.units import format_ratio

_MOST = 3
_LEAST_SHARE = 0.2
_LEAST_RISE = 1.2
"""Of all routes together: below it, what one of them adds is noise."""
_MEDIAN = measures.MEASURES["request_p50"]


class _Part(NamedTuple):
    """What of a route adds up to a measure, and what that is called."""

    column: str | None
    """None: of a quantile it is the requests above what it was."""
    noun: str
    is_load: bool = False
    """By time rather than by request."""


_PARTS = {
    "request_avg": _Part("sum_us", "time"),
    "error_rate": _Part("errors", "errors"),
    "queries": _Part("queries", "queries"),
    "db_time": _Part("db_us", "time in the database"),
    "n_plus_one": _Part("n_plus_one", "requests with an N+1"),
    "cache_hit_rate": _Part("cache_misses", "misses"),
    "traffic": _Part("requests", "requests", is_load=True),
    "store_growth": _Part("requests", "requests", is_load=True),
    "spool_size": _Part("requests", "requests", is_load=True),
    "queue_time": _Part("sum_us", "time that keeps workers busy", is_load=True),
    "cpu": _Part("cpu_us", "CPU time of requests", is_load=True),
    "load1": _Part("cpu_us", "CPU time of requests", is_load=True),
}


def judge_routes(scene: Scene) -> Iterator[Finding]:
    """The routes that make up most of a change that is of all requests, or of the machine."""
    measure = scene.change.measure
    if scene.subject.route is not None or measure.name in ("memory", "disk"):
        return
    part = _PARTS.get(measure.name) or _Part(None, f"requests above {measure.say(_better(scene))}")
    is_more = scene.is_rush if scene.is_about_traffic else scene.is_worse
    better, worse = (scene.before, scene.after) if is_more else (scene.after, scene.before)
    amounts = {
        endpoint: (_amount(scene, part, endpoint, better), _amount(scene, part, endpoint, worse))
        for endpoint in worse.routes
    }
    was, now = (
        (sum(column) for column in zip(*amounts.values(), strict=True)) if amounts else (0, 0)
    )
    if len(amounts) < 2 or now < was * _LEAST_RISE:
        return
    whole = sum(max(0.0, worst - best) for best, worst in amounts.values())
    shares = {endpoint: (worst - best) / whole for endpoint, (best, worst) in amounts.items()}
    for endpoint in sorted(shares, key=lambda endpoint: -shares[endpoint])[:_MOST]:
        if shares[endpoint] >= _LEAST_SHARE:
            kind = "added" if is_more else "lost" if scene.is_about_traffic else "saved"
            share = f"{format_ratio(shares[endpoint])} of the {kind} {part.noun}"
            facts = [Evidence(share, 3 * shares[endpoint]), *_about_route(scene, endpoint)]
            yield Suspect("route", f"{endpoint.method} {endpoint.route}", tuple(facts))


def _better(scene: Scene) -> float:
    return scene.oriented(scene.change.before, scene.change.after)[0]


def _amount(scene: Scene, part: _Part, endpoint: Endpoint, side: Side) -> float:
    slot = side.routes.get(endpoint)
    if slot is None or side.total is None:
        return 0.0
    if part.column is None:
        limit_us = int(_better(scene) * 1000)
        amount = sketch.count_above(sketch.decode(slot.timed_sketch), limit_us)
    else:
        amount = getattr(slot.counted, part.column)
    return amount / (side.window.length_ms if part.is_load else side.total.counted.requests)


def _about_route(scene: Scene, endpoint: Endpoint) -> Iterator[Evidence]:
    before, after = (side.routes.get(endpoint) for side in (scene.before, scene.after))
    if before is None or after is None:
        when = "before" if before is None else "after"
        yield Evidence(f"no request of it {when} the change", 0.5)
        return
    values = [measures.value_of(_MEDIAN, slot) for slot in (before, after)]
    if values[0] is not None and values[1] is not None:
        is_moved = abs(_MEDIAN.effect(values[0], values[1])) >= 1
        said = f"its median {_MEDIAN.say(values[0])} → {_MEDIAN.say(values[1])}"
        yield Evidence(said, 0.5 if is_moved else -0.5)
    shares = _of_all(scene.before, before), _of_all(scene.after, after)
    if scene.rises(*shares, 1.5):
        said = f"{format_ratio(shares[0])} → {format_ratio(shares[1])} of all requests"
        yield Evidence(said, 0.5)


def _of_all(side: Side, slot: Slot) -> float:
    return slot.counted.requests / (side.total.counted.requests if side.total else 1)


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
