"""Single requests, as a table and as they come."""

from __future__ import annotations

import pytest

from perfctl.render.requests import render, render_request_lines
from tests.render import samples


def test_lines_for_following() -> None:
    """Local time, status, duration, endpoint, flags; no header."""
    assert render_request_lines(samples.requests(), samples.console(None)).split("\n") == [
        "12:59:58  200     1.84s  GET /api/items/  slow, N+1",
        "12:59:58  500    35.1ms  GET /api/organisations/<uuid:organisation_pk>/members/"
        "  error, duplicates ×3",
        "21:15:00  404     1.84s  POST /api/items/",
    ]


def test_lines_fit_a_terminal() -> None:
    """One line a request, cut at its end."""
    lines = render_request_lines(samples.requests(), samples.console(40)).split("\n")

    assert lines[1] == "12:59:58  500    35.1ms  GET /api/organ…"


def test_time_without_date_within_a_day() -> None:
    """The date stands in the heading then."""
    found = samples.answer("requests", {"requests": [samples.request()]})

    assert render(found, samples.console(), store="/x").split("\n")[4].startswith("12:59:58  GET")


@pytest.mark.parametrize(
    ("count", "limit", "hint"),
    [(20, None, True), (19, None, False), (25, None, True), (5, 5, True), (5, 0, False)],
)
def test_more_may_be_there_where_the_limit_was_met(
    count: int, limit: int | None, hint: bool
) -> None:
    """The answer stops at the limit, so how many more is not known."""
    found = samples.answer("requests", {"requests": [samples.request()] * count})

    text = render(found, samples.console(), store="/x", limit=limit)

    assert text.endswith("--limit 0 shows all") is hint
    assert text.count("GET /api/items/") == min(count, 20 if limit is None else limit or count)
