"""Each table, sign by sign, on terminals of 80 and 120 columns and in a pipe."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tests.render import faces


@pytest.mark.parametrize("width", faces.WIDTHS)
@pytest.mark.parametrize("name", faces.ANSWERS)
def test_text(name: str, width: int | None) -> None:
    """As it was read and found good; `python -m tests.render.faces` writes the files anew."""
    assert faces.text(name, width) + "\n" == faces.file(name, width).read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", faces.ANSWERS)
def test_no_line_is_wider_than_its_terminal(name: str, width: int) -> None:
    """By rich's measure, which the tables do not use for text like this."""
    for line in faces.text(name, width).split("\n"):
        assert cell_len(line) <= width


@pytest.mark.parametrize("name", ["summary", "summary_calm"])
def test_summary_is_one_screen(name: str) -> None:
    """24 lines with the prompt."""
    assert faces.text(name, 80).count("\n") + 1 <= 23


@pytest.mark.parametrize("width", [40, 80])
def test_the_columns_of_views_are_not_cut(width: int) -> None:
    """They are what is asked for."""
    text = faces.text("query_views", width)

    assert "…" not in text
    assert all(f"column_{n}" in text.replace(",", " ").split() for n in range(20))


@pytest.mark.parametrize("name", faces.ANSWERS)
def test_a_pipe_gets_everything(name: str) -> None:
    """Nothing is cut off a terminal."""
    text = faces.text(name, None).replace("SELECT …", "")

    assert "…" not in text
