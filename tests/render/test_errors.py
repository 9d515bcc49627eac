"""The text of `errors`: fits the terminal, says what stands, and obeys nothing from outside."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from perfctl.answers.answer import Answer
from perfctl.answers.errors import (
    Context,
    ErrorDetail,
    ErrorGroup,
    EventRow,
    FrameRow,
    OccurrenceRow,
    ShareRow,
)
from perfctl.render.face import show
from perfctl.triage import Acted
from tests.render import samples
from tests.render.test_hostile import FORMATS, check_inert

AT = "2026-11-24T11:40:00.000Z"


def group(text: str = "KeyError", **changes: Any) -> ErrorGroup:
    """A group with this text wherever text may come from outside."""
    fields: dict[str, Any] = {
        "id": "3f2a9c01de45",
        "source": text,
        "type": text,
        "message": text,
        "location": text,
        "context": Context(text, text, 500),
        "user_agent": text,
        "count": 1204,
        "total": 5000,
        "users": 7,
        "first_seen": AT,
        "last_seen": AT,
        "first_release": text,
        "release": text,
        "status": "open",
        "resolved_at": AT,
        "resolved_by": text,
        "ignored_until": AT,
        "ignored_until_count": 5,
        "trend": [0, 3, 1],
    }
    return ErrorGroup(**(fields | changes))


def detail(text: str, **changes: Any) -> ErrorDetail:
    """The same, from all sides."""
    share = ShareRow(text, 3, 1, AT, AT)
    occurrence = OccurrenceRow(
        AT, text, text, text, text, text, 500, text, text, False, text, 12.5, 3
    )
    return ErrorDetail(
        group=group(text, **changes),
        occurrences=[occurrence],
        frames=[FrameRow(text, 3, text)],
        timeline=[],
        releases=[share],
        user_agents=[share],
        routes=[share],
        hosts=[share, share],
        history=[EventRow(AT, text, text, text), EventRow(AT, "regressed", None, text)],
    )


def answers(text: str) -> list[Answer]:
    """An answer of each kind."""
    acted = Acted("3f2a9c01de45", text, "resolved", True, text, AT, text, AT, 5)
    return [
        samples.answer("errors", {"groups": [group(text), group(text, message=None)]}),
        samples.answer("errors", {"groups": []}),
        samples.answer("errors.show", detail(text)),
        samples.answer("errors.resolve", {"groups": [acted, acted._replace(changed=False)]}),
    ]


def text_of(found: Answer, width: int | None = 80) -> str:
    """As a terminal of that width shows it."""
    return show(found, samples.console(width), "table", store="/x", limit=None, now_ms=0)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("width", [80, None])
@pytest.mark.parametrize("has_color", [True, False])
def test_hostile_text_is_inert(fmt: str, width: int | None, has_color: bool) -> None:
    """Escape sequences, bidirectional controls and line ends are shown, not obeyed."""
    check_inert(answers(samples.HOSTILE), fmt, width, has_color=has_color)


@given(st.text(st.characters(exclude_characters="\ufe0f"), max_size=60), st.integers(60, 160))
def test_the_list_stays_within_the_terminal(drawn: str, width: int) -> None:
    """Whatever the text."""
    for line in text_of(answers(drawn)[0], width).split("\n"):
        assert cell_len(line) <= width


def test_a_pipe_gets_everything() -> None:
    """Nothing is cut off a terminal."""
    long = "x" * 300
    assert text_of(answers(long)[0], None).count(long) >= 4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "open", "resolved_at": None}, r"status +▲ open\n"),
        (
            {"status": "regressed"},
            r"status +✖ regressed, resolved 2026-11-24 \d\d:40 by KeyError\n",
        ),
        (
            {"status": "ignored", "resolved_at": None},
            r"status +– ignored, until 2026-11-24 \d\d:40, up to 5 occurrences in all\n",
        ),
        ({}, r"count +1,204 in the window, 5,000 in all, 7 users\n"),
        ({"users": 0}, r"count +1,204 in the window, 5,000 in all\n"),
        ({}, r"first seen +2026-11-24 \d\d:40 in KeyError\n"),
    ],
)
def test_how_a_group_stands(changes: dict[str, Any], said: str) -> None:
    """In words."""
    found = samples.answer("errors.show", detail("KeyError", **changes))
    assert re.search(said, text_of(found, None))


def test_what_somebody_said() -> None:
    """Who did it; or who had done it before."""
    acted = Acted("3f2a9c01de45", "KeyError", "resolved", True, "ana", AT, "in 1.4.3", None, None)
    found = samples.answer(
        "errors.resolve", {"groups": [acted, acted._replace(changed=False, note=None)]}
    )
    first, second = text_of(found).split("\n")
    assert first == "3f2a9c01de45 KeyError: resolved by ana (in 1.4.3)"
    assert re.fullmatch(
        r"3f2a9c01de45 KeyError: resolved already by ana, 2026-11-24 \d\d:40", second
    )
