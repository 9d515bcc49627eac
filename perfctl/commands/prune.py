"""`perfctl prune`."""

from typing import Annotated

import typer

from perfctl import retention, session
from perfctl.capping import cap_of
from perfctl.commands import new_app
from perfctl.prune_report import report

app = new_app()


@app.command(epilog="Example: perfctl prune --keep requests=7d --dry-run")
def prune(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="KIND=TIME", help="Instead of the configured retention."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also where more than half would go.")
    ] = False,
) -> int:
    """Delete what is older than its retention, and give the room back; 3 if the clock is in doubt.

    `collect` does it by itself once an hour. What open alerts and unresolved errors refer to stays.
    """
    now = session.begin(ctx)
    config = retention.read_keep(now.config, keep or ())
    cap, kept = cap_of(config), config.retention
    session.need_store(now)
    with session.asking(now, is_snapshot=False) as question:
        if dry_run:
            done = retention.foresee(question.con, kept, now.now_ms, cap, force=force)
        else:
            done = retention.prune(now.store, kept, now.now_ms, cap, force=force)
        answer = report(question, done, kept, cap, dry_run=dry_run)
    session.reply(now, answer)
    return 3 if done.refused else 0
