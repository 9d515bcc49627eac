"""Reads Markdown: its code blocks, tables, links, and the commands in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_EXIT = re.compile(r"#.*\bexit (\d+)")
_CRON = re.compile(r"^(?:[\d*/,-]+ ){5}(?=\S)")


def pages() -> list[Path]:
    """Every Markdown file that belongs to the project."""
    folders = (ROOT, ROOT / "docs", ROOT / "examples" / "vault", ROOT / "benchmarks")
    return sorted(page for folder in folders for page in folder.glob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks in one language."""
    return [text for name, text in _BLOCK.findall(page.read_text()) if name == language]


class Line(NamedTuple):
    """A command line of a page, and the exit code that it says."""

    text: str
    arguments: list[str]
    code: int


def command_lines(page: Path) -> Iterator[Line]:
    """Every call of perfctl in the page's code blocks, in order."""
    for language in ("sh", "console", "crontab"):
        for block in blocks(page, language):
            for text in block.splitlines():
                if language == "console" and not text.startswith("$ "):
                    continue
                line = _CRON.sub("", text.removeprefix("$ "))
                words = shlex.split(line, comments=True)
                if words and Path(words[0]).name == "perfctl":
                    said = _EXIT.search(line)
                    yield Line(line, words[1:], int(said[1]) if said else 0)


def table_names(page: Path, head: str) -> list[str]:
    """The first column, without what follows a name, of the table with this first heading."""
    lines = page.read_text().split(f"| {head} |", 1)[1].splitlines()[2:]
    names = []
    for line in lines:
        if not line.startswith("|"):
            break
        names += re.findall(r"`(\w+)[^`]*`", line.split("|")[1])
    return names


def rows(page: Path) -> Iterator[list[str]]:
    """The cells of every table row."""
    for line in page.read_text().splitlines():
        if line.startswith("| ") and line.endswith("|"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def links(page: Path) -> list[str]:
    """Where the page's links lead, outside of code blocks."""
    return _LINK.findall(_BLOCK.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
