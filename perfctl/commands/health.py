"""`perfctl health`."""

from enum import StrEnum
from typing import Annotated

import typer

from perfctl import session
from perfctl.answers import health
from perfctl.answers.health import Status
from perfctl.collectors import host
from perfctl.commands import new_app
from perfctl.store import origins

app = new_app()


class FailOn(StrEnum):
    """From which status on the exit code is 1."""

    WARNING = "warning"
    CRITICAL = "critical"
    NEVER = "never"


_FAILS = {
    FailOn.WARNING: {Status.WARNING, Status.CRITICAL},
    FailOn.CRITICAL: {Status.CRITICAL},
    FailOn.NEVER: set(),
}


@app.command(epilog="Example: perfctl health --fail-on warning --format json")
def check(
    ctx: typer.Context,
    system: Annotated[
        bool, typer.Option("--system", help="Only the machine; needs no requests, no store.")
    ] = False,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Exit 1 from this status on.")
    ] = FailOn.CRITICAL,
) -> int:
    """Is it well now? The worst check decides; `unknown` is exit 3, never ok."""
    now = session.begin(ctx)
    with session.asking(now, health.WINDOW_MS) as question:
        reading = host.read_now(origins.hosts(question.con), now.options.host)
        answer = health.check_health(question, now.config, reading, system_only=system)
    session.reply(now, answer)
    if any(check.status in _FAILS[fail_on] for check in answer.data.checks):
        return 1
    return 3 if answer.data.status is Status.UNKNOWN else 0
