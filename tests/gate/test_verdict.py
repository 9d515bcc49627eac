"""Checks and their verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.gate.verdict import Check, Lack, Place, Status, Verdict, decide, place_of, sort_checks

PASS = Check("a", "x", Status.PASS)
FAIL = Check("a", "x", Status.FAIL)
SKIPPED = Check("a", "x", Status.SKIPPED)
SMALL = Check("a", "x", Status.INCONCLUSIVE, lacks=Lack.SAMPLE)
MISSING = Check("a", "x", Status.INCONCLUSIVE, lacks=Lack.RECORDS)


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ([PASS, PASS], "pass"),
        ([PASS, FAIL, MISSING, SMALL], "fail"),
        ([PASS, SMALL], "inconclusive"),
        ([PASS, MISSING], "inconclusive"),
        ([PASS, SKIPPED], "pass"),
        ([SKIPPED], "inconclusive"),
        ([], "inconclusive"),
    ],
)
def test_the_worst_check_decides(checks: list[Check], verdict: str) -> None:
    """Failed, then not known; nothing judged is not known either."""
    assert decide(checks) == verdict


@pytest.mark.parametrize(
    ("check", "said", "verdict"),
    [
        (SMALL, Verdict.PASS, "pass"),
        (SMALL, Verdict.FAIL, "fail"),
        (MISSING, Verdict.PASS, "inconclusive"),
        (MISSING, Verdict.FAIL, "inconclusive"),
    ],
)
def test_only_a_small_sample_may_count_as_something(
    check: Check, said: Verdict, verdict: str
) -> None:
    """Records that are missing stay unknown."""
    assert decide([PASS, check], said) == verdict


@given(st.lists(st.sampled_from([PASS, FAIL, SKIPPED, SMALL, MISSING])))
def test_one_failed_check_always_fails(checks: list[Check]) -> None:
    """In whatever company, whatever a small sample counts as."""
    for small in Verdict:
        assert decide([*checks, FAIL], small) is Verdict.FAIL


def test_what_matters_comes_first() -> None:
    """By status, then by name and subject."""
    found = sort_checks([PASS, SKIPPED, SMALL, Check("b", "y", Status.FAIL), FAIL])
    assert [(check.status, check.name) for check in found] == [
        ("fail", "a"),
        ("fail", "b"),
        ("inconclusive", "a"),
        ("skipped", "a"),
        ("pass", "a"),
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("items/views.py:33 in Page.get", Place("items/views.py", 33, "Page.get")),
        ("items/list.html:13", Place("items/list.html", 13, "")),
        ("(other)", None),
        ("items/views.py", None),
        ("", None),
        (None, None),
    ],
)
def test_a_call_site_has_parts(text: str | None, place: Place | None) -> None:
    """Where it names a line."""
    assert place_of(text) == place
