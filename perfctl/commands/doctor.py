"""`perfctl doctor`."""

import typer

from perfctl import invocation, session
from perfctl.answers import doctor as questions
from perfctl.commands import new_app

app = new_app()


@app.command(epilog="Example: perfctl doctor")
def doctor(ctx: typer.Context) -> int:
    """Find what keeps perfctl from working; 1 if there is a problem."""
    now = session.begin(ctx)
    with session.examining(now) as question:
        found = questions.examine(
            question, now.store, origin=now.located.origin, program=invocation.program()
        )
    session.reply(now, found)
    if questions.has_problem(found):
        return 1
    return 0 if now.store.exists() else 3
