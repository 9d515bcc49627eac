"""Colour and the marks beside it."""

from __future__ import annotations

import pytest

from perfctl.answers.health import Status
from perfctl.render.style import mark, paint, status_text
from tests.render import samples


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (Status.OK, "● ok"),
        (Status.WARNING, "▲ warning"),
        (Status.CRITICAL, "✖ critical"),
        (Status.UNKNOWN, "? unknown"),
        (Status.IDLE, "– idle"),
        (Status.NOT_MEASURED, "· not measured"),
        ("not_heard_of", "· not heard of"),
    ],
)
def test_a_status_has_a_mark_and_a_word(status: str, text: str) -> None:
    """So that it can be told without colour."""
    assert status_text(status) == text


def test_marks_differ() -> None:
    """No two statuses share a sign."""
    signs = [mark(status).sign for status in Status]

    assert len(set(signs)) == len(signs)


def test_paint() -> None:
    """Only where there is colour, and only where there is text."""
    coloured = samples.console(has_color=True)

    assert paint("ok", "bold green", coloured) == "\x1b[1;32mok\x1b[0m"
    assert paint("ok", "green", samples.console()) == "ok"
    assert paint("", "green", coloured) == ""
    assert paint("ok", "", coloured) == "ok"
