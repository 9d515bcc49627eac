"""`perfctl deploy list|mark`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from perfctl import session, settings, units
from perfctl.answers.deploys import describe_mark, list_deploys
from perfctl.collectors import deploys as actions
from perfctl.collectors import packages
from perfctl.collectors import release as release_
from perfctl.commands import new_app
from perfctl.errors import NoDataError, UsageError
from perfctl.session import Session

app = new_app(first_by_default=True)


@app.callback(no_args_is_help=False)
def deploy() -> None:
    """What was deployed when, and with which packages."""


@app.command("list", epilog="Example: perfctl deploy list")
def list_all(ctx: typer.Context) -> int:
    """Deploys, newest first, with what each changed in the packages; `deploy` alone does the same.

    Those without a mark were seen: a new release answered its first request then.
    """
    now = session.begin(ctx)
    with session.asking(now) as question:
        answer = list_deploys(question)
    session.reply(now, answer)
    return 0 if answer.coverage.samples else 3


@app.command(epilog="Example: perfctl deploy mark v1.4.2")
def mark(
    ctx: typer.Context,
    ref: Annotated[str | None, typer.Argument(help="A version, a tag or a commit.")] = None,
    auto: Annotated[
        bool,
        typer.Option("--auto", help="Add what CI, the host, .git or a REVISION file say."),
    ] = False,
    release: Annotated[
        str | None,
        typer.Option("--release", metavar="NAME", help="As the requests name it [default: REF]."),
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option("--environment", metavar="NAME", help="As the requests name it."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="WHEN", help="When it was [default: now].")
    ] = None,
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="Whose packages: this interpreter's."),
    ] = None,
    venv: Annotated[
        str | None,
        typer.Option("--venv", metavar="DIR", help="Whose packages: this environment's."),
    ] = None,
) -> int:
    """Put a release on the time line, with the packages that it runs with.

    Without a REF it looks for one itself, as with --auto. The packages are those of --venv or
    --python, else of the active virtual environment, else of the project's .venv, else of perfctl's.
    """
    now = session.begin(ctx)
    at_ms = _moment(now, at)
    release = release or now.options.release
    folders = actions.places(now.store, Path.cwd())
    found = release_.Release()
    if auto or (ref is None and release is None):
        found = _detect(folders, is_needed=ref is None and release is None)
    said = release_.named(ref, release, environment, found)
    held = packages.find_environment(os.environ, folders, python=python, venv=venv)
    contents = packages.read_packages(held)
    session.ensure(now)
    host, _ = settings.host_name(os.environ)
    marked = actions.mark(now.store, said, held, contents, host, at_ms)
    with session.asking(_unfiltered(now)) as question:
        answer = describe_mark(
            question, marked.deploy, held.text, contents.unreadable, is_new=marked.is_new
        )
    session.reply(now, answer)
    return 0


def _unfiltered(now: Session) -> Session:
    """What names a question's window and origins does not hold for a mark that was just set."""
    said = now.options._replace(host=None, release=None, since=None, until=None, source=None)
    return now._replace(options=said)


def _moment(now: Session, at: str | None) -> int:
    at_ms = now.now_ms if at is None else units.parse_moment(at, now.now_ms)
    if at_ms > now.now_ms:
        raise UsageError(f"--at {at} lies in the future", "mark a deploy when it is done")
    return at_ms


def _detect(folders: tuple[Path, ...], *, is_needed: bool) -> release_.Release:
    found = release_.detect(os.environ, folders)
    if is_needed and not (found.release or found.commit_id):
        raise NoDataError(
            "nothing says what is deployed here: no variable of CI or a host, no .git, no REVISION",
            "perfctl deploy mark REF",
        )
    return found
