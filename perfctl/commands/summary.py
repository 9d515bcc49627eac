"""`perfctl summary`."""

import typer

from perfctl import session
from perfctl.answers.summary import summarise
from perfctl.commands import new_app

app = new_app()


@app.command(epilog="Example: perfctl summary --since 7d")
def summary(ctx: typer.Context) -> int:
    """The window in one screen: totals, slowest and busiest routes, errors, alerts."""
    now = session.begin(ctx)
    with session.asking(now) as question:
        answer = summarise(question, now.config)
    session.reply(now, answer)
    return 0 if answer.coverage.samples else 3
