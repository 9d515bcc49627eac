"""`why`: when a route, a metric or an alert changed, what changed around it, and what did not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perfctl import changepoint
from perfctl.answers import changes
from perfctl.answers.answer import Answer, Question, answer
from perfctl.answers.causes.deploys import judge_deploys, judge_packages
from perfctl.answers.causes.evidence import LIKELY, Cleared, Finding, Suspect, Unknown
from perfctl.answers.causes.machine import judge_machine, judge_processes
from perfctl.answers.causes.places import judge_hosts, judge_routes
from perfctl.answers.causes.queries import judge_queries, new_shapes
from perfctl.answers.causes.requests import (
    judge_answers,
    judge_cache,
    judge_database,
    judge_errors,
    judge_queue,
    judge_traffic,
)
from perfctl.answers.causes.scene import Scene, read_scene
from perfctl.answers.changes import Change, Search
from perfctl.answers.measures import Scope
from perfctl.answers.subjects import Subject, find_subject
from perfctl.config import DEFAULTS, Config
from perfctl.errors import PerfctlError
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS, Window
from perfctl.stats import FEWEST_FOR_RATE
from perfctl.units import format_duration, iso_utc

AROUND_MS = 30 * MINUTE_MS
_LATELY_MS = 6 * HOUR_MS
FOUND = "found"
NOTHING_FITS = "nothing_fits"
NO_CHANGE = "no_change"
CANNOT_TELL = "cannot_tell"


def explain(
    question: Question,
    config: Config,
    text: str,
    *,
    metric: str | None = None,
    around_ms: int = AROUND_MS,
    is_window_said: bool = False,
) -> Answer:
    """The change of a subject, its suspects by their score, and what it was not."""
    subject = find_subject(question, config, text, metric)
    if not is_window_said:
        question = question._replace(window=_window_of(question, subject))
    found = changes.search(question, subject, config.retention)
    if found.chosen is None:
        return _without_change(question, subject, found)
    scene = read_scene(question, config, subject, found.chosen, around_ms)
    findings = judge(scene)
    suspects = rank(item for item in findings if isinstance(item, Suspect))
    fits = any(suspect.score >= LIKELY for suspect in suspects)
    data = {
        "subject": _describe(subject),
        "verdict": FOUND if fits else NOTHING_FITS,
        "change": describe_change(found.chosen, scene),
        "suspects": [describe_suspect(suspect) for suspect in suspects],
        "cleared": [item._asdict() for item in findings if isinstance(item, Cleared)],
        "unknown": [item._asdict() for item in findings if isinstance(item, Unknown)],
        "other_changes": [describe_change(change) for change in found.others],
    }
    return answer(question, "why", data, found.samples)


def _window_of(question: Question, subject: Subject) -> Window:
    """The last day; of an alert a day before it began and up to a day after."""
    if subject.opened_ms is None:
        return question.window
    until_ms = min(question.window.until_ms, subject.opened_ms + DAY_MS)
    return Window(max(0, min(question.window.since_ms, subject.opened_ms - DAY_MS)), until_ms)


def _without_change(question: Question, subject: Subject, found: Search) -> Answer:
    warnings = (_say_blind(found) if found.is_enough else _say_missing(found),)
    data: dict[str, object] = {
        "subject": _describe(subject),
        "verdict": NO_CHANGE if found.is_enough else CANNOT_TELL,
        "change": None,
        "suspects": [],
        "cleared": [],
        "unknown": [],
        "other_changes": [describe_change(change) for change in found.others],
    }
    return answer(question, "why", data, found.samples, warnings=warnings)


def _say_blind(found: Search) -> str:
    blind = format_duration(found.blind_ms * 1000)
    return f"what has changed in the last {blind} is too new to be told"


def _say_missing(found: Search) -> str:
    """How much more it takes to tell."""
    measure, fewest = found.measure, changepoint.FEWEST
    if found.spread is not None:
        low, high = map(measure.say, found.spread)
        return (
            f"its values go from {low} to {high} by themselves, which hides all but the largest"
            " changes: more requests, or a longer --since, would tell smaller ones"
        )
    if measure.scope is not Scope.REQUESTS:
        values = f"{_count(found.cells, 'value')} of {measure.name}"
        return f"{values} {_too_few(found.cells)} {fewest - found.cells} more, or a longer --since"
    requests, each = _count(found.samples, "request"), min(measure.fewest, FEWEST_FOR_RATE)
    if found.samples < fewest * each:
        need = f"that takes {fewest} values of {each} requests or more"
        more = f"so some {fewest * each - found.samples} more, or a longer --since"
        return f"{requests} {_too_few(found.samples)} {need}, {more}"
    width = format_duration(found.finest_ms * 1000)
    return (
        f"{requests} make {_count(found.cells, 'value')} of {width} or more: to tell a change takes "
        f"{fewest}, so a longer time, or a longer --since"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _too_few(count: int) -> str:
    return f"{'is' if count == 1 else 'are'} too few to tell a change:"


def judge(scene: Scene) -> list[Finding]:
    """All that may have caused a change, whatever came of it."""
    queries = list(judge_queries(scene))
    return [
        *judge_deploys(scene, new_shapes(queries)),
        *judge_packages(scene),
        *queries,
        *judge_routes(scene),
        *judge_hosts(scene),
        *judge_machine(scene),
        *judge_processes(scene),
        *judge_traffic(scene),
        *judge_queue(scene),
        *judge_database(scene),
        *judge_cache(scene),
        *judge_errors(scene),
        *judge_answers(scene),
    ]


def rank(found: Iterable[Suspect]) -> list[Suspect]:
    """By score; what a deploy brought stands below it."""
    suspects = sorted(found, key=lambda suspect: -suspect.score)
    deploys = [item for item in suspects if item.kind == "deploy" and item.score >= LIKELY]
    if deploys:
        suspects = [_put_under(item, deploys[0]) for item in suspects]
    ranked = []
    for suspect in suspects:
        if suspect.under is None:
            parts = [item for item in suspects if item.under == suspect.what]
            ranked += [
                suspect,
                *sorted(parts, key=lambda item: (item.kind != "query", -item.score)),
            ]
    return ranked


def _put_under(suspect: Suspect, deploy: Suspect) -> Suspect:
    is_part = suspect.kind in ("query", "error") and suspect.is_news
    return suspect._replace(under=deploy.what) if is_part else suspect


def cause_line(question: Question, subject: str, config: Config = DEFAULTS) -> str | None:
    """The likeliest cause in one line, for a notification; None where there is none to name.

    It looks at the last hours alone: who is told of an alert waits for it.
    """
    lately = Window(max(0, question.now_ms - _LATELY_MS), question.now_ms)
    try:
        found = explain(question._replace(window=lately), config, subject, is_window_said=True)
    except PerfctlError:  # an alert whose subject has no series has no cause to name
        return None
    if found.data["verdict"] != FOUND:
        return None
    first, *rest = found.data["suspects"]
    facts = [text for text in first["for"] if text != first["what"]][:1]
    parts = [f"{row['kind']} {row['what']}" for row in rest if row["under"] == first["what"]]
    more = "; ".join((*facts, *parts[:2]))
    return f"{name_suspect(first)} ({more})" if more else name_suspect(first)


def name_suspect(row: Mapping[str, Any]) -> str:
    """`deploy v2`, `cpu 25 % → 97 %`: its kind and what it is, the kind once."""
    kind, what = str(row["kind"]), str(row["what"])
    return what if what.startswith(f"{kind} ") else f"{kind} {what}"


def _describe(subject: Subject) -> dict[str, object]:
    return {
        "kind": subject.kind,
        "name": subject.name,
        "method": subject.method,
        "route": subject.route,
        "alert": subject.alert,
        "host": subject.host,
    }


def describe_suspect(suspect: Suspect) -> dict[str, object]:
    """A suspect as it is shown."""
    return {
        "kind": suspect.kind,
        "what": suspect.what,
        "score": round(suspect.score, 2),
        "for": suspect.speaks_for,
        "against": suspect.speaks_against,
        "under": suspect.under,
    }


def describe_change(change: Change, scene: Scene | None = None) -> dict[str, object]:
    """A change as it is shown; beside its scene with what else is known of the subject."""
    said: dict[str, object] = {
        "metric": change.measure.name,
        "unit": change.measure.unit,
        "at": iso_utc(change.at_ms),
        "interval": {"since": iso_utc(change.since_ms), "until": iso_utc(change.until_ms)},
        "from": change.before,
        "to": change.after,
        "ratio": change.ratio,
        "is_worse": change.effect > 0,
        "samples": {"before": change.samples_before, "after": change.samples_after},
        "strength": change.strength if change.strength is None else round(change.strength, 2),
        "is_assumed": change.strength is None,
        "until": iso_utc(change.to_ms),
    }
    if scene is not None and scene.others is not None:
        moved, counted = scene.others
        said["other_routes"] = {"moved": moved, "of": counted}
    return said
