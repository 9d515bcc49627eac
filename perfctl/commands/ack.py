"""`perfctl ack`."""

from typing import Annotated

import typer

from perfctl import alerting, session
from perfctl.actor import actor, note
from perfctl.alerts import actions
from perfctl.commands import new_app

app = new_app()
Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Alerts, by the begin of their id.")]
Note = Annotated[
    str | None, typer.Option("-m", "--message", metavar="TEXT", help="Why.", callback=note)
]
As = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Who says so [default: the login name].")
]


@app.command(epilog='Example: perfctl ack k3x9 -m "rolling back 1.4.2"')
def ack(ctx: typer.Context, ids: Ids, message: Note = None, as_: As = None) -> int:
    """Say that somebody is on it: quiet until it ends or gets worse. All of them, or none."""
    who, now = actor(as_), session.begin(ctx)
    session.need_store(now)
    with session.asking(now) as question:
        answer = alerting.act_on(question, now.store, "ack", ids, actions.acknowledge, who, message)
    session.reply(now, answer)
    return 0
