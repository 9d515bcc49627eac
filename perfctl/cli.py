"""Mounts the commands and turns whatever they raise into an exit code.

A command's module is imported when it is asked for, and only then: `perfctl health` must not pay
for `perfctl query`.
"""

import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from perfctl import __version__
from perfctl.console import Console
from perfctl.errors import PerfctlError
from perfctl.options import global_params

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter


class Entry(NamedTuple):
    """One command: its name, the module under `perfctl.commands`, its heading and its help."""

    name: str
    module: str
    heading: str
    help: str


COMMANDS = (
    Entry("health", "health", "Ask", "Is it well now? System, requests, freshness, alerts."),
    Entry("summary", "summary", "Ask", "The window in one screen."),
    Entry("endpoints", "endpoints", "Ask", "What each route does and costs."),
    Entry("requests", "requests", "Ask", "Single requests, newest first."),
    Entry("database", "database", "Ask", "Query patterns, their cost, and N+1 call sites."),
    Entry("cache", "cache", "Ask", "Hit rate of each cache and key prefix."),
    Entry("alerts", "alerts", "Ask", "What fires and what ended: list, show, test a rule."),
    Entry("errors", "errors", "Ask", "Groups of errors: list, show, resolve, ignore, reopen."),
    Entry("why", "why", "Ask", "When something changed, what else did then, and what did not."),
    Entry("deploy", "deploy", "Ask", "What was deployed when, with which packages: list, mark."),
    Entry("deps", "deps", "Ask", "Are the packages safe and current? Exit 3 if not all is known."),
    Entry("ci", "ci", "Ask", "May this be merged? Budgets, and a baseline; for CI."),
    Entry("query", "query", "Ask", "Your own SQL on the store, read-only."),
    Entry("init", "init", "Set up", "Create the store and print the Django lines to paste."),
    Entry("demo", "demo", "Set up", "Watch the example site and see what perfctl answers."),
    Entry("config", "config", "Set up", "Show the settings in force and where they come from."),
    Entry(
        "collect", "collect", "Gather", "Take a system sample and bring in what waits; for cron."
    ),
    Entry("ack", "ack", "Act", "Say that somebody is on it: quiet until it ends or gets worse."),
    Entry("unack", "unack", "Act", "Take an acknowledgement or a snooze back."),
    Entry("snooze", "snooze", "Act", "Quiet an alert for a time."),
    Entry("resolve", "resolve", "Act", "Say that an alert is over."),
    Entry("db", "db", "Keep", "Look after the store: info, check, snapshot, migrate, vacuum."),
    Entry("prune", "prune", "Keep", "Delete what is older than its retention."),
    Entry("forget", "forget", "Keep", "Remove what tells that records are of a user."),
    Entry("doctor", "doctor", "Keep", "Find what keeps perfctl from working."),
)
_BY_NAME = {entry.name: entry for entry in COMMANDS}


