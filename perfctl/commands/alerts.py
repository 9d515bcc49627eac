"""`perfctl alerts list|show|test`."""

from enum import StrEnum
from typing import Annotated

import typer

from perfctl import session
from perfctl.alerts import replay, rules
from perfctl.answers import alerts as questions
from perfctl.answers.alerts import Wanted
from perfctl.commands import new_app

app = new_app(first_by_default=True)


class Status(StrEnum):
    """Where in its life an alert is."""

    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    NO_DATA = "no_data"
    RESOLVED = "resolved"


@app.callback()
def alerts() -> None:
    """What fires, what somebody has seen, what has ended; without a command: list."""


@app.command("list", epilog="Example: perfctl alerts --exit-code")
def list_alerts(
    ctx: typer.Context,
    status: Annotated[
        list[Status] | None, typer.Option("--status", help="Only of this status; repeatable.")
    ] = None,
    severity: Annotated[
        list[rules.Severity] | None, typer.Option("--severity", help="Only so severe; repeatable.")
    ] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Only of this rule.")] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 if any fires, 3 if that is not known.")
    ] = False,
) -> int:
    """All that has not ended, worst first, and what ended in the window (24 h)."""
    now = session.begin(ctx)
    known = rules.parse_rules(now.config)
    wanted = Wanted(status or (), severity or (), rule and rules.find_rule(known, rule).name)
    with session.asking(now) as question:
        answer = questions.list_alerts(question, wanted)
        is_unknown = questions.never_judged(question) and not answer.data["alerts"]
        is_behind = questions.is_behind(question)
    session.reply(now, answer)
    statuses = {row.status for row in answer.data["alerts"]}
    if exit_code and Status.FIRING in statuses:
        return 1
    is_lost = Status.NO_DATA in statuses
    return 3 if is_unknown or (exit_code and (is_behind or is_lost)) else 0


@app.command(epilog="Example: perfctl alerts show k3x9")
def show(
    ctx: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="The alert, by the begin of its id.")],
) -> int:
    """One alert with its history, and what took most of the machine when it opened."""
    now = session.begin(ctx)
    session.need_store(now)
    with session.asking(now) as question:
        answer = questions.show_alert(question, id_)
    session.reply(now, answer)
    return 0


@app.command(
    "test", epilog="Example: perfctl alerts test request_p95 --since 7d --set limit=800 for=10m"
)
def try_rule(
    ctx: typer.Context,
    rule: Annotated[str, typer.Argument(help="The rule to replay.")],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="SETTING…", help="More for --set.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="What to change: limit, target, for, over, samples; repeatable.",
        ),
    ] = None,
) -> int:
    """How often and how long a rule would have fired, on the record; by default all that is kept."""
    now = session.begin(ctx)
    present = rules.find_rule(rules.parse_rules(now.config), rule)
    changes = [*(set_ or ()), *(more or ())]
    proposed = rules.with_settings(present, changes) if changes else None
    session.need_store(now)
    with session.asking(now, replay.kept_ms(present, now.config.retention)) as question:
        answer = replay.replay_rule(question, now.config, present, proposed)
    session.reply(now, answer)
    return 0 if answer.data.is_whole else 3
