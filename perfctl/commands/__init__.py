"""One verb a module: parse options, call one answer or action, hand it to render."""

import typer


def new_app() -> typer.Typer:
    """An app for one command's module, plain: rich's help costs 90 ms at start."""
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=False,
    )
