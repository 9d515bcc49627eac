"""What a command begins with: which store, whose, under which settings, and what waits for it."""

import contextlib
import gc
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer

from perfctl import options, settings, units
from perfctl.answers.answer import Answer, Question
from perfctl.config import Config
from perfctl.console import Console
from perfctl.errors import NoDataError, PerfctlError, StoreError, UsageError
from perfctl.model import Filters, Source, Window
from perfctl.options import Options
from perfctl.render.face import show
from perfctl.store import connection, ownership, place
from perfctl.store.connection import StoreBusy
from perfctl.visible import visible

DRAIN_BUDGET_S = 2.0
DAY_MS = 24 * 3_600_000


class Session(NamedTuple):
    """The surroundings of one command."""

    console: Console
    options: Options
    located: settings.Located
    settings: settings.Settings
    now_ms: int

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.settings.config

    @property
    def store(self) -> Path:
        """The path of the store."""
        return self.located.path


def begin(ctx: typer.Context) -> Session:
    """Find the store and the settings; nothing is opened or made."""
    gc.freeze()  # `__main__` kept the collector off while modules were loaded
    gc.enable()
    said = options.read(ctx)
    console: Console = ctx.find_root().obj["console"]
    if said.no_color:
        console = console.without_color()
    here = Path.cwd()
    located = settings.find_store(said.db, os.environ, here)
    ownership.check_reachable(located.path)
    loaded = settings.load_config(said.config, os.environ, here, store=located)
    if not said.quiet:
        for warning in loaded.warnings:
            console.note(f"perfctl: {warning}")
    return Session(console, said, located, loaded, int(time.time() * 1000))


def enter(session: Session) -> tuple[str, ...]:
    """Become the owner of the store and refuse where it cannot be safe; before it is opened."""
    ownership.become_owner(session.store)
    return place.check(session.store)


def make(session: Session, *, group: str | None = None, owner: str | None = None) -> bool:
    """Make the store where there is none yet; True if it was made."""
    if os.geteuid():
        ownership.become_owner(session.store, owner=owner)  # another user's is not even looked at
    is_new = not session.store.exists()
    group = group or (session.config.group if is_new else None)
    made = place.prepare(session.store, group=group, owner=owner)
    try:
        ownership.become_owner(session.store)
        if not is_new and connection.is_behind(session.store):
            migrate(session)
        connection.create(session.store)
    except BaseException:  # what is refused is left as it was
        place.remove(made)
        raise
    return is_new


def ensure(session: Session) -> None:
    """Make the store where there is none, and say so: without a spool it may be a mistyped path."""
    is_fed = place.spool_folder(session.store).exists()
    if make(session) and not is_fed:
        session.console.note(
            f"perfctl: {visible(str(session.store))} (from {session.located.origin})"
            " did not exist: a new store was made there"
        )


@contextlib.contextmanager
def asking(
    session: Session,
    default_ms: int = DAY_MS,
    *,
    budget_s: float | None = DRAIN_BUDGET_S,
    is_snapshot: bool = True,
) -> Iterator[Question]:
    """A question to the store as it is now, after up to 2 s of bringing in what waits.

    With a budget of None all of it is brought in. A store that does not exist is not made, unless
    its spool waits: the answer is then empty. All of it is read from one snapshot, which what
    deletes rows does without: it would keep their pages.
    """
    said = session.options
    is_deploy = _names_deploy(said)
    window = None if is_deploy else window_of(session, default_ms)
    filters = Filters(_source(said.source), said.host, said.release)
    warnings = enter(session)
    waiting, hindrances = _bring_in(session, budget_s)
    opened = (
        connection.reading(session.store)
        if session.store.exists()
        else connection.reading_nothing()
    )
    with opened as con:
        if connection.version(con) > connection.SCHEMA_VERSION:
            warnings += ("the store has the schema of a newer perfctl: read, not written",)
        if window is None:
            window = _window_of_deploys(con, session, default_ms)
        _check_names(con, filters)
        if is_snapshot:
            con.execute("BEGIN")
        yield Question(con, session.now_ms, window, filters, waiting, warnings + hindrances)


def _names_deploy(said: Options) -> bool:
    """Whether an edge of the window is a deploy, of which only the store knows when it was."""
    return any((edge or "").startswith("deploy:") for edge in (said.since, said.until))


def _window_of_deploys(con: sqlite3.Connection, session: Session, default_ms: int) -> Window:
    """`--since deploy:REF` is from a deploy to the next one, `--until deploy:REF` up to a deploy."""
    from perfctl.answers import timeline  # few questions are about a deploy

    said = session.options
    return timeline.parse_window(con, said.since, said.until, session.now_ms, default_ms)


