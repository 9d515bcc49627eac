"""One verb a module: parse options, call one answer or action, hand it to render."""

from typing import Any

import typer
from typer.core import TyperGroup


class FirstByDefault(TyperGroup):
    """A group whose first command is meant where none is named: `errors` is `errors list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the first command where the line begins with an option, or with nothing."""
        begins_with_option = not args or args[0].startswith("-")
        names_a_command = any(arg in self.commands for arg in args)
        if begins_with_option and not names_a_command and not {"-h", "--help"}.intersection(args):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


def new_app(*, first_by_default: bool = False) -> typer.Typer:
    """An app for one command's module, plain: rich's help costs 90 ms at start."""
    return typer.Typer(
        cls=FirstByDefault if first_by_default else None,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=False,
    )
