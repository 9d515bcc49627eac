"""`perfctl cache`."""

import typer

from perfctl import session
from perfctl.answers.cache import summarise_caches
from perfctl.commands import new_app

app = new_app()


@app.command(epilog="Example: perfctl cache --since 1h --format csv")
def cache(ctx: typer.Context) -> int:
    """Hit rate, operations and time of each cache alias and key prefix."""
    now = session.begin(ctx)
    with session.asking(now) as question:
        answer = summarise_caches(question, now.config)
    session.reply(now, answer)
    return 0 if answer.coverage.samples else 3
