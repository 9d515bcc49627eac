"""`perfctl unack`."""

import typer

from perfctl import alerting, session
from perfctl.actor import actor
from perfctl.alerts import actions
from perfctl.commands import new_app
from perfctl.commands.ack import As, Ids, Note

app = new_app()


@app.command(epilog="Example: perfctl unack k3x9")
def unack(ctx: typer.Context, ids: Ids, message: Note = None, as_: As = None) -> int:
    """Take an acknowledgement or a snooze back. All of them, or none."""
    who, now = actor(as_), session.begin(ctx)
    session.need_store(now)
    with session.asking(now) as question:
        answer = alerting.act_on(
            question, now.store, "unack", ids, actions.unacknowledge, who, message
        )
    session.reply(now, answer)
    return 0
