"""Writes the generated pages: `python -m tests.docs.generate`, which `make docs` calls."""

from __future__ import annotations

from pathlib import Path

from tests.docs import commands, views

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"cli.md": commands.page, "sql.md": views.page}


def main() -> None:
    """Write every generated page anew."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())


if __name__ == "__main__":
    main()
