"""What the store holds of this run, and of the one before it where the store holds both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from perfctl.answers import timeline
from perfctl.answers.answer import Question, has_requests
from perfctl.answers.gate import ExactRequest, Live, has_tests, read_live, read_tests
from perfctl.config import Config
from perfctl.errors import NoDataError, UsageError
from perfctl.gate.baseline import Baseline, Environment
from perfctl.gate.budgets import Budgets
from perfctl.gate.counts import RouteRun, count_run
from perfctl.gate.latency import Block, cut_blocks
from perfctl.gate.live import LiveSample, sample_live
from perfctl.gate.verdict import Check, Lack, Status
from perfctl.model import Source, Window
from perfctl.sketch import bucket
from perfctl.units import format_bytes

_MINUTE_MS = 60_000
RECORDS = "records"
BASELINE = "baseline"


class Measured(NamedTuple):
    """A test run, or live traffic; what it is not is empty."""

    source: str
    window: Window | None
    """None for all that is recorded."""
    requests: int
    run: Mapping[str, RouteRun] = {}
    statements: Mapping[str, str] = {}
    durations: Mapping[str, tuple[Block, ...]] = {}
    live: Live | None = None
    sample: LiveSample | None = None


def choose_source(question: Question, said: str | None, base: Baseline | None, ref: str) -> str:
    """What is to be judged: as said, as the baseline is, else tests where the store holds some."""
    if said is not None:
        return said
    if ref:
        return Source.LIVE
    if base is not None:
        return base.source
    return Source.TEST if has_tests(question) else Source.LIVE


def measure(question: Question, source: str, budgets: Budgets, *, is_windowed: bool) -> Measured:
    """What was recorded; of tests all that is there, whatever their clocks said."""
    filters = question.filters._replace(source=source)
    question = question._replace(filters=filters)
    if source == Source.LIVE:
        return _measure_live(question, budgets.config)
    if not is_windowed:
        question = question._replace(window=Window(0, question.now_ms + _MINUTE_MS))
    requests = read_tests(question)
    run, statements = count_run(requests, budgets.ignore_queries)
    durations = cut_blocks(_by_process(requests))
    window = question.window if is_windowed else None
    return Measured(source, window, len(requests), run, statements, durations)


def _measure_live(question: Question, config: Config) -> Measured:
    live = read_live(question, config)
    requests = sum(route.requests for route in live.routes.values())
    return Measured(Source.LIVE, live.window, requests, live=live, sample=sample_live(live))


def _by_process(requests: list[ExactRequest]) -> dict[str, dict[str, dict[int, int]]]:
    """Durations by route and process: a process is a run, and its requests share its luck."""
    found: dict[str, dict[str, dict[int, int]]] = {}
    for request in requests:
        counts = found.setdefault(request.subject, {}).setdefault(request.process, {})
        index = bucket(request.duration_us)
        counts[index] = counts.get(index, 0) + 1
    return found


def missing_records(question: Question, measured: Measured, store: str) -> list[Check]:
    """A check where there is nothing to judge, or not all of it."""
    record = "run the tests with PERFCTL_TEST_DB set to this store"
    if question.pending_bytes:
        said = f"{format_bytes(question.pending_bytes)} wait in the spool: perfctl collect"
    elif measured.requests:
        return []
    elif measured.source == Source.TEST:
        said = f"no request of a test is recorded in {store}: {record}"
    elif has_requests(question.con):
        said = f"no live request is in this window of {store}: a longer --since may find some"
    else:
        said = f"no request is recorded in {store}: {record}"
    return [
        Check(RECORDS, measured.source, Status.INCONCLUSIVE, measured.requests, unit="requests",
              evidence=said, lacks=Lack.RECORDS)
    ]  # fmt: skip


def no_baseline(name: str, problem: str) -> Check:
    """That there is nothing to compare with."""
    return Check(BASELINE, name, Status.INCONCLUSIVE, evidence=problem, lacks=Lack.RECORDS)


class Around(NamedTuple):
    """A deploy as a baseline: the traffic from it to the next one, and the question about since."""

    question: Question
    baseline: Baseline | None = None
    problem: str | None = None


def around_deploy(question: Question, ref: str, config: Config, *, is_windowed: bool) -> Around:
    """What was live from that deploy on until the next, against what is live since then.

    UsageError for a deploy that is not known, or a window that the baseline reaches into.
    """
    try:
        line, placed = timeline.find(question.con, ref)
    except NoDataError as exc:
        return Around(question, problem=exc.message)
    before = timeline.interval(line, placed.deploy, question.now_ms)
    after = timeline.following(line, placed.deploy)
    if not is_windowed:
        if after is None:
            return Around(question, problem=f"nothing was deployed after {placed.deploy.name} yet")
        question = question._replace(window=Window(after.deploy.at_ms, question.window.until_ms))
    elif question.window.since_ms < before.until_ms and before.since_ms < question.window.until_ms:
        raise UsageError(
            f"the window reaches into the time of {placed.deploy.name}, its own baseline",
            "leave out --since, or begin after that deploy ended",
        )
    filters = question.filters._replace(source=Source.LIVE, release=None)
    measured = _measure_live(question._replace(window=before, filters=filters), config)
    if not measured.requests:
        return Around(question, problem=f"no live request of {placed.deploy.name} is recorded")
    base = Baseline(
        Source.LIVE, "", "", placed.deploy.commit_id or None, Environment(), measured.requests,
        live=measured.sample,
    )  # fmt: skip
    return Around(question, base)
