"""`perfctl init`."""

from typing import Annotated

import typer

from perfctl import invocation, session
from perfctl.commands import new_app
from perfctl.render.setup import render_init

app = new_app()


@app.command(epilog="Example: perfctl --db /srv/vault/.perfctl/perfctl.db init --group web")
def init(
    ctx: typer.Context,
    group: Annotated[
        str | None, typer.Option("--group", help="Share the store with this group.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="As root: whose the new store is.")
    ] = None,
) -> int:
    """Create the store, or leave it as it is; print the Django lines to paste."""
    now = session.begin(ctx)
    is_new = session.make(now, group=group, owner=owner)
    now.console.write(render_init(str(now.store), is_new, invocation.program(), now.console))
    return 0
