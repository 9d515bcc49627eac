"""All checks of a measurement: its budgets, and what became worse than the baseline."""

from __future__ import annotations

from collections.abc import Iterator

from perfctl.gate import accepting, budgets, durations, exact, live
from perfctl.gate.baseline import Baseline
from perfctl.gate.budgets import Budgets
from perfctl.gate.measured import Measured
from perfctl.gate.verdict import Check


def judge(
    measured: Measured,
    allowed: Budgets,
    base: Baseline | None,
    *,
    margin: float,
    with_latency: bool,
    with_shift: bool = True,
) -> list[Check]:
    """Checks in no order; what was accepted into the baseline passes."""
    checks = list(_judge_budgets(measured, allowed))
    if base is not None:
        checks = list(accepting.forgive(checks, base.accepted))
        checks += _compare(measured, base, margin, with_latency=with_latency, with_shift=with_shift)
    return checks


def _judge_budgets(measured: Measured, allowed: Budgets) -> Iterator[Check]:
    if measured.live is not None:
        yield from budgets.judge_live(measured.live, allowed)
    else:
        yield from budgets.judge_run(measured.run, allowed)


def _compare(
    measured: Measured, base: Baseline, margin: float, *, with_latency: bool, with_shift: bool
) -> Iterator[Check]:
    if measured.live is not None and measured.sample is not None and base.live is not None:
        errors = measured.live.errors
        yield from live.compare_live(
            base.live, measured.sample, errors, margin, with_shift=with_shift
        )
        return
    yield from exact.compare_runs(base.run, measured.run, measured.statements)
    if with_latency:
        shared = sorted(base.run.keys() & measured.run.keys())
        before = {name: base.durations.get(name, ()) for name in shared}
        now = {name: measured.durations.get(name, ()) for name in shared}
        yield from durations.compare_durations(before, now, margin, with_shift=with_shift)
