"""What front servers and callers say in headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.recording.incoming import is_request_id, queue_us, request_id, trace_id

NOW_MS = 1_700_000_000_000.0
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    "start",
    [
        "1699999999.5",
        "t=1699999999.5",
        "1699999999500",
        "t=1699999999500000",
        "1699999999500000000",
    ],
)
def test_queue_in_any_unit(start: str) -> None:
    """Seconds, milliseconds, microseconds and nanoseconds are told apart by their size."""
    assert queue_us(start, NOW_MS) == pytest.approx(500_000, abs=1)


@pytest.mark.parametrize("start", ["1700000001", "1699999900", "", "t=", "1e9", "x", "-1", "0"])
def test_queue_that_is_not_sane(start: str) -> None:
    """In the future, over a minute ago, or no number."""
    assert queue_us(start, NOW_MS) is None


@given(st.text())
def test_any_header_is_answered(text: str) -> None:
    """No header is too much."""
    queue_us(text, NOW_MS)
    trace_id(text)
    is_request_id(text)


@pytest.mark.parametrize(
    ("traceparent", "found"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f" 00-{TRACE}-00f067aa0ba902b7-00 ", TRACE),
        (f"01-{TRACE}-00f067aa0ba902b7-01-more", TRACE),
        (f"00-{TRACE}-00f067aa0ba902b7-01-more", None),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", None),
    ],
)
def test_trace(traceparent: str, found: str | None) -> None:
    """As W3C Trace Context has it."""
    assert trace_id(traceparent) == found


def test_request_id() -> None:
    """16 drawn digits, or the trace and 8 of them."""
    drawn = "0123456789abcdef"
    assert request_id("", drawn) == drawn
    assert request_id(f"00-{TRACE}-00f067aa0ba902b7-01", drawn) == f"{TRACE}-01234567"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("a-1", True), ("A" * 128, True), ("A" * 129, False), ("", False), ("a b", False), (5, False)],
)
def test_ids_to_keep(text: object, is_one: bool) -> None:
    """Short and without anything to quote."""
    assert is_request_id(text) is is_one
