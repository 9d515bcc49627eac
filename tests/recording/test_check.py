"""Whatever JSON a line holds, the checks answer; none of them raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.recording import check
from tests.segments import header, request

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["GET", "live", "perfctl", "r", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=20,
)
OF_ITEMS: list[Callable[[Any], object]] = [
    check.are_pattern_uses,
    check.is_finding,
    check.is_cache_use,
    check.is_span,
    check.is_frame,
    lambda item: check.is_text(item, 10),
    lambda item: check.is_text_or_none(item, 10),
    lambda item: check.is_number(item, 10),
    lambda item: check.is_list_of(item, check.is_frame),
]
OF_RECORDS: list[Callable[[list[Any]], object]] = [
    check.header,
    check.is_request,
    check.is_pattern,
    check.is_error,
    check.is_counter,
]
WHOLE: list[tuple[Callable[[list[Any]], object], list[Any]]] = [
    (check.header, header()),
    (check.is_request, request()),
    (
        check.is_request,
        request(
            patterns=[[0, 1, 5, 5]],
            findings=[["n", 0, 5, 9, None, None]],
            caches=[["default", "p", 1, 0, 0, 2]],
            spans=[["s", 1, 2]],
        ),
    ),
    (check.is_pattern, ["p", 0, "default", "SELECT ?"]),
    (
        check.is_error,
        ["e", 1, "id", "GET", "/x/", 500, "E", [["a.py", 1, "f"]], None, None, None, True],
    ),
    (check.is_counter, ["c", "dropped:spool_full", 1]),
]
_CHANGES = (
    [["n", 0, 5, 9, None, None], 6],
    [["default", "p", 1, 0, 0, 2], 6],
    [["s", 1, 2], 3],
    [["a.py", 1, "f"], 3],
)


@given(JSON)
def test_anything_is_judged(item: Any) -> None:
    """As a record where it is a list, and as an item of one."""
    for judge in OF_ITEMS:
        judge(item)
        judge([item])
    if type(item) is list:
        for judge_record in OF_RECORDS:
            judge_record(item)


@given(st.sampled_from(WHOLE), st.integers(0, 21), JSON)
def test_a_record_with_anything_in_one_place_is_judged(
    whole: tuple[Callable[[list[Any]], object], list[Any]], place: int, item: Any
) -> None:
    """The others pass, so that each check is reached."""
    judge, record = whole
    changed = [*record]
    changed[place % len(record)] = item
    judge(changed)


@given(st.sampled_from(OF_ITEMS), st.sampled_from(_CHANGES), st.integers(0, 5), JSON)
def test_an_item_with_anything_in_one_place_is_judged(
    judge: Callable[[Any], object], whole: list[Any], place: int, item: Any
) -> None:
    """The same for what stands in lists."""
    inner, width = whole
    changed = [*inner]
    changed[place % width] = item
    judge(changed)


@pytest.mark.parametrize(("judge", "record"), WHOLE)
def test_the_whole_records_pass(judge: Callable[[list[Any]], object], record: list[Any]) -> None:
    """What the others change one item of is right."""
    assert judge(record)


@pytest.mark.parametrize("item", [[], {}, ["GET"]])
def test_what_has_no_hash_is_refused(item: Any) -> None:
    """As a method, a source, a kind of finding."""
    assert check.header([*header()[:7], item, 1]) is None
    assert not check.is_request(request(method=item))
    assert not check.is_error(["e", 1, None, item, "/x/", 500, "E", [], None, None])
    assert not check.is_finding([item, 0, 5, 9, None, None])
