"""How wide text is, and how it is made to fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from perfctl.render.glyphs import cut_end, cut_middle, pad, width, wrap
from perfctl.visible import visible

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufe0f")).map(visible)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("abc", 3),
        ("Köln", 4),
        ("東京", 4),
        ("🙂", 2),
        ("e\u0301", 1),
        ("● ━╋ █▏ × … ↳", 13),
        ("", 0),
    ],
)
def test_width(text: str, cells: int) -> None:
    """One cell a letter, two a CJK sign or an emoji, none a combining mark."""
    assert width(text) == cells


@given(TEXT)
def test_width_is_that_of_rich(text: str) -> None:
    """The short cut for our own signs measures what rich would."""
    assert width(text) == cell_len(text)


@given(TEXT, st.integers(0, 30))
def test_cut_text_fits(text: str, cells: int) -> None:
    """Whatever the text, it is no wider than it may be, and whole where it fits."""
    for cut in (cut_end, cut_middle):
        assert width(cut(text, cells)) <= cells
        if width(text) <= cells:
            assert cut(text, cells) == text


def test_ends_are_kept() -> None:
    """The end of a route tells it apart as much as its beginning."""
    route = "/api/organisations/<uuid:pk>/members/"

    assert cut_middle(route, 20) == "/api/organ…/members/"
    assert cut_end(route, 20) == "/api/organisations/…"
    assert cut_middle("東京都千代田区", 8) == "東京…区"


@given(TEXT, st.integers(2, 30))
def test_wrapped_text_is_all_there(text: str, cells: int) -> None:
    """Lines that fit, which hold all but the spaces at which they were broken."""
    lines = wrap(text, cells)

    assert all(width(line) <= cells for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_wrap_breaks_between_words() -> None:
    """And within a word only where it is wider than a line."""
    assert wrap("add select_related to it", 15) == ["add", "select_related", "to it"]
    assert wrap("abcdefghij kl", 4) == ["abcd", "efgh", "ij", "kl"]
    assert wrap("as it is " * 50, None) == ["as it is " * 50]


def test_pad() -> None:
    """By cells, not by signs."""
    assert pad("東", 4) == "東  "
    assert pad("12", 4, is_right=True) == "  12"
