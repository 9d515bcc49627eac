"""`perfctl errors list|show|resolve|ignore|reopen`."""

from enum import StrEnum
from typing import Annotated

import typer

from perfctl import session, triage
from perfctl.actor import actor
from perfctl.answers import errors as questions
from perfctl.answers.endpoints import resolve_route
from perfctl.answers.errors import Wanted
from perfctl.commands import new_app
from perfctl.commands.ack import As, Note

app = new_app(first_by_default=True)
Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Groups, by the begin of their id.")]


class Status(StrEnum):
    """How a group stands."""

    OPEN = "open"
    REGRESSED = "regressed"
    RESOLVED = "resolved"
    IGNORED = "ignored"


@app.callback()
def errors() -> None:
    """Errors of backend and front end, grouped by type and own code; without a command: list."""


@app.command("list", epilog="Example: perfctl errors --status open --since 7d")
def list_groups(
    ctx: typer.Context,
    status: Annotated[
        list[Status] | None, typer.Option("--status", help="Only of this status; repeatable.")
    ] = None,
    route: Annotated[str | None, typer.Option("--route", help="Only of this route.")] = None,
    new: Annotated[bool, typer.Option("--new", help="Only first seen in the window.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 if any is open or regressed.")
    ] = False,
) -> int:
    """Groups of the window with count, users, first and last seen: what wants somebody first."""
    now = session.begin(ctx)
    with session.asking(now) as question:
        found_route = route and resolve_route(question, route)
        wanted = Wanted(status or (), found_route, new, now.options.source)
        answer = questions.list_errors(question, wanted)
        is_unfed = questions.was_never_fed(question)
    session.reply(now, answer)
    if exit_code and questions.has_open(answer):
        return 1
    return 3 if is_unfed else 0


@app.command(epilog="Example: perfctl errors show 3f2a")
def show(
    ctx: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="The group, by the begin of its id.")],
) -> int:
    """One group: own frames, over time, by release, browser and route, the last requests, history."""
    now = session.begin(ctx)
    most = session.limit_of(now, 10)
    with session.asking(now, now.config.retention.errors_ms) as question:
        whole_life = now.options.since is None
        answer = questions.show_error(question, id_, most=most, whole_life=whole_life)
    session.reply(now, answer)
    return 0


@app.command(epilog='Example: perfctl errors resolve 3f2a 9c01 -m "fixed in 1.4.3"')
def resolve(
    ctx: typer.Context,
    ids: Ids,
    message: Note = None,
    next_release: Annotated[
        bool, typer.Option("--next-release", help="Releases seen so far may go on with it.")
    ] = False,
    as_: As = None,
) -> int:
    """Say that groups are mended; one that occurs again is `regressed`. All of them, or none."""
    who, now = actor(as_), session.begin(ctx)
    session.need_store(now)
    with session.asking(now) as question:
        answer = triage.resolve(question, now.store, ids, who, message, next_release=next_release)
    session.reply(now, answer)
    return 0


@app.command(epilog="Example: perfctl errors ignore 3f2a --until 7d")
def ignore(
    ctx: typer.Context,
    ids: Ids,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="For 7d, or up to 2026-12-01.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", min=1, metavar="N", help="For N more occurrences.")
    ] = None,
    message: Note = None,
    as_: As = None,
) -> int:
    """Let groups want nobody: for good, for a time, or for so many more. All of them, or none."""
    who, now = actor(as_), session.begin(ctx)
    terms = triage.read_terms(until, count, now.now_ms)
    session.need_store(now)
    with session.asking(now) as question:
        answer = triage.ignore(question, now.store, ids, who, message, terms)
    session.reply(now, answer)
    return 0


@app.command(epilog="Example: perfctl errors reopen 3f2a")
def reopen(ctx: typer.Context, ids: Ids, message: Note = None, as_: As = None) -> int:
    """Take back that groups are resolved or ignored. All of them, or none."""
    who, now = actor(as_), session.begin(ctx)
    session.need_store(now)
    with session.asking(now) as question:
        answer = triage.reopen(question, now.store, ids, who, message)
    session.reply(now, answer)
    return 0
