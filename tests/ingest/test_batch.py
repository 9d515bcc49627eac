"""Requests checked all at once pass exactly where they pass one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.ingest.batch import read_batch
from perfctl.recording import check
from tests.segments import request

WHOLE = [
    request(user="7", lifetime_us=5, test="t::a", spans=[["s", 1, 2]]),
    request(
        patterns=[[0, 1, 5, 5], [-1, 3, 9, 4]],
        findings=[["n", 0, 5, 9, "a.py:1 in f", None]],
        caches=[["default", "p", 1, 0, 0, 2], ["other", "é", 0, 1, 1, 3]],
    ),
    request(user="é", queries=None, cpu_us=None, rss_delta_kib=-4)[:16],
]
NUMBERS = st.sampled_from(
    [-(2**70), -6, -1, 0, 1, 99, 600, 65536, 2**31, 2**42, 2**43, 2**52, 2**64]
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | st.sampled_from(["", "GET", "é", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=6), inner, max_size=6)
    ),
    max_leaves=8,
)


def passes(record: list[Any]) -> bool:
    """What a record meets that is looked at alone."""
    return check.is_request(record) and check.is_text(record[3], 1000)


@given(st.sampled_from(WHOLE), st.integers(1, 21), JSON)
def test_one_item_of_anything_is_judged_alike(whole: list[Any], place: int, item: Any) -> None:
    """A record with one item exchanged stops its batch where it would be refused, and only there."""
    record = [*whole]
    record[min(place, len(record) - 1)] = item
    assert (read_batch([*WHOLE, record]) is not None) == passes(record)


@given(st.sampled_from(["patterns", "findings", "caches", "spans"]), st.lists(JSON, max_size=3))
def test_lists_of_anything_are_judged_alike(name: str, items: list[Any]) -> None:
    """The same for what stands in a record's lists."""
    record = request(**{name: items})
    assert (read_batch([*WHOLE, record]) is not None) == passes(record)


@given(
    st.sampled_from(
        [[0, 1, 5, 5], ["n", 0, 5, 9, None, None], ["a", "p", 1, 0, 0, 2], ["s", 1, 2]]
    ),
    st.integers(0, 5),
    JSON,
)
def test_an_item_of_a_list_is_judged_alike(inner: list[Any], place: int, item: Any) -> None:
    """The same for one number or name in them."""
    name = {"n": "findings", "a": "caches", "s": "spans"}.get(str(inner[0]), "patterns")
    changed = [*inner]
    changed[min(place, len(changed) - 1)] = item
    record = request(**{name: [inner, changed]})
    assert (read_batch([*WHOLE, record]) is not None) == passes(record)


@pytest.mark.parametrize("length", [1, 14, 15, 22, 23])
def test_a_length_is_judged_alike(length: int) -> None:
    """Too short and too long a record are refused."""
    record = [*request(), None][:length]
    assert (read_batch([*WHOLE, record]) is not None) == passes(record)


def test_a_batch_leaves_its_records_as_they_are() -> None:
    """What is read from them is new; the records may be looked at again."""
    before = json.dumps(WHOLE)
    assert read_batch(WHOLE) is not None
    assert json.dumps(WHOLE) == before
