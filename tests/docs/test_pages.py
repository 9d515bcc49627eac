"""The pages hold together: links lead somewhere, blocks are what they say, generated ones are new."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import generate, views
from tests.docs.conftest import Run
from tests.docs.pages import ROOT, anchors, blocks, links, pages

PAGES = pages()


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """`make docs` would change nothing."""
    assert (generate.DOCS / name).read_text() == generate.PAGES[name]()


def test_the_pages_that_people_expect_are_there() -> None:
    """By the names that they are looked for."""
    names = {str(page.relative_to(ROOT)) for page in PAGES}
    assert names >= {
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "README.md",
        "SECURITY.md",
        "docs/architecture.md",
        "docs/cli.md",
        "docs/configuration.md",
        "docs/spool-format.md",
        "docs/sql.md",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there, and a heading in it."""
    for link in links(page):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_compiles(page: Path) -> None:
    """Whatever is to be copied from a page."""
    for block in blocks(page, "python"):
        compile(block, page.name, "exec")


def test_every_statement_of_the_sql_page_has_an_answer(perfctl: Run) -> None:
    """The examples run on a store with requests, queries and errors, and find some."""
    statements = blocks(generate.DOCS / "sql.md", "sql")
    assert len(statements) == 3
    for statement in statements:
        done = perfctl("query", statement, "--format", "ndjson")
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip(), statement


def test_every_view_and_column_has_a_meaning() -> None:
    """And none is explained that does not exist."""
    found = views.columns()
    assert views.MEANINGS.keys() == found.keys()
    assert views.COLUMNS.keys() <= {name for names in found.values() for name in names}
    assert views.OWN.keys() <= {f"{view}.{name}" for view, names in found.items() for name in names}


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_a_page_names_are_there(name: str) -> None:
    """Modules that were renamed are found out; examples to come are named as such."""
    named = set(re.findall(r"`([\w./]+\.(?:py|md|sql))`", (ROOT / name).read_text()))
    files = [
        str(path.relative_to(ROOT))
        for folder in ("perfctl", "django_hook", "tests", "docs")
        for path in (ROOT / folder).rglob("*")
    ]
    missing = {path for path in named if not any(f"/{file}".endswith(f"/{path}") for file in files)}
    assert len(named) > 15
    assert missing <= TO_COME


TO_COME = {
    "perfctl/answers/uptime.py",
    "perfctl/commands/uptime.py",
    "perfctl/render/uptime.py",
    "tests/answers/test_uptime.py",
    "tests/store/schemas/v2.sql",
}
"""What the examples of CONTRIBUTING.md would add."""