def _bring_in(session: Session, budget_s: float | None) -> tuple[int, tuple[str, ...]]:
    """Bytes that still wait, and what hindered."""
    if not _has_segments(session.store):
        return 0, ()
    from perfctl import ingest  # most questions find nothing that waits

    warnings: tuple[str, ...] = ()
    try:
        if not session.store.exists():
            make(session)
        drained = ingest.drain(
            session.store, session.now_ms, budget_s=budget_s, retention=session.config.retention
        )
        warnings = drained.remarks
        if drained.is_complete:
            return 0, warnings
    except StoreBusy:
        pass
    except StoreError as exc:
        warnings = (f"what waits in the spool is not counted: {exc.message}",)
    return ingest.pending_bytes(session.store), warnings


def _check_names(con: sqlite3.Connection, filters: Filters) -> None:
    """UsageError for a host or a release that never reported, with those that did."""
    from perfctl.store import origins

    for name, said, known in (
        ("host", filters.host, origins.hosts),
        ("release", filters.release, origins.releases),
    ):
        if said is not None and (found := known(con)) and said not in found:
            raise UsageError(f"no {name} {said!r} has reported", f"one of {', '.join(found[:8])}")


def _has_segments(store: Path) -> bool:
    try:
        with os.scandir(place.spool_folder(store)) as entries:
            return any(entry.name.endswith(".spool") for entry in entries)
    except OSError:
        return False


def _source(said: str | None) -> str:
    if said is None:
        return Source.LIVE
    if said not in set(Source):
        raise UsageError(f"unknown source {said!r}", f"one of {', '.join(Source)}")
    return said


def reply(session: Session, answer: Answer, **shown: Any) -> bool:
    """Print an answer in the face that was asked for; False where nobody reads it any more.

    A finding stays a finding: `perfctl … | head` ends with the command's own exit code.
    """
    text = show(
        answer,
        session.console,
        session.options.format,
        store=str(session.store),
        limit=session.options.limit,
        now_ms=session.now_ms,
        **shown,
    )
    try:
        session.console.write(text)
    except BrokenPipeError:
        session.console.abandon()
        return False
    return True


def window_of(session: Session, default_ms: int = DAY_MS) -> Window:
    """The window that was asked for."""
    said = session.options
    return units.parse_window(said.since, said.until, session.now_ms, default_ms)


def need_store(session: Session) -> None:
    """NoDataError where there is no store and nothing waits for one."""
    if not session.store.exists() and not _has_segments(session.store):
        raise NoDataError(
            f"there is no store at {session.store} (from {session.located.origin})", "perfctl init"
        )


def limit_of(session: Session, default: int = 20) -> int:
    """How many rows to list; 0 is all, and what other faces than the table list by default."""
    said = session.options
    if said.limit is not None:
        return said.limit
    return default if said.format is options.Format.TABLE else 0


def migrate(session: Session) -> str:
    """Bring the schema up to date after a snapshot; says what was done."""
    from perfctl.store import upkeep

    with connection.reading(session.store) as con:
        found = connection.version(con)
        if found > connection.SCHEMA_VERSION:
            connection.check_own_version(con, session.store)
    if found == connection.SCHEMA_VERSION:
        return f"{session.store}: schema {found} is up to date"
    kept = session.store.with_name(f"{session.store.name}.before-{connection.SCHEMA_VERSION}")
    upkeep.copy(session.store, kept, force=True)
    connection.migrate(session.store)
    return f"{session.store}: schema {found} → {connection.SCHEMA_VERSION}; before it: {kept}"


def follow(session: Session, answer: Answer, *, is_first: bool) -> None:
    """Print the rows of an answer as they come, a line each; a header before the first."""
    from perfctl.render.requests import render_request_lines
    from perfctl.render.rows import to_rows

    face = session.options.format
    if face is options.Format.TABLE:
        session.console.write(render_request_lines(answer, session.console))
    else:
        session.console.write(to_rows(answer, face, with_header=is_first))


@contextlib.contextmanager
def examining(session: Session) -> Iterator[Question]:
    """A question to a store that may be damaged: what cannot be opened is asked as if empty."""
    ownership.become_owner(session.store)
    with contextlib.ExitStack() as stack:
        try:
            con = stack.enter_context(connection.reading(session.store))
        except PerfctlError:
            con = stack.enter_context(connection.reading_nothing())
        yield Question(con, session.now_ms, window_of(session))


def elsewhere(session: Session, store: Path, origin: str) -> Session:
    """The same session about another store."""
    return session._replace(located=settings.Located(store, origin))


def has_data(question: Question) -> bool:
    """Whether the window holds any request; without, an unknown route is not told from a known one."""
    from perfctl.store import requests

    since_ms, until_ms = question.window
    wanted = requests.Question(since_ms, until_ms, question.filters.source, kind=None, most=1)
    return bool(requests.select(question.con, wanted))