class PerfctlGroup(TyperGroup):
    """Loads a command when it is called, and gives it the global options."""

    def list_commands(self, ctx: "Context") -> list[str]:
        """The names, in the order of the help."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":
        """The command of that name, with the global options behind its own."""
        entry = _BY_NAME.get(cmd_name)
        if entry is None:
            return None
        ctx.find_root().ensure_object(dict)["command"] = cmd_name
        module = import_module(f"perfctl.commands.{entry.module}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        add_globals(command)
        return command

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> "tuple[str | None, Command | None, list[str]]":
        """The command that is called; for an unknown one the nearest are named."""
        try:
            return super().resolve_command(ctx, args)
        except TyperException as exc:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _BY_NAME)
            if near:
                names = ", ".join(f"'{name}'" for name in near)
                exc.message = f"{exc.message.rstrip('.')}. Did you mean {names}?"
            raise

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """The commands by heading, without importing any."""
        for heading in dict.fromkeys(entry.heading for entry in COMMANDS):
            rows = [(entry.name, entry.help) for entry in COMMANDS if entry.heading == heading]
            with formatter.section(heading):
                formatter.write_dl(rows)


def add_globals(command: Any) -> None:
    """Let a command and its own subcommands take the global options behind the verb too."""
    for subcommand in getattr(command, "commands", {}).values():
        add_globals(subcommand)
    for param in command.params:
        if param.param_type_name == "argument":
            param.metavar = param.metavar or param.name.upper()
            param.make_metavar = partial(_name_argument, param)
    own = {option for param in command.params for option in param.opts}
    command.params.extend(p for p in global_params() if not own.intersection(p.opts))
    command.context_settings.setdefault("help_option_names", ["-h", "--help"])


def _name_argument(param: Any, ctx: "Context", *, usage: bool = False) -> str:
    """An argument as the reference writes it: `ID…`, `[ROUTE]`."""
    return f"[{param.metavar}]" if usage and not param.required else str(param.metavar)


app = typer.Typer(
    cls=PerfctlGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine, 1 a finding, 2 wrong usage, 3 cannot tell, 4 environment, "
    "130 interrupted. Example: perfctl health --format json",
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"perfctl {__version__}")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def perfctl(
    ctx: typer.Context,
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """The performance record of a Django + React product in one SQLite file."""


def run(arguments: Sequence[str], console: Console) -> int:
    """Run one command line; the exit code of DESIGN §7."""
    group = typer.main.get_command(app)
    group.params.extend(global_params())
    options: dict[str, Any] = {"console": console}
    try:
        code = group.main(list(arguments), prog_name="perfctl", standalone_mode=False, obj=options)
        return code if isinstance(code, int) else 0
    except PerfctlError as exc:
        if exc.exit_code == 3 and options.get("format") == "json":
            console.write(_say_nothing(exc, options))
        console.fail(exc.message, exc.hint)
        return exc.exit_code
    except TyperException as exc:
        return _usage(exc, console)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except SystemExit as exc:  # typer's own answer to a broken pipe is 1, which is a finding
        if isinstance(exc.__context__, BrokenPipeError):
            console.abandon()
            return 0
        return exc.code if isinstance(exc.code, int) else 1
    except OSError as exc:  # no room, no rights: the place, not perfctl
        name = f": {exc.filename}" if exc.filename else ""
        console.fail(f"{exc.strerror or exc}{name}")
        return 4
    except Exception as exc:  # the boundary: a bug must not look like a finding
        return _bug(exc, console, is_verbose=bool(options.get("verbose")))


def _say_nothing(exc: PerfctlError, options: dict[str, Any]) -> str:
    """The envelope of an answer that cannot be given: exit 3 prints it whole."""
    from time import time

    from perfctl.answers.answer import Answer
    from perfctl.model import Coverage
    from perfctl.render.envelope import to_json

    nothing = Coverage(0, (), 0, 0, None)
    answer = Answer(options.get("command", "perfctl"), None, nothing, None, (exc.message,))
    return to_json(answer, int(time() * 1000))


def _usage(exc: TyperException, console: Console) -> int:
    context = getattr(exc, "ctx", None)
    if type(exc).__name__ == "NoArgsIsHelpError" and context is not None:
        console.note(context.get_help())  # beside the result, of which there is none
        return exc.exit_code
    path = context.command_path if context is not None else "perfctl"
    console.fail(_wording(exc).rstrip("."), f"{path} -h")
    return 2


def _wording(exc: TyperException) -> str:
    param = getattr(exc, "param", None)
    lowest = getattr(getattr(param, "type", None), "min", None)
    if param is None or lowest is None:
        return str(exc.format_message())
    return f"{param.opts[0]}: say a number from {lowest:g}"


def _bug(exc: Exception, console: Console, *, is_verbose: bool) -> int:
    if is_verbose:
        import traceback

        console.note("".join(traceback.format_exception(exc)))
    console.fail(
        f"a bug in perfctl {__version__}: {type(exc).__name__}: {exc}",
        "the same command with -v, and report what it prints",
    )
    return 4


def main() -> NoReturn:
    """The entry point `perfctl`."""
    null = Path(os.devnull)
    sys.stdout = sys.stdout or null.open("w")  # closed by who called: `>&-`
    sys.stderr = sys.stderr or null.open("w")
    console = Console.detect(sys.stdout, sys.stderr, os.environ)
    code = run(sys.argv[1:], console)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        console.abandon()
    except OSError as exc:
        code = 4
        console.fail(str(exc.strerror))
    sys.exit(code)
