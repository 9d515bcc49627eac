"""`perfctl forget`."""

import sys
from typing import Annotated

import typer

from perfctl import forgetting, session
from perfctl.commands import new_app
from perfctl.errors import UsageError

app = new_app()


@app.command(epilog="Example: perfctl forget --user 42 --yes")
def forget(
    ctx: typer.Context,
    user: Annotated[
        str, typer.Option("--user", metavar="PK", help="The primary key, or its hash.")
    ],
    secret_env: Annotated[
        str | None,
        typer.Option(
            "--secret-env",
            metavar="NAME",
            help="With HASH_USERS: the variable that holds SECRET_KEY, to find the hash of PK.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Remove what tells that records are of a user; the records stay, so that all sums stay.

    1 where the identifier can still be read somewhere: in a line that came meanwhile, in a copy from
    before a migration beside the store.
    """
    now = session.begin(ctx)
    known = forgetting.identifiers(user, forgetting.secret_from(secret_env))
    session.need_store(now)
    with session.asking(now, is_snapshot=False) as question:
        if not yes:
            _confirm(forgetting.count(question, known), user)
        done = forgetting.forget(now.store, known, now.now_ms)
        answer = forgetting.report(question, done)
    session.reply(now, answer)
    return 1 if done.left else 0


def _confirm(rows: int, user: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask whether to go on", "perfctl forget … --yes")
    typer.confirm(f"Forget that {rows:,} records are of user {user!r}?", abort=True, err=True)
