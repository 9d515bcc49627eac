"""`perfctl endpoints`."""

from typing import Annotated

import typer

from perfctl import session
from perfctl.answers.endpoints import Order, summarise_endpoints
from perfctl.commands import new_app

app = new_app()


@app.command(epilog="Example: perfctl endpoints '/items/<int:pk>/' --since 7d")
def endpoints(
    ctx: typer.Context,
    route: Annotated[str | None, typer.Argument(help="Only this route.")] = None,
    method: Annotated[str | None, typer.Option("--method", help="Only this method.")] = None,
    order: Annotated[Order, typer.Option("--order", help="What comes first.")] = Order.TOTAL,
    probes: Annotated[bool, typer.Option("--probes", help="List health probes too.")] = False,
) -> int:
    """What each route does and costs: count, percentiles, errors, queries, N+1, cache."""
    now = session.begin(ctx)
    with session.asking(now) as question:
        answer = summarise_endpoints(
            question,
            now.config,
            route=route,
            method=method,
            order=order,
            with_probes=probes,
        )
    session.reply(now, answer)
    return 0 if answer.coverage.samples else 3
