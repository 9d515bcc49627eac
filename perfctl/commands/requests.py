"""`perfctl requests`."""

import time
from typing import Annotated

import typer

from perfctl import session
from perfctl.answers.endpoints import resolve_route, split_route
from perfctl.answers.requests import Selection, list_requests
from perfctl.commands import new_app
from perfctl.errors import UsageError
from perfctl.model import Window
from perfctl.options import Format

app = new_app()
FOLLOW_S = 1.0


@app.command(epilog="Example: perfctl requests --slow --since 1h")
def requests(
    ctx: typer.Context,
    slow: Annotated[bool, typer.Option("--slow", help="Above their route's threshold.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Failed or marked as errors.")] = False,
    route: Annotated[
        str | None, typer.Option("--route", help="Only of this route, or GET /route/.")
    ] = None,
    method: Annotated[str | None, typer.Option("--method", help="Only of this method.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Only of this user (pk).")] = None,
    probes: Annotated[bool, typer.Option("--probes", help="List health probes too.")] = False,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            "-f",
            help="Go on: print new ones as they come; csv, tsv and md have one header, json cannot.",
        ),
    ] = False,
) -> int:
    """Single requests, newest first."""
    now = session.begin(ctx)
    most = session.limit_of(now)
    if route:
        method, route = split_route(route, method)
    selection = Selection(slow, failed, route, method, user, probes, most)
    if follow:
        if now.options.format is Format.JSON:
            raise UsageError(
                "--follow has no end, and so no --format json",
                "perfctl requests --follow --format ndjson",
            )
        session.need_store(now)
        return follow_requests(now, selection)
    with session.asking(now) as question:
        if route and session.has_data(question):
            selection = selection._replace(route=resolve_route(question, route))
        answer = list_requests(question, now.config, selection)
    session.reply(now, answer)
    return 0 if answer.coverage.samples else 3


def follow_requests(now: session.Session, selection: Selection) -> int:
    """Print requests as they arrive, oldest first, until interrupted."""
    seen: set[str] = set()
    is_first = True
    since_ms = now.now_ms
    while True:
        now = now._replace(now_ms=int(time.time() * 1000))
        with session.asking(now) as question:
            window = Window(since_ms, now.now_ms + 1)
            everything = selection._replace(most=0)
            answer = list_requests(question._replace(window=window), now.config, everything)
        fresh = [row for row in answer.data["requests"][::-1] if row.request_id not in seen]
        seen = {row.request_id for row in answer.data["requests"]}
        since_ms = max(since_ms, now.now_ms - 60_000)  # a request is known when it has ended
        if fresh:
            session.follow(now, answer._replace(data={"requests": fresh}), is_first=is_first)
            is_first = False
        time.sleep(FOLLOW_S)
