"""Numbers and times as cells and sentences show them."""

from __future__ import annotations

from typing import Any

import pytest

from perfctl.model import Window
from perfctl.render import values

NOON_MS = 1_795_521_600_000  # 2026-11-24T12:00:00Z
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("value_ms", "text"),
    [(412.3, "412ms"), (1840, "1.84s"), (0.42, "420µs"), (0, "0ms"), (None, "–")],
)
def test_cell_ms(value_ms: float | None, text: str) -> None:
    """With its unit, without a space."""
    assert values.cell_ms(value_ms) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.0042, "0.42%"), (0, "0%"), (1, "100%"), (None, "–")]
)
def test_cell_ratio(ratio: float | None, text: str) -> None:
    """In percent."""
    assert values.cell_ratio(ratio) == text


@pytest.mark.parametrize(
    ("mean", "text"),
    [(12.34, "12.3"), (3.0, "3"), (0.01, "<0.1"), (0, "0"), (1234.5, "1.23k"), (None, "–")],
)
def test_cell_mean(mean: float | None, text: str) -> None:
    """What is not nothing is not shown as 0."""
    assert values.cell_mean(mean) == text


@pytest.mark.parametrize(("count", "text"), [(0, ""), (12, "×12"), (1200, "×1.20k")])
def test_cell_times(count: int, text: str) -> None:
    """Nothing for none."""
    assert values.cell_times(count) == text


@pytest.mark.parametrize(
    ("value_ms", "text"), [(1000, "1 s"), (1500, "1.5 s"), (500, "500 ms"), (60_000, "1 min")]
)
def test_say_round(value_ms: float, text: str) -> None:
    """A limit as it was set."""
    assert values.say_round(value_ms) == text


def test_say_count() -> None:
    """One request, two requests."""
    assert values.say_count(1, "request") == "1 request"
    assert values.say_count(1204, "request") == "1,204 requests"


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (Window(NOON_MS - 300_000, NOON_MS), "2026-11-24 12:55 – 13:00 CET (5 min)"),
        (
            Window(NOON_MS - 24 * HOUR_MS, NOON_MS),
            "2026-11-23 13:00 – 2026-11-24 13:00 CET (1 d)",
        ),
        (
            Window(1_792_800_000_000, 1_792_911_600_000),
            "2026-10-24 02:00 CEST – 2026-10-25 08:00 CET (1 d 7 h)",
        ),
    ],
)
def test_say_window(window: Window, text: str) -> None:
    """In local time; both zones where the clocks were changed within it."""
    assert values.say_window(window) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("queue_ms", 1840.0, "1.84 s"),
        ("age_s", 90, "1 min 30 s"),
        ("free_bytes", 4096, "4.10 kB"),
        ("error_rate", 0.0042, "0.42 %"),
        ("requests", 123_456, "123,456"),
        ("load", 1.23456, "1.235"),
        ("is_whole", True, "yes"),
        ("release", None, "–"),
        ("release", "", "–"),
        ("files", [], "–"),
        ("files", ["a", "b"], "a, b"),
        ("system", {"cpu_ratio": 0.5, "rss_bytes": None}, "cpu_ratio 50 %, rss_bytes –"),
    ],
)
def test_say_value(name: str, value: Any, text: str) -> None:
    """By the unit in its name."""
    assert values.say_value(name, value) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [("free_bytes", "free"), ("oldest_request", "oldest request"), ("files", "files")],
)
def test_say_name(name: str, text: str) -> None:
    """Without the unit, which the value shows."""
    assert values.say_name(name) == text
