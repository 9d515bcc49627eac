"""Query shapes that a subject did not ask before, asks more often, or waits longer for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from perfctl.answers.causes.evidence import Cleared, Evidence, Finding, Suspect, Unknown
from perfctl.answers.causes.scene import Pattern, Scene, detail_level
from perfctl.answers.database import name_pattern
from perfctl.model import Level, Window
from perfctl.stats import FEWEST_FOR_RATE
from perfctl.store import slots
from perfctl.units import format_duration, format_ratio

_MOST = 5
_MORE = 1.5
_ALMOST_NONE = 0.01
_LEAST_SHARE = 0.05
_LONGEST = 90


class Shape(NamedTuple):
    """A query pattern on both sides, by request of the subject; the worse side stands last."""

    pattern: Pattern
    calls: tuple[float, float]
    us: tuple[float, float]
    share: float | None
    """Of what the worse side has more, how much is of this pattern."""

    @property
    def is_new(self) -> bool:
        """Whether only the worse side asks it."""
        return self.calls[0] <= _ALMOST_NONE * self.calls[1]

    @property
    def is_more(self) -> bool:
        """Whether it is asked clearly more often there, or is new."""
        return self.calls[1] >= max(self.calls[0] * _MORE, self.calls[0] + 0.3)

    @property
    def is_slower(self) -> bool:
        """Whether a call takes clearly longer there."""
        if not all(self.calls):
            return False
        better, worse = (us / calls for us, calls in zip(self.us, self.calls, strict=True))
        return worse >= max(better * _MORE, better + 100)


def judge_queries(scene: Scene) -> Iterator[Finding]:
    """The shapes that changed with the subject; cleared where none did."""
    if not _is_enough(scene):
        yield Unknown("query", "too few requests on both sides had their queries watched")
        return
    shapes = [shape for shape in read_shapes(scene) if shape.is_more or shape.is_slower]
    shapes = [shape for shape in shapes if _matters(shape)]
    shapes.sort(key=lambda shape: -(shape.share or 0) - shape.is_new)
    for shape in shapes[:_MOST]:
        yield _judge(scene, shape)
    if not shapes:
        before, after = _totals(scene)
        yield Cleared("query", f"{before:.1f} → {after:.1f} queries a request, no shape is new")


def new_shapes(findings: list[Finding]) -> list[str]:
    """What the code asks now and did not before, in words, as evidence for a deploy."""
    return [
        f"query {finding.what.partition(':')[0]}"
        for finding in findings
        if isinstance(finding, Suspect) and finding.is_news
    ]


def read_shapes(scene: Scene) -> list[Shape]:
    """All patterns of both sides."""
    n_before, n_after = scene.before.pattern_requests, scene.after.pattern_requests
    shapes = []
    for key in sorted(scene.before.patterns.keys() | scene.after.patterns.keys()):
        was = scene.before.patterns.get(key) or Pattern(*key, 0, 0, None, None)
        now = scene.after.patterns.get(key) or Pattern(*key, 0, 0, None, None)
        shape = Shape(
            now if now.calls else was,
            scene.oriented(was.calls / n_before, now.calls / n_after),
            scene.oriented(was.sum_us / n_before, now.sum_us / n_after),
            None,
        )
        shapes.append(shape._replace(share=_share(scene, shape)))
    return shapes


def _share(scene: Scene, shape: Shape) -> float | None:
    if scene.change.measure.name in ("queries", "n_plus_one"):
        better, worse = scene.oriented(*_totals(scene))
        added, own = worse - better, shape.calls[1] - shape.calls[0]
    elif scene.is_about_time and scene.added_us is not None:
        added = scene.added_us if scene.is_worse else -scene.added_us
        own = shape.us[1] - shape.us[0]
    else:
        return None
    return min(1.0, max(0.0, own / added)) if added > 0 else None


def _is_enough(scene: Scene) -> bool:
    return min(scene.before.pattern_requests, scene.after.pattern_requests) >= FEWEST_FOR_RATE


def _totals(scene: Scene) -> tuple[float, float]:
    """Queries a request on both sides."""
    sides = (scene.before, scene.after)
    before, after = (
        sum(pattern.calls for pattern in side.patterns.values()) / max(1, side.pattern_requests)
        for side in sides
    )
    return before, after


def _matters(shape: Shape) -> bool:
    if shape.share is None:
        return shape.is_new and shape.calls[1] >= 0.5
    return shape.share >= _LEAST_SHARE or (shape.is_new and shape.calls[1] >= 1)


def _judge(scene: Scene, shape: Shape) -> Suspect:
    is_worse = scene.is_worse
    calls, us = scene.oriented(*shape.calls), scene.oriented(*shape.us)
    facts = []
    if shape.is_new:
        when = f"new: {calls[1]:.1f} calls a request{_since(scene, shape)}"
        facts.append(Evidence(when if is_worse else f"gone: {calls[0]:.1f} calls a request", 1.5))
    elif shape.is_more:
        facts.append(Evidence(f"{calls[0]:.1f} → {calls[1]:.1f} calls a request", 1.0))
    if shape.is_slower:
        before, after = (format_duration(t / n) for t, n in zip(us, calls, strict=True))
        facts.append(Evidence(f"{before} → {after} a call", 0.5))
    if shape.pattern.call_site and shape.is_more and is_worse:
        hint = f", instead: {shape.pattern.hint}" if shape.pattern.hint else ""
        facts.append(Evidence(f"asked once a row at {shape.pattern.call_site}{hint}", 0.5))
    facts += _about_share(scene, shape)
    name = name_pattern(shape.pattern.alias, shape.pattern.fingerprint)
    text = shape.pattern.fingerprint
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return Suspect("query", f"{name}: {text}", tuple(facts), is_news=shape.is_more)


def _about_share(scene: Scene, shape: Shape) -> Iterator[Evidence]:
    if shape.share is None:
        return
    share = format_ratio(shape.share)
    if scene.is_about_time:
        own = format_duration(max(0.0, shape.us[1] - shape.us[0]))
        more, longer = ("more", "longer") if scene.is_worse else ("less", "less")
        text = f"{own} {more} a request, {share} of what it takes {longer}"
    else:
        text = f"{share} of the {'added' if scene.is_worse else 'saved'} queries"
    yield Evidence(text, 3 * shape.share if shape.share >= 0.1 else -1.5)


def _since(scene: Scene, shape: Shape) -> str:
    """When it first ran, as far as the cells of queries tell."""
    window = Window(scene.change.from_ms, scene.after.window.until_ms)
    span = detail_level(window, scene.question.now_ms, scene.config.retention)
    firsts = slots.first_periods(
        scene.question.con, span, scene.question.filters, scene.subject.endpoint_ids
    )
    period = firsts.get((shape.pattern.alias, shape.pattern.fingerprint))
    if period is None:
        return ""
    width_ms = Level(span.level).width_ms
    late_ms = period * width_ms - scene.change.at_ms
    within = format_duration(width_ms * 1000)
    if -width_ms < late_ms <= 0:
        return f", first seen in the {within} of the change"
    side = "after" if late_ms > 0 else "before"
    return f", first seen {format_duration(abs(late_ms) * 1000)} {side} it"
