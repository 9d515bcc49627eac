"""`perfctl ci`."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from perfctl import gating, session
from perfctl.actor import actor
from perfctl.collectors import deploys
from perfctl.commands import new_app
from perfctl.errors import UsageError
from perfctl.gate import budgets
from perfctl.gate.verdict import Verdict
from perfctl.options import Format
from perfctl.render.github import render_summary
from perfctl.session import Session

app = new_app()


class Require(StrEnum):
    """What is judged only where it is asked for."""

    LATENCY = "latency"


class SmallSample(StrEnum):
    """What a check counts as that lacks nothing but a larger sample."""

    PASS = "pass"  # noqa: S105  # no password
    FAIL = "fail"


_EXIT = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3}


@app.command(epilog="Example: perfctl ci --db ci.db --baseline main.json --format github")
def ci(
    ctx: typer.Context,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="FILE|deploy:REF", help="What to compare with."),
    ] = None,
    save_baseline: Annotated[
        str | None,
        typer.Option("--save-baseline", metavar="FILE", help="Keep this run as a baseline."),
    ] = None,
    bless: Annotated[
        str | None,
        typer.Option("--bless", metavar="REASON", help="Take what is found into the baseline."),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Who blesses [default: the login].")
    ] = None,
    require: Annotated[
        Require | None, typer.Option("--require", help="Judge the latency of a test run too.")
    ] = None,
    max_regress: Annotated[
        str, typer.Option("--max-regress", metavar="SHARE", help="How much slower is slower.")
    ] = "10%",
    ignore_shift: Annotated[
        bool,
        typer.Option("--ignore-shift", help="Do not judge what slowed all routes alike."),
    ] = False,
    inconclusive: Annotated[
        SmallSample | None,
        typer.Option("--inconclusive", help="What a small sample counts as [default: exit 3]."),
    ] = None,
) -> int:
    """May this be merged? Exit 0 pass, 1 fail, 3 cannot tell.

    Judges a test run (PERFCTL_TEST_DB) or live traffic against budgets, and against a baseline.
    """
    now = session.begin(ctx)
    asked = gating.Asked(
        against=baseline,
        save=save_baseline,
        bless=bless,
        by=actor(by),
        small_sample=Verdict(inconclusive or Verdict.INCONCLUSIVE),
        with_latency=require is Require.LATENCY,
        with_shift=not ignore_shift,
        margin=parse_share(max_regress),
        source=now.options.source,
        is_windowed=bool(now.options.since or now.options.until),
        store=str(now.store),
        folders=deploys.places(now.store, Path.cwd()),
    )
    return answer_gate(now, asked)


def answer_gate(now: Session, asked: gating.Asked) -> int:
    """Run the gate, and show what it says."""
    gating.check_asked(asked)
    allowed = budgets.parse(now.config, _where(now))
    loaded = gating.load(asked)
    with session.asking(now, budget_s=None) as question:
        answer = gating.run_gate(question, allowed, asked, loaded)
    session.reply(now, answer)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and now.options.format == Format.GITHUB:
        add_summary(Path(summary), render_summary(answer), now)
    return _EXIT[answer.data.verdict]


def add_summary(path: Path, text: str, now: Session) -> None:
    """Append to the summary of a step; where that fails, the verdict stands all the same."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as exc:
        now.console.note(f"perfctl: the step summary cannot be written: {exc.strerror}")


def _where(now: Session) -> str:
    """The file that the budgets are from."""
    named = (file for name, file in now.settings.origins.items() if name.startswith("budgets."))
    return next(named, "configuration")


def parse_share(text: str) -> float:
    """0.1 of `10%` and of `0.1`."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 10:
        raise UsageError(f"--max-regress takes a share, not {text!r}", "--max-regress 10%")
    return share
