"""Annotations of a workflow's step, and its summary."""

from __future__ import annotations

import pytest

from perfctl.gate.verdict import Check, Status, Verdict
from perfctl.render.github import render, render_summary
from tests.render.samples import HOSTILE
from tests.render.verdicts import CHECKS, SQL, verdict


def test_an_annotation_has_its_place_and_its_numbers() -> None:
    """The worst first; templates are named as the repository has them."""
    first, second, third, last = render(verdict()).split("\n")
    assert first == (
        "::error file=items/views.py,line=33,title=perfctl n_plus_one%3A GET /items/"
        f"::0 → 25 calls: {SQL} ×25 in t.py::test_list → prefetch_related('tags')"
    )
    assert second.startswith("::error file=items/templates/items/list.html,line=13,title=")
    assert third.startswith(
        "::warning title=perfctl latency%3A POST /api/checkout/::35.0ms → 41.5ms: median +18%25 beside"
    )
    assert last == "perfctl: fail, 2 checks failed, 1 cannot be told, 2 checks passed, 1 skipped"


@pytest.mark.parametrize(("n", "lines", "more"), [(9, 9, None), (10, 10, 1), (400, 10, 391)])
def test_at_most_nine_annotations_and_how_many_more(n: int, lines: int, more: int | None) -> None:
    """GitHub drops the eleventh without a word."""
    text = render(verdict([CHECKS[0]] * n)).split("\n")
    annotations = [line for line in text if line.startswith("::")]
    assert len(annotations) == lines
    if more:
        assert annotations[-1] == f"::error title=perfctl::and {more} more, in the step summary"


def test_what_was_accepted_is_a_plain_line_each() -> None:
    """In the log of the step that accepts, without an annotation."""
    blessed = {"verdict": Verdict.PASS, "accepted": 1, "accepted_findings": [CHECKS[0]]}
    accepted, last = render(verdict([], **blessed)).split("\n")
    assert accepted == (
        "accepted: n_plus_one GET /items/ at items/views.py:33 in item_list: 0 → 25 calls: "
        f"{SQL} ×25 in t.py::test_list → prefetch_related('tags')"
    )
    assert last == "perfctl: pass, 1 finding accepted"
    hostile = Check(HOSTILE, "\n::stop-commands::x", Status.FAIL, 1, evidence=HOSTILE)
    text = render(verdict([], accepted_findings=[hostile]))
    assert not any(line.startswith("::") for line in text.split("\n"))


def test_text_from_outside_is_no_command() -> None:
    """A line each, whatever is in it."""
    bad = Check(
        "n,a:me", f"{HOSTILE}\n::set-output name=x::y", Status.FAIL, 1, evidence=f"%0A{HOSTILE}",
    )  # fmt: skip
    annotation, verdict_line = render(verdict([bad])).split("\n")
    title = annotation.split("::")[1]
    assert title.startswith("error title=perfctl n%2Ca%3Ame%3A ")
    assert "," not in title
    assert "%250A" in annotation
    assert not verdict_line.startswith("::")


def test_the_summary_fits_into_a_mebibyte() -> None:
    """Cut between lines, and says so."""
    many = [Check("queries", f"GET /{'ü' * 500}{i}/", Status.FAIL, 1) for i in range(3000)]
    text = render_summary(verdict(many))
    assert len(text.encode()) <= 1 << 20
    assert text.endswith("\n\nCut here: a summary holds 1 MiB.")
    assert render_summary(verdict()).startswith("### ❌ perfctl: fail\n")
