"""Deploys and packages around a change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from perfctl.answers import measures
from perfctl.answers.causes.evidence import Cleared, Evidence, Finding, Suspect
from perfctl.answers.causes.scene import FEW, MOST, Scene, Side
from perfctl.answers.deploys import PackageChange, changes_of, package_changes
from perfctl.answers.timeline import runs
from perfctl.model import HOUR_MS, MINUTE_MS
from perfctl.stats import FEWEST_FOR_RATE
from perfctl.store.cells import Slot
from perfctl.store.deploys import Deploy
from perfctl.units import format_duration, format_ratio

_AT_ONCE_MS = 10 * MINUTE_MS
_AFTERWARDS_MS = 3 * MINUTE_MS
"""A mark is set when a rollout is done, or with a clock that is a little off."""
_NARROW_MS = HOUR_MS
_MOST_PACKAGES = 12


class Timing(NamedTuple):
    """When something was, seen from the change."""

    evidence: Evidence
    is_possible: bool


def judge_time(scene: Scene, at_ms: int, what: str) -> Timing:
    """How well the time of something fits the change."""
    change = scene.change
    if change.since_ms <= at_ms < change.until_ms:
        is_narrow = change.until_ms - change.since_ms <= _NARROW_MS
        text = f"{what} {_say_offset(at_ms - change.at_ms)}, within the range of the change"
        return Timing(Evidence(text, 2.0 if is_narrow else 1.2), is_possible=True)
    if at_ms < change.since_ms:
        early_ms = change.since_ms - at_ms
        text = f"{what} {_say(early_ms)} before the change"
        return Timing(Evidence(text, 2.0 if early_ms <= _AT_ONCE_MS else 0.7), is_possible=True)
    late_ms = at_ms - change.until_ms
    text = f"{what} {_say(late_ms)} after the change"
    if late_ms <= _AFTERWARDS_MS:
        return Timing(Evidence(text, 1.0), is_possible=True)
    return Timing(Evidence(text, -2.5), is_possible=False)


def judge_deploys(scene: Scene, shapes: list[str]) -> Iterator[Finding]:
    """Each deploy around the change with the packages that it changed; `shapes` are new queries."""
    first_ms = scene.change.since_ms - scene.around_ms
    last_ms = scene.change.until_ms + scene.around_ms
    near = [p.deploy for p in scene.deploys if first_ms <= p.deploy.at_ms <= last_ms]
    names: list[str] = []
    for deploy in near:
        changes = _changes(scene, deploy)
        suspect = _judge(scene, deploy, changes, shapes)
        names.append(deploy.name)
        if names.count(deploy.name) > 1:  # rolled back to
            suspect = suspect._replace(what=f"{deploy.name} (again)")
        yield suspect
        yield from _packages(changes or [], suspect)
    if not near:
        before = [p.deploy for p in scene.deploys if p.deploy.at_ms < first_ms]
        if before:
            ago = _say(scene.change.since_ms - before[-1].at_ms)
            yield Cleared("deploy", f"the last deploy, {before[-1].name}, was {ago} before")
        else:
            yield Cleared("deploy", "no deploy is known before it")


def judge_packages(scene: Scene) -> Iterator[Finding]:
    """Packages that changed around it without a deploy at that time, as `collect` found them."""
    first_ms = scene.change.since_ms - scene.around_ms
    last_ms = scene.change.until_ms + scene.around_ms
    told: set[PackageChange] = set()
    for at_ms, host, _, changes in package_changes(scene.question.con):
        is_deployed = any(
            abs(placed.deploy.at_ms - at_ms) <= scene.around_ms for placed in scene.deploys
        )
        if is_deployed or not first_ms <= at_ms <= last_ms:
            continue
        timing = judge_time(scene, at_ms, f"found changed on {host}")
        facts = (timing.evidence, *_about_work(scene), _one_of(changes))
        fresh = [change for change in changes if change not in told]
        told.update(fresh)
        for change in sorted(fresh, key=_by_weight)[:_MOST_PACKAGES]:
            yield Suspect("package", change.text, facts)


def _changes(scene: Scene, deploy: Deploy) -> list[PackageChange] | None:
    """Its own, else what was found to have changed around it."""
    own = changes_of(scene.question.con, scene.deploys, deploy)
    if own:
        return own
    found = [
        change
        for at_ms, _, _, changes in package_changes(scene.question.con)
        if abs(at_ms - deploy.at_ms) <= scene.around_ms
        for change in changes
    ]
    return list(dict.fromkeys(found)) or own  # each host finds the same


def _judge(
    scene: Scene, deploy: Deploy, changes: list[PackageChange] | None, shapes: list[str]
) -> Suspect:
    timing = judge_time(scene, deploy.at_ms, "deployed")
    facts = [timing.evidence, *_about_release(scene, deploy)]
    if changes:
        count = f"{len(changes)} packages" if len(changes) > 1 else "1 package"
        facts.append(Evidence(f"{count} changed with it", 0.3))
    elif changes is not None:
        facts.append(Evidence("no package changed with it", -0.2))
    if shapes and timing.is_possible:
        facts.append(Evidence(f"{shapes[0]} came with it", 1.0))
    facts += [*_about_work(scene), *_about_others(scene)]
    return Suspect("deploy", deploy.name, tuple(facts))


def _about_release(scene: Scene, deploy: Deploy) -> Iterator[Evidence]:
    """Whether the requests before and after carry it, and how the others did meanwhile."""
    before, after = _share(scene.before, deploy), _share(scene.after, deploy)
    if not after or before is None:
        return
    if before > FEW:
        text = f"{format_ratio(before)} of the requests before the change ran it already"
        yield Evidence(text, -2.5 if before > MOST else -1.0)
        return
    yield Evidence(f"{format_ratio(after)} of the requests after the change ran it", 1.0)
    new, old = _medians(scene.after, deploy)
    if new is None or old is None or not scene.is_about_time:
        return
    median = measures.MEASURES["request_p50"]
    effect, own = median.effect(old, new), median.effect(scene.change.before, scene.change.after)
    said = f"meanwhile other releases took {median.say(old)}, it {median.say(new)}"
    yield Evidence(said, 2.0 if effect * own > 0 and abs(effect) >= abs(own) / 2 else -2.0)


def _share(side: Side, deploy: Deploy) -> float | None:
    whole = sum(sums.cell.requests for sums in side.origins)
    own = sum(sums.cell.requests for sums in side.origins if runs(deploy, sums.release))
    return own / whole if whole else None


def _medians(side: Side, deploy: Deploy) -> tuple[float | None, float | None]:
    """Of the requests that run a deploy, and of all others; None of too few."""
    median = measures.MEASURES["request_p50"]
    groups = {True: b"", False: b""}
    counts = {True: 0, False: 0}
    for sums in side.origins:
        is_own = runs(deploy, sums.release)
        groups[is_own] += sums.cell.sketch
        counts[is_own] += sums.cell.requests
    cell = side.cell
    if cell is None or min(counts.values()) < FEWEST_FOR_RATE:
        return None, None
    new, old = (measures.value_of(median, Slot(cell, groups[key])) for key in (True, False))
    return new, old


def _about_work(scene: Scene) -> Iterator[Evidence]:
    """Code that changed does something else; a busy machine only takes longer for the same."""
    if scene.works_otherwise:
        yield Evidence("; ".join(scene.works_otherwise), 0.5)
    elif scene.is_about_time and scene.is_work_known:
        yield Evidence("as many queries and as much CPU time of its own as before", -1.5)


def _about_others(scene: Scene) -> Iterator[Evidence]:
    if scene.spread is not None:
        text, share = scene.spread
        if share <= FEW or share >= MOST:
            yield Evidence(text, 0.3 if share <= FEW else -0.5)


def _packages(changes: list[PackageChange], deploy: Suspect) -> Iterator[Suspect]:
    """Parts of a deploy: none is likelier than the whole."""
    share = tuple(deploy.evidence)
    for change in sorted(changes, key=_by_weight)[:_MOST_PACKAGES]:
        facts = (*share, Evidence("a package is but a part of the deploy", -0.3), _one_of(changes))
        yield Suspect("package", change.text, facts, under=deploy.what)


def _one_of(changes: list[PackageChange]) -> Evidence:
    if len(changes) == 1:
        return Evidence("the only package that changed", 0.2)
    return Evidence(f"one of {len(changes)} packages that changed", -0.3)


def _by_weight(change: PackageChange) -> tuple[int, str]:
    """Large steps first: another major version, then minor ones, then the rest."""
    if change.before is None or change.after is None:
        return 2, change.name
    before, after = (text.split(".") for text in (change.before, change.after))
    depth = next(
        (i for i, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), 3
    )
    return depth, change.name


def _say_offset(offset_ms: int) -> str:
    if abs(offset_ms) < MINUTE_MS:
        return "at that minute"
    minutes_ms = abs(offset_ms) // MINUTE_MS * MINUTE_MS
    return f"{_say(minutes_ms)} {'before' if offset_ms < 0 else 'after'} it"


def _say(duration_ms: int) -> str:
    return format_duration(duration_ms * 1000)
