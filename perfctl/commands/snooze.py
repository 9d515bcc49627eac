"""`perfctl snooze`."""

from typing import Annotated

import typer

from perfctl import alerting, session, units
from perfctl.actor import actor
from perfctl.alerts import actions
from perfctl.commands import new_app
from perfctl.commands.ack import As, Note
from perfctl.errors import UsageError

app = new_app()
Until = Annotated[
    list[str],
    typer.Argument(metavar="ID… WHEN", help="Alerts, by the begin of their id; then until when."),
]


@app.command(epilog="Example: perfctl snooze k3x9 2h")
def snooze(ctx: typer.Context, ids: Until, message: Note = None, as_: As = None) -> int:
    """Quiet alerts for 2h, or up to a moment to come. All of them, or none."""
    who, now = actor(as_), session.begin(ctx)
    if len(ids) < 2:
        raise UsageError("say which alerts, and until when", "perfctl snooze ID 2h")
    *wanted, until = ids
    action = actions.snooze(units.parse_until(until, now.now_ms))
    session.need_store(now)
    with session.asking(now) as question:
        answer = alerting.act_on(question, now.store, "snooze", wanted, action, who, message)
    session.reply(now, answer)
    return 0
