"""Tables fit their terminal, and are whole off it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from perfctl.render.glyphs import cut_end, cut_middle
from perfctl.render.table import NONE, Cell, Column, Row, draw, fits
from tests.render import samples

COLUMNS = (
    Column("name", cut=cut_middle, least=8),
    Column("count", is_right=True),
    Column("extra", drop=2),
    Column("more", drop=1),
)
ROWS = [
    Row(("/api/organisations/", "1", "abc", "x")),
    Row(("東京", "12.3k", Cell("d", "red"), "y")),
]


def test_whole_where_there_is_room() -> None:
    """Numbers to the right, two spaces between columns, CJK signs two cells wide."""
    assert draw(COLUMNS, ROWS, samples.console(80)).split("\n") == [
        "name                 count  extra  more",
        "───────────────────────────────────────",
        "/api/organisations/      1  abc    x",
        "東京                 12.3k  d      y",
    ]


def test_columns_of_less_weight_go_first_then_text_is_cut() -> None:
    """`extra` goes before `more`, and the name keeps 8 cells before either."""
    assert draw(COLUMNS, ROWS, samples.console(27)).split("\n") == [
        "name            count  more",
        "───────────────────────────",
        "/api/or…tions/      1  x",
        "東京            12.3k  y",
    ]
    assert draw(COLUMNS, ROWS, samples.console(16)).split("\n") == [
        "name       count",
        "────────────────",
        "/api…ons/      1",
        "東京       12.3k",
    ]


def test_columns_that_nothing_uses_are_left_out_on_a_terminal() -> None:
    """A pipe keeps them: whoever reads it counts columns."""
    rows = [Row(("a", "1", NONE, "")), Row(("b", "2", "", NONE))]

    assert draw(COLUMNS, rows, samples.console(80)).split("\n")[0] == "name  count"
    assert draw(COLUMNS, rows, samples.console(None)).split("\n")[0] == "name  count  extra  more"


def test_the_rule_does_not_follow_long_text_in_a_pipe() -> None:
    """A statement of 3,000 signs in the last column does not make a rule of 3,000 signs."""
    lines = draw((Column("n"), Column("sql")), [Row(("1", "x" * 3000))], samples.console(None))

    assert lines.split("\n")[1] == "─" * 27
    assert lines.split("\n")[2] == "1  " + "x" * 3000


def test_notes_stand_below_their_row() -> None:
    """Broken between words where the terminal is narrow."""
    rows = [Row(("a",), (Cell("add select_related('owner')", "yellow"),)), Row(("b",))]

    assert draw((Column("name"),), rows, samples.console(24)).split("\n") == [
        "name",
        "────",
        "a",
        "  ↳ add",
        "    select_related('owne",
        "    r')",
        "b",
    ]


def test_colour_is_outside_the_padding() -> None:
    """Only the text is painted, so that nothing is underlined or left at the end of a line."""
    rows = [Row((Cell("ok", "green"), Cell("7", "bold")))]

    text = draw(
        (Column("status"), Column("n", is_right=True)), rows, samples.console(80, has_color=True)
    )

    assert text.split("\n")[2] == "\x1b[32mok\x1b[0m      \x1b[1m7\x1b[0m"


TEXT = st.text(st.characters(exclude_characters="\ufe0f"), max_size=40)


@given(
    st.lists(
        st.tuples(TEXT, st.booleans(), st.integers(0, 3), st.booleans()), min_size=1, max_size=6
    ),
    st.data(),
    st.integers(8, 120),
    st.booleans(),
)
def test_no_line_is_wider_than_the_terminal(
    drawn: list[tuple[str, bool, int, bool]], data: st.DataObject, width: int, has_color: bool
) -> None:
    """Whatever the columns and the text; and nothing but our own colours steers it."""
    columns = [
        Column(title, is_right, drop if index else 0, cut_end if is_flexible else None, 8)
        for index, (title, is_right, drop, is_flexible) in enumerate(drawn)
    ]
    cells = st.tuples(*[TEXT] * len(columns))
    rows = [Row(cell, (Cell(cell[0]),)) for cell in data.draw(st.lists(cells, max_size=4))]

    text = draw(columns, rows, samples.console(width, has_color=has_color))

    bare = re.sub(r"\x1b\[[0-9;]+m", "", text) if has_color else text
    for line in bare.split("\n"):
        assert cell_len(line) <= width
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)


def test_fits() -> None:
    """Whether all columns find room with the flexible ones at their least."""
    rows = [Row(("x" * 50, "1", "abc", "x"))]

    assert fits(COLUMNS, rows, 28)
    assert not fits(COLUMNS, rows, 27)
    assert fits(COLUMNS, rows, None)
