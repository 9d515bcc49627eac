"""`perfctl endpoints`."""

from typing import Annotated, Any

import typer

from perfctl import session
from perfctl.answers.compare import compare_endpoints
from perfctl.answers.endpoints import Order, summarise_endpoints
from perfctl.commands import new_app

app = new_app()


@app.command(epilog="Example: perfctl endpoints '/items/<int:pk>/' --since 7d")
def endpoints(
    ctx: typer.Context,
    route: Annotated[str | None, typer.Argument(help="Only this route, or GET /route/.")] = None,
    method: Annotated[str | None, typer.Option("--method", help="Only this method.")] = None,
    order: Annotated[Order, typer.Option("--order", help="What comes first.")] = Order.TOTAL,
    probes: Annotated[bool, typer.Option("--probes", help="List health probes too.")] = False,
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare", metavar="7d|deploy:REF", help="With so long ago, or before a deploy."
        ),
    ] = None,
) -> int:
    """What each route does and costs: count, percentiles, errors, queries, N+1, cache.

    With --compare deploy:REF the window is from that deploy to the next, unless --since says else.
    """
    now = session.begin(ctx)
    asked: dict[str, Any] = {"route": route, "method": method, "order": order}
    asked["with_probes"] = probes
    with session.asking(now) as question:
        if compare is None:
            answer = summarise_endpoints(question, now.config, **asked)
        else:
            asked["is_window_said"] = bool(now.options.since or now.options.until)
            answer = compare_endpoints(question, now.config, compare, **asked)
    session.reply(now, answer)
    return 0 if answer.coverage.samples else 3
