"""`perfctl collect`."""

import time
from typing import Annotated

import typer

from perfctl import session, units
from perfctl.collectors import cycle
from perfctl.commands import new_app
from perfctl.errors import UsageError

app = new_app()


@app.command(epilog="Example: * * * * * perfctl --db /srv/vault/.perfctl/perfctl.db collect -q")
def collect(
    ctx: typer.Context,
    every: Annotated[
        str | None, typer.Option("--every", metavar="10s", help="Stay, and collect so often.")
    ] = None,
) -> int:
    """Take a system sample, bring in all that waits, tidy up; once, or as a loop."""
    now = session.begin(ctx)
    interval_ms = None if every is None else units.parse_duration(every)
    if interval_ms is not None and interval_ms < 1000:
        raise UsageError("--every must be at least 1s", "perfctl collect --every 10s")
    session.ensure(now)
    while True:
        answer = cycle.run(now.store, now.config, int(time.time() * 1000), interval_ms)
        is_read = now.options.quiet or session.reply(now, answer)
        if interval_ms is None or not is_read:
            return 0
        time.sleep(interval_ms / 1000)
