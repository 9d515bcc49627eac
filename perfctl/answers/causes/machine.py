"""The machine around a change: CPU and memory of each host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from perfctl.answers.causes.evidence import Cleared, Evidence, Finding, Suspect, Unknown
from perfctl.answers.causes.scene import FEW, MOST, Scene, Side, say_points
from perfctl.store import systems
from perfctl.store.slots import Load
from perfctl.units import format_bytes, format_ratio

_RISE = 0.1
_LARGE_RISE = 0.4
_FEWEST = 2
_MOST_PROCESSES = 3
_LEAST_SHARE = 0.2


def judge_machine(scene: Scene) -> Iterator[Finding]:
    """CPU and memory, each of the host on which it rose most."""
    for name in () if scene.is_rush else ("cpu", "memory"):
        if name != scene.change.measure.name:
            yield _judge(scene, name)


def judge_processes(scene: Scene) -> Iterator[Finding]:
    """The largest processes, where the change is one of the machine; kept above the target alone."""
    measure = scene.change.measure
    if measure.name not in ("cpu", "memory", "load1"):
        return
    key = "rss_bytes" if measure.name == "memory" else "cpu"
    before, after = (_use_by_name(scene, side, key) for side in (scene.before, scene.after))
    if not after:
        yield Unknown("process", "no processes were kept: they are where the target is passed")
        return
    added = {name: value - before.get(name, 0.0) for name, value in after.items()}
    whole = sum(value for value in added.values() if value > 0)
    for name in sorted(added, key=lambda name: -added[name])[:_MOST_PROCESSES]:
        share = added[name] / whole if whole else 0.0
        if share >= _LEAST_SHARE:
            use = format_bytes(after[name]) if key == "rss_bytes" else format_ratio(after[name])
            facts = [Evidence(f"took {use} on average after the change", 3 * share)]
            if name in before:
                facts.append(Evidence("was among the largest before the change too", -0.5))
            yield Suspect("process", name, tuple(facts))


def _use_by_name(scene: Scene, side: Side, key: str) -> dict[str, float]:
    """What the processes of a name took, as a mean over the samples that kept processes."""
    host = scene.subject.host or scene.question.filters.host
    samples = [
        found
        for sample in systems.select(scene.question.con, *side.window, host)
        if (found := _largest(sample.row.detail))
    ]
    sums: dict[str, float] = {}
    for processes in samples:
        for process in processes:
            name = str(process.get("name"))
            sums[name] = sums.get(name, 0.0) + float(process.get(key) or 0)
    return {name: total / len(samples) for name, total in sums.items()}


def _largest(detail: str) -> Sequence[Mapping[str, Any]]:
    found = json.loads(detail or "{}").get("largest") if detail.startswith("{") else None
    return found if isinstance(found, list) else ()


def _judge(scene: Scene, name: str) -> Finding:
    rises = [
        (_rise(scene, before, after), host, before, after)
        for host, before in _means(scene.before.loads, name).items()
        for after in (_means(scene.after.loads, name).get(host),)
        if after is not None
    ]
    if not rises:
        remedy = "perfctl collect, from cron, would have measured it"
        return Unknown(name, f"no sample of the machine on both sides: {remedy}")
    rise, host, before, after = max(rises)
    place = f" of {host}" if len(rises) > 1 else ""
    figures = f"{name}{place} {format_ratio(before)} → {format_ratio(after)}"
    if rise < _RISE:
        return Cleared(name, figures)
    said = f"at {format_ratio(after)} after the change, {say_points(before, after)}"
    facts = [Evidence(said, 1 + 2 * min(1.0, rise / _LARGE_RISE))]
    limits = getattr(scene.config.thresholds, name)
    _, worse = scene.oriented(before, after)
    if worse > limits.threshold:
        said = f"above its threshold of {format_ratio(limits.threshold)}"
        facts.append(Evidence(said, 1.0))
    elif worse <= limits.target:
        said = f"always under its target of {format_ratio(limits.target)}"
        facts.append(Evidence(said, -1.5))
    facts += [*_about_work(scene), *_about_others(scene)]
    if name == "cpu":
        facts += _about_own_use(scene)
    return Suspect(name, figures, tuple(facts))


def _means(loads: Sequence[Load], name: str) -> dict[str, float]:
    """The mean of each host that has at least two samples."""
    values: dict[str, list[tuple[float, int]]] = {}
    for load in loads:
        value = load.cpu if name == "cpu" else load.memory
        if value is not None:
            values.setdefault(load.host, []).append((value, load.samples))
    return {
        host: sum(value * n for value, n in found) / sum(n for _, n in found)
        for host, found in values.items()
        if sum(n for _, n in found) >= _FEWEST
    }


def _rise(scene: Scene, before: float, after: float) -> float:
    better, worse = scene.oriented(before, after)
    return worse - better


def _about_work(scene: Scene) -> Iterator[Evidence]:
    if scene.works_otherwise:
        said = f"requests themselves do otherwise: {'; '.join(scene.works_otherwise)}"
        yield Evidence(said, -1.5)
    elif scene.is_about_time and scene.is_work_known:
        yield Evidence("requests ask and compute as much as before, and only take longer", 0.7)


def _about_others(scene: Scene) -> Iterator[Evidence]:
    if scene.spread is not None:
        text, share = scene.spread
        if share <= FEW or share >= MOST:
            yield Evidence(text, -1.5 if share <= FEW else 1.0)


def _about_own_use(scene: Scene) -> Iterator[Evidence]:
    """Where the requests use the CPU that is missing, it is a consequence."""
    before, after = own_cpus(scene.before), own_cpus(scene.after)
    if before is not None and after is not None and scene.rises(before, after, 1.5, 0.3):
        said = f"the requests themselves kept {before:.1f} → {after:.1f} CPUs busy"
        yield Evidence(said, -1.5)


def own_cpus(side: Side) -> float | None:
    """How many CPUs the requests kept busy on average; None where that was not measured."""
    if side.total is None or not side.total.counted.cpu_us:
        return None
    return side.total.counted.cpu_us / (side.window.length_ms * 1000)
