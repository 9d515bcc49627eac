"""The pages on deploys and on why: their commands run and end as they say, their example is real."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from perfctl.answers.why import CANNOT_TELL, FOUND, NO_CHANGE, NOTHING_FITS
from perfctl.store import connection, place
from tests import environments
from tests.answers.scenes import HOUR, Site
from tests.docs.conftest import Run
from tests.docs.pages import ROOT, Line, blocks, command_lines, table_names

DEPLOYS, WHY = (ROOT / "docs" / name for name in ("deploys.md", "why.md"))
LINES = [line for page in (DEPLOYS, WHY) for line in command_lines(page)]


@pytest.fixture
def site(project: Path) -> Path:
    """The project after hours of traffic, with a query a row since a release of 90 minutes ago."""
    store = project / ".perfctl" / "perfctl.db"
    place.prepare(store)
    connection.create(store)
    site = Site(store, int(time.time() * 1000))
    site.serve(4 * HOUR, 90, release="v1.4.1")
    site.serve(90, per_row=20, release="v1.4.2")
    site.serve_others(4 * HOUR, 90, release="v1.4.1")
    site.serve_others(90, release="v1.4.2")
    environments.make(project / ".venv", django="5.2.1")
    return project


def test_the_pages_call_perfctl() -> None:
    """The test below is about something."""
    assert [len(list(command_lines(page))) for page in (DEPLOYS, WHY)] == [6, 5]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.text[:70].strip())
def test_a_command_ends_as_it_says(line: Line, perfctl: Run, site: Path) -> None:
    """On a store with two releases, of which one may be marked."""
    done = perfctl(*line.arguments)
    assert done.returncode == line.code, done.stdout + done.stderr
    assert done.stdout


def test_the_example_is_what_perfctl_says(perfctl: Run, site: Path) -> None:
    """But for times and packages: the same suspects with the same kinds of evidence."""
    shown = next(block for block in blocks(WHY, "") if block.startswith("Why GET /items/"))
    done = perfctl("why", "GET /items/").stdout

    def evidence(text: str) -> list[str]:
        lines = [line.strip() for line in text.splitlines() if line.strip().startswith(("+", "−"))]
        numbers = [re.sub(r"[\d.]+( (min|ms|µs|s|h)\b)?", "N", line) for line in lines]
        # The step is found to a few minutes: whether it lies before or after its cause varies.
        return [re.sub(r"N (before|after) it|first seen .*", "beside it", line) for line in numbers]

    said = evidence(done)
    assert len(said) >= 7
    known = evidence(shown)
    for line in said:
        if not line.startswith("+ deployed"):
            assert line in known, line


def test_every_verdict_is_in_the_table() -> None:
    """And no other."""
    assert set(table_names(WHY, "verdict")) == {FOUND, NOTHING_FITS, NO_CHANGE, CANNOT_TELL}


def test_every_kind_of_suspect_is_in_the_table() -> None:
    """As the causes name them."""
    sources = (ROOT / "perfctl" / "answers" / "causes").glob("*.py")
    text = "".join(source.read_text() for source in sources)
    kinds = set(re.findall(r"Suspect\(\s*\"(\w+)\"", text)) | {"cpu", "memory"}
    assert set(table_names(WHY, "kind")) == kinds
