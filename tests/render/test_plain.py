"""Answers as what JSON can hold."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.answers.health import Status
from perfctl.model import Flag, Window
from perfctl.render.plain import is_number, to_plain
from tests.render import samples


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Window(1, 2), {"since_ms": 1, "until_ms": 2}),
        ((1, "a", None), [1, "a", None]),
        (Status.OK, "ok"),
        (Flag.ERROR, 1),
        (True, True),
        (0.1 + 0.2, 0.3),
        (1 / 3, 0.333333),
        (math.nan, None),
        (-math.inf, None),
        ({Status.OK: (1.0,)}, {"ok": [1.0]}),
        (b"\x00\xff", "00ff"),
        (frozenset({1}), [1]),
    ],
)
def test_to_plain(value: object, plain: object) -> None:
    """Records by their names, enums by their values, no number that JSON lacks."""
    found = to_plain(value)

    assert found == plain
    assert type(found) is type(plain)


def test_slotted_dataclasses() -> None:
    """By their fields, in order."""
    plain = to_plain(samples.pattern())

    assert list(plain) == list(type(samples.pattern()).__dataclass_fields__)
    assert plain["endpoints"] == ["GET /api/items/", "GET /api/shares/"]


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(ANYTHING)
def test_it_is_json(value: Any) -> None:
    """Whatever an answer holds, strict JSON holds it, and again the same."""
    plain = to_plain(value)

    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert to_plain(plain) == plain


@pytest.mark.parametrize(
    ("value", "answer"), [(1, True), (1.5, True), (None, True), (True, False), ("1", False)]
)
def test_is_number(value: object, answer: bool) -> None:
    """None may stand in a column of numbers, true and false may not."""
    assert is_number(value) is answer
