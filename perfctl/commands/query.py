"""`perfctl query`."""

from typing import Annotated

import typer

from perfctl import session
from perfctl.answers.answer import answer
from perfctl.commands import new_app
from perfctl.store import sql

app = new_app()


@app.command(
    epilog='Example: perfctl query "SELECT route, avg(duration_ms) FROM v_requests GROUP BY 1"'
)
def query(
    ctx: typer.Context,
    statement: Annotated[str, typer.Argument(help="One SELECT, or .views to list the views.")],
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds that it may take.")
    ] = 10.0,
) -> int:
    """Your own SQL on the stable views, read-only and bounded in time."""
    now = session.begin(ctx)
    session.need_store(now)
    with session.asking(now) as question:
        command = "query"
        if statement == ".views":
            command = "query.views"
            table = sql.Table(["view", "columns"], list(sql.views(question.con)))
        else:
            table = sql.run(question.con, statement, timeout)
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        found = answer(question, command, {"rows": rows}, len(rows))
    session.reply(now, found)
    return 0
