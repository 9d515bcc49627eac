"""`perfctl db info|check|snapshot|migrate|vacuum`."""

from pathlib import Path
from typing import Annotated

import typer

from perfctl import session
from perfctl.answers import upkeep as questions
from perfctl.commands import new_app
from perfctl.store import upkeep
from perfctl.store.connection import StoreDamaged
from perfctl.units import format_bytes

app = new_app()


@app.callback(no_args_is_help=True)
def db() -> None:
    """Look after the store."""


@app.command(epilog="Example: perfctl db info --format json")
def info(ctx: typer.Context) -> int:
    """Size, schema, rows of each table, what was counted on the way."""
    now = session.begin(ctx)
    session.need_store(now)
    with session.asking(now) as question:
        answer = questions.describe_store(question, now.store)
    session.reply(now, answer)
    return 0


@app.command(epilog="Example: perfctl db check")
def check(ctx: typer.Context) -> int:
    """Whether the file is whole, and the rollups hold at least their raw rows; 1 if not."""
    now = session.begin(ctx)
    session.need_store(now)
    try:
        with session.asking(now) as question:
            answer = questions.check_store(question, now.store)
    except StoreDamaged as exc:
        answer = questions.name_damage(now.store, exc.message)
    session.reply(now, answer)
    return 0 if answer.data.is_whole else 1


@app.command(epilog="Example: perfctl db snapshot /backup/perfctl.db")
def snapshot(
    ctx: typer.Context,
    target: Annotated[Path, typer.Argument(help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> int:
    """A consistent copy in one file, while everything goes on."""
    now = session.begin(ctx)
    session.need_store(now)
    target = target.absolute()
    session.enter(now)
    upkeep.copy(now.store, target, force=force)
    now.console.write(f"{target}: {format_bytes(target.stat().st_size)}")
    return 0


@app.command(epilog="Example: perfctl db migrate")
def migrate(ctx: typer.Context) -> int:
    """Bring an older schema up to date, after a snapshot beside the store."""
    now = session.begin(ctx)
    session.need_store(now)
    session.enter(now)
    now.console.write(session.migrate(now))
    return 0


@app.command(epilog="Example: perfctl db vacuum --full")
def vacuum(
    ctx: typer.Context,
    full: Annotated[
        bool, typer.Option("--full", help="Rewrite the file: needs its size in free disk.")
    ] = False,
) -> int:
    """Give free pages back to the file system."""
    now = session.begin(ctx)
    session.need_store(now)
    session.enter(now)
    freed = upkeep.vacuum(now.store, full=full)
    now.console.write(f"{now.store}: {format_bytes(max(0, freed))} given back")
    return 0
