"""Test reports."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from perfctl.gate.verdict import Check, Status, Verdict
from perfctl.render.junit import render
from tests.render.samples import HOSTILE
from tests.render.verdicts import CHECKS, verdict


@pytest.mark.parametrize(
    ("told", "counts"),
    [(Verdict.FAIL, ("6", "2", "1", "1")), (Verdict.PASS, ("6", "2", "0", "2"))],
)
def test_a_test_case_a_check(told: Verdict, counts: tuple[str, ...]) -> None:
    """What cannot be told is an error, unless it does not count: then it is skipped."""
    root = ET.fromstring(render(verdict(verdict=told)))
    (suite,) = root
    for element in (root, suite):
        names = ("tests", "failures", "errors", "skipped")
        assert tuple(element.get(name) for name in names) == counts
    cases = suite.findall("testcase")
    assert [(case.get("classname"), case.get("name")) for case in cases] == [
        (f"perfctl.{check.name}", check.subject) for check in CHECKS
    ]
    kinds = [child.tag for case in cases for child in case]
    assert kinds.count("failure") == 2
    assert kinds.count("error") == int(counts[2])
    assert kinds.count("skipped") == int(counts[3])


def test_a_failure_has_evidence_and_place() -> None:
    """In its message and its text."""
    failure = ET.fromstring(render(verdict())).find(".//failure")
    assert failure is not None
    assert failure.get("message") == CHECKS[0].evidence
    assert failure.text == "at items/views.py:33 in item_list"


def test_text_from_outside_stays_well_formed() -> None:
    """Control characters, markup, quotes."""
    bad = Check(
        HOSTILE, f"{HOSTILE}\"'&<>]]>", Status.FAIL, evidence=f"{HOSTILE}\"'", call_site="x"
    )
    case = ET.fromstring(render(verdict([bad]))).find(".//testcase")
    assert case is not None
    assert (case.get("name") or "").endswith("\"'&<>]]>")
