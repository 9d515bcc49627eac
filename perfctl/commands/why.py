"""`perfctl why`."""

from typing import Annotated

import typer

from perfctl import session, units
from perfctl.answers.why import CANNOT_TELL, explain
from perfctl.commands import new_app

app = new_app()


@app.command(epilog="Example: perfctl why 'GET /items/<int:pk>/' --since 7d")
def why(
    ctx: typer.Context,
    subject: Annotated[
        str, typer.Argument(help="A route, an alert's id, or a metric such as request_p95.")
    ],
    metric: Annotated[
        str | None,
        typer.Option("--metric", metavar="NAME", help="Of a route: queries, error_rate …"),
    ] = None,
    around: Annotated[
        str,
        typer.Option("--around", metavar="30m", help="How far from the change a cause may lie."),
    ] = "30m",
) -> int:
    """When it changed, what changed around that, ranked with the evidence, and what it was not.

    It judges by time and figures: what it names first is the likeliest cause, not a proven one.
    """
    now = session.begin(ctx)
    around_ms = units.parse_duration(around)
    is_window_said = bool(now.options.since or now.options.until)
    with session.asking(now) as question:
        answer = explain(
            question,
            now.config,
            subject,
            metric=metric,
            around_ms=around_ms,
            is_window_said=is_window_said,
        )
    session.reply(now, answer)
    return 3 if answer.data["verdict"] == CANNOT_TELL else 0
