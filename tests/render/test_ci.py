"""The faces of a verdict for people: table and Markdown."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from perfctl.gate.verdict import Check, Status, Verdict
from perfctl.render.ci import render, render_markdown
from perfctl.render.face import show
from tests.render.samples import HOSTILE, NOW_MS, STORE, console
from tests.render.verdicts import CHECKS, verdict

PIPE = """\
✖ fail  2 checks failed, 1 cannot be told, 2 checks passed, 1 skipped
test run · 12,345 requests · commit 4f3d9ab01 · against main.json (9c1e2ab55) · Python 3.11.9 · Django 5.2.8 · sqlite

status          check       subject                 now  baseline   limit
─────────────────────────────────────────────────────────────────────────
✖ fail          n_plus_one  GET /items/              25         0       0
  ↳ at items/views.py:33 in item_list: SELECT … FROM items_tag WHERE items_tag.id = ? ×25 in t.py::test_list → prefetch_related('tags')
✖ fail          queries     GET /items/              29         5       5
  ↳ at items/list.html:13: in t.py::test_list; +25 SELECT … FROM items_tag WHERE items_tag.id = ?
? inconclusive  latency     POST /api/checkout/  41.5ms    35.0ms  38.5ms
  ↳ median +18% beside the other routes; needs 640 requests on both sides, has 88: 552 missing
– skipped       queries     GET /new/                 4         –       –
  ↳ a new route
"""  # noqa: E501  # as it is


def table(width: int | None = None, *, limit: int | None = None, **changes: object) -> str:
    """The text on a terminal of that width."""
    return render(verdict(**changes), console(width), store=STORE, limit=limit)


def test_what_passed_is_counted_and_all_else_is_shown() -> None:
    """Whole in a pipe."""
    assert table() + "\n" == PIPE


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Evidence is broken, subjects are shortened."""
    assert all(cell_len(line) <= width for line in table(width).split("\n"))


def test_the_limit_holds_for_what_is_shown() -> None:
    """And says how many there are."""
    text = table(limit=1)
    assert "n_plus_one" in text
    assert "latency" not in text
    assert "1 of 4 checks; --limit 0 shows all" in text


def test_all_well_is_two_lines() -> None:
    """No empty table."""
    passed = [check for check in CHECKS if check.status is Status.PASS]
    text = table(checks=passed, verdict=Verdict.PASS)
    assert text.split("\n")[0] == "● pass  2 checks passed"
    assert text.count("\n") == 1


def test_a_saved_baseline_says_what_it_holds() -> None:
    """In place of counts of checks."""
    saved = Check("baseline", "main.json", Status.PASS, 3, evidence="3 requests of 2 routes")
    text = table(checks=[saved], verdict=Verdict.PASS, saved="main.json")
    assert text.startswith("● pass  kept as the baseline main.json: 3 requests of 2 routes\n")


BLESSED = {"checks": [], "verdict": Verdict.PASS, "accepted": 2, "accepted_findings": CHECKS[:2]}


def test_what_was_accepted_is_listed() -> None:
    """Each finding with its numbers and its place, not their number alone."""
    lines = table(**BLESSED).split("\n")
    assert lines[0] == "● pass  2 findings accepted"
    assert [line.split()[:4] for line in lines[5::2]] == [
        ["✓", "accepted", "n_plus_one", "GET"],
        ["✓", "accepted", "queries", "GET"],
    ]
    assert "at items/views.py:33 in item_list: SELECT" in lines[6]
    assert "1 of 2 checks" in table(limit=1, **BLESSED)


def test_what_was_accepted_is_in_markdown_too() -> None:
    """For the comment on the pull request that had the label."""
    text = render_markdown(verdict(**BLESSED))
    assert "\n| accepted | n_plus_one | GET /items/ | 25 | 0 | 0 | `items/views.py:33" in text


def test_markdown_is_a_comment_with_a_table() -> None:
    """Routes stay text, places are code."""
    lines = render_markdown(verdict()).split("\n")
    assert lines[0] == "### ❌ perfctl: fail"
    assert lines[2] == "2 checks failed, 1 cannot be told, 2 checks passed, 1 skipped  "
    assert (
        "| fail | n_plus_one | GET /items/ | 25 | 0 | 0 | `items/views.py:33 in item_list`"
        in (lines[7])
    )
    assert sum(line.startswith("| ") for line in lines) == 5


def test_the_face_of_ci_in_markdown_has_the_verdict() -> None:
    """As --format md shows it; a limit shortens it."""
    text = show(verdict(), console(), "md", store=STORE, limit=1, now_ms=NOW_MS)
    assert text.startswith("### ❌ perfctl: fail\n")
    assert text.endswith("\n1 of 4 checks")


def test_text_from_outside_is_inert() -> None:
    """Neither colours nor markup nor another cell of the table."""
    bad = Check(HOSTILE, HOSTILE, Status.FAIL, 1, evidence=HOSTILE, call_site=HOSTILE)
    text = table(checks=[bad]) + render_markdown(verdict([bad], against=HOSTILE))
    assert "\x1b" not in text
    assert "\u202e" not in text
    (row,) = (line for line in text.split("\n") if line.startswith("| fail"))
    assert row.replace("\\|", "").count("|") == 8
    assert "<b>" not in row.replace("`", "").split("|")[2]
