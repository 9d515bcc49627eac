"""Verdicts of the merge gate, to be drawn."""

from __future__ import annotations

from typing import Any

from perfctl.answers.answer import Answer
from perfctl.gate.baseline import Environment
from perfctl.gate.verdict import Check, Lack, Status, Verdict
from perfctl.gating import Gate
from tests.render.samples import answer

SQL = "SELECT … FROM items_tag WHERE items_tag.id = ?"
CHECKS = [
    Check(
        "n_plus_one",
        "GET /items/",
        Status.FAIL,
        25,
        0,
        0,
        "calls",
        f"{SQL} ×25 in t.py::test_list → prefetch_related('tags')",
        "items/views.py:33 in item_list",
    ),
    Check(
        "queries",
        "GET /items/",
        Status.FAIL,
        29,
        5,
        5,
        "queries",
        f"in t.py::test_list; +25 {SQL}",
        "items/list.html:13",
    ),
    Check(
        "latency",
        "POST /api/checkout/",
        Status.INCONCLUSIVE,
        41.5,
        35.0,
        38.5,
        "ms",
        "median +18% beside the other routes; needs 640 requests on both sides, has 88: 552 missing",
        lacks=Lack.SAMPLE,
    ),
    Check("queries", "GET /new/", Status.SKIPPED, 4, unit="queries", evidence="a new route"),
    Check("budget_error_rate", "GET /items/", Status.PASS, 0.0042, None, 0.05, "ratio"),
    Check("global_shift", "all routes", Status.PASS, 1.14, 1.0, 1.1, "ratio"),
]


def verdict(checks: list[Check] | None = None, **changes: Any) -> Answer:
    """A run of tests that failed, unless said otherwise."""
    known: dict[str, Any] = {
        "verdict": Verdict.FAIL,
        "checks": CHECKS if checks is None else checks,
        "source": "test",
        "commit": "4f3d9ab01c2e" * 3,
        "environment": Environment("3.11.9", "5.2.8", "sqlite"),
        "against": "main.json",
        "baseline_commit": "9c1e2ab55d10" * 3,
        "files": {"items/list.html": "items/templates/items/list.html"},
    }
    return answer("ci", Gate(**{**known, **changes}), window=None)
