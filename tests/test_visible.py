"""Text from outside cannot steer the terminal that shows it."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.visible import visible

STEERING = {"Cc", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/api/items/<int:pk>/", "/api/items/<int:pk>/"),
        ("Köln 東京 🙂", "Köln 東京 🙂"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\r\nb\tc", r"a\x0d\x0ab\x09c"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egpj.exe\u2066", r"\u202egpj.exe\u2066"),
        ("pass\u200bword\ufeff", r"pass\u200bword\ufeff"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_steers_is_written_out(text: str, shown: str) -> None:
    """Escape sequences, line ends, bidirectional and zero-width signs, lone surrogates, tags."""
    assert visible(text) == shown


@given(st.text(st.characters()))
def test_nothing_that_steers_is_left(text: str) -> None:
    """No control sign, no separator of lines, no surrogate, no bidirectional control."""
    shown = visible(text)

    assert not STEERING & {unicodedata.category(sign) for sign in shown}
    assert not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown)


@given(st.text(st.characters()))
def test_seeing_twice_changes_nothing(text: str) -> None:
    """What is visible stays as it is."""
    assert visible(visible(text)) == visible(text)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_plain_text_stays(text: str) -> None:
    """Printable ASCII is not touched, backslashes included."""
    assert visible(text) == text
