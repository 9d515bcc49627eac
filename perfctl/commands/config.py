"""`perfctl config show`."""

from typing import Annotated

import typer

from perfctl import session
from perfctl.answers.settings import describe_settings
from perfctl.commands import new_app

app = new_app()


@app.callback(no_args_is_help=True)
def config() -> None:
    """The settings in force."""


@app.command(epilog="Example: perfctl config show --origin")
def show(
    ctx: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Where each value comes from.")] = False,
) -> int:
    """Every setting by name, the store first; with --origin the file that says so."""
    now = session.begin(ctx)
    if now.options.limit is None:  # all of them are what is asked for
        now = now._replace(options=now.options._replace(limit=0))
    session.reply(now, describe_settings(now.located, now.settings, with_origin=origin))
    return 0
