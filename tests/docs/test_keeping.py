"""The pages on errors and retention: their commands run and end as they say."""

from __future__ import annotations

import pytest

from tests.docs.conftest import Run
from tests.docs.pages import ROOT, Line, command_lines

PAGES = [ROOT / "docs" / name for name in ("errors.md", "retention.md")]
LINES = [line for page in PAGES for line in command_lines(page)]


def test_the_pages_call_perfctl() -> None:
    """The test below is about something."""
    assert [len(list(command_lines(page))) for page in PAGES] == [13, 5]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.text[:70].strip())
def test_a_command_ends_as_it_says(line: Line, perfctl: Run) -> None:
    """On a store with an error that is open."""
    done = perfctl(*line.arguments)
    assert done.returncode == line.code, done.stdout + done.stderr
    assert done.stdout
