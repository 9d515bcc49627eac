"""`perfctl database`."""

from typing import Annotated

import typer

from perfctl import session
from perfctl.answers.database import Order, summarise_database
from perfctl.answers.endpoints import resolve_route
from perfctl.commands import new_app

app = new_app()


@app.command(epilog="Example: perfctl database --n-plus-one --since 7d")
def database(
    ctx: typer.Context,
    route: Annotated[str | None, typer.Option("--route", help="Only of this route.")] = None,
    n_plus_one: Annotated[
        bool, typer.Option("--n-plus-one", help="Only N+1, with their call sites.")
    ] = False,
    order: Annotated[Order, typer.Option("--order", help="What comes first.")] = Order.TOTAL,
) -> int:
    """Query patterns by the time they took, and the lines that ask once per row."""
    now = session.begin(ctx)
    with session.asking(now) as question:
        answer = summarise_database(
            question,
            now.config,
            route=resolve_route(question, route) if route and session.has_data(question) else route,
            only_n_plus_one=n_plus_one,
            order=order,
        )
    session.reply(now, answer)
    return 0 if answer.coverage.samples else 3
