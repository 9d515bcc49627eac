"""`perfctl demo`."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from perfctl import demo as site
from perfctl import invocation, session
from perfctl.answers.endpoints import summarise_endpoints
from perfctl.answers.health import WINDOW_MS, check_health
from perfctl.collectors import cycle, host
from perfctl.commands import new_app
from perfctl.errors import UsageError
from perfctl.render.setup import render_next_steps
from perfctl.store import origins

app = new_app()


@app.command(epilog="Example: perfctl demo --visits 2000")
def demo(
    ctx: typer.Context,
    visits: Annotated[int, typer.Option("--visits", min=50, help="How many.")] = site.VISITS,
) -> int:
    """Watch the example site, a password manager in Django, and see what perfctl answers.

    It records into a store of its own, which stays for further questions; yours is not touched.
    """
    now = session.begin(ctx)
    if now.options.db is not None:
        raise UsageError("the demo has a store of its own", "perfctl demo, without --db")
    folder = site.own_folder(os.environ)
    now = session.elsewhere(now, folder / "perfctl.db", "demo")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    site.clear(folder)
    session.make(now)
    with now.console.status("setting up the example site", is_quiet=now.options.quiet) as progress:
        site.drive(folder, now.store, progress, visits)
    now = now._replace(now_ms=int(time.time() * 1000))
    cycle.run(now.store, now.config, now.now_ms, None)
    _show(now)
    return 0


def _show(now: session.Session) -> None:
    with session.asking(now, WINDOW_MS) as question:
        reading = host.read_now(origins.hosts(question.con), None)
        health = check_health(question, now.config, reading)
        endpoints = summarise_endpoints(question, now.config)
    session.reply(now, health)
    now.console.write("\n")
    session.reply(now, endpoints)
    now.console.write(render_next_steps(_tell(now.store), invocation.called(), now.console))


def _tell(store: Path) -> str:
    """How to name the store in the next commands."""
    home = os.environ.get("HOME", "")
    path = str(store)
    return f"~{path[len(home) :]}" if home and path.startswith(f"{home}/") else path
