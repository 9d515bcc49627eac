"""`perfctl resolve`."""

import typer

from perfctl import alerting, session
from perfctl.actor import actor
from perfctl.alerts import actions
from perfctl.commands import new_app
from perfctl.commands.ack import As, Ids, Note

app = new_app()


@app.command(epilog='Example: perfctl resolve k3x9 -m "index added"')
def resolve(ctx: typer.Context, ids: Ids, message: Note = None, as_: As = None) -> int:
    """Say that it is over; it reopens if what comes after is no better. All of them, or none."""
    who, now = actor(as_), session.begin(ctx)
    session.need_store(now)
    with session.asking(now) as question:
        answer = alerting.act_on(question, now.store, "resolve", ids, actions.resolve, who, message)
    session.reply(now, answer)
    return 0
