"""One verb a module: parse options, call one answer or action, hand it to render."""

from typing import Any

import typer
from typer.core import TyperGroup


class Group(TyperGroup):
    """A group whose help is not cut."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands, each with the whole first paragraph of its help."""
        rows = [
            (name, " ".join((command.help or "").partition("\n\n")[0].split()))
            for name, command in self.commands.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class FirstByDefault(Group):
    """A group whose first command is meant where none is named: `errors` is `errors list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the first command where the line has only options, or nothing."""
        is_first_meant = not self._names_a_word(args) and not {"-h", "--help"}.intersection(args)
        if is_first_meant:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)

    def _names_a_word(self, args: list[str]) -> bool:
        """Whether a command, or what should be one, stands behind the options of the group."""
        own = {name: param for param in self.params for name in param.opts}
        rest = iter(args)
        for arg in rest:
            if not arg.startswith("-"):
                return True
            is_long = arg.startswith("--")
            param = own.get(arg.partition("=")[0] if is_long else arg[:2])
            if param is None:  # one of the first command's
                return False
            takes_next = "=" not in arg if is_long else len(arg) == 2
            if takes_next and not getattr(param, "is_flag", False):
                next(rest, None)
        return False


def new_app(*, first_by_default: bool = False) -> typer.Typer:
    """An app for one command's module, plain: rich's help costs 90 ms at start."""
    return typer.Typer(
        cls=FirstByDefault if first_by_default else Group,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=False,
    )
