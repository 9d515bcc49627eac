"""Limits as people write them, values as people read them."""

from __future__ import annotations

import pytest

from perfctl.alerts.quantities import parse_limit, say_quantity, say_round
from perfctl.config_values import Place
from perfctl.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        (800, "ms", 800),
        ("800", "ms", 800),
        ("800ms", "ms", 800),
        ("1m30s", "s", 90),
        ("1500ms", "s", 1.5),
        (0.05, "ratio", 0.05),
        ("5%", "ratio", 0.05),
        ("5 %", "ratio", 0.05),
        ("2GB", "bytes", 2e9),
        ("1MiB/s", "bytes/s", 2**20),
        (60, "per request", 60),
        ("12.5", "count", 12.5),
    ],
)
def test_a_limit_is_read_in_its_unit(text: object, unit: str, number: float) -> None:
    """A bare number is in the metric's own."""
    assert parse_limit(text, unit, Place("here")) == pytest.approx(number)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("80", "ratio"),
        (-1, "ms"),
        ("5 %", "ms"),
        ("much", "count"),
        (True, "ms"),
        ("120%", "ratio"),
    ],
)
def test_what_is_no_limit(text: object, unit: str) -> None:
    """In this unit."""
    with pytest.raises(ConfigError):
        parse_limit(text, unit, Place("here").at("above"))


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1221.0, "ms", "1.22 s"),
        (0.084, "ratio", "8.4 %"),
        (900.0, "s", "15 min"),
        (1.28e8, "bytes", "128 MB"),
        (5e6, "bytes/s", "5.00 MB/s"),
        (61.5, "per request", "61.5 per request"),
        (4, "intervals", "4 intervals"),
        (12345, "count", "12.3k"),
        (0.26, "", "0.26"),
        (None, "ms", "–"),
    ],
)
def test_a_value_is_said_in_its_unit(value: float | None, unit: str, said: str) -> None:
    """Short, and unknown where it is."""
    assert say_quantity(value, unit) == said


@pytest.mark.parametrize(
    ("value", "unit", "said"), [(1000, "ms", "1 s"), (0.05, "ratio", "5 %"), (1.5e9, "bytes", "1.5 GB")]
)  # fmt: skip
def test_a_chosen_number_is_said_without_its_zeros(value: float, unit: str, said: str) -> None:
    """As somebody wrote it."""
    assert say_round(value, unit) == said
