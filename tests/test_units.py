"""Times, durations, sizes and shares, as people write and read them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl import units
from perfctl.errors import UsageError
from perfctl.model import Window

NOW_MS = 1_795_521_600_000  # 2026-11-24T12:00:00Z
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture(autouse=True)
def berlin() -> Iterator[None]:
    """Local time is one hour ahead of UTC in November, two in summer."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("text", "duration_ms"),
    [
        ("90s", 90_000),
        ("15m", 900_000),
        ("24h", DAY_MS),
        ("7d", 7 * DAY_MS),
        ("2w", 14 * DAY_MS),
        ("1h30m", 5_400_000),
        ("500ms", 500),
        (" 1d12h ", 36 * HOUR_MS),
        ("0s", 0),
    ],
)
def test_durations_are_read(text: str, duration_ms: int) -> None:
    """Each unit, and a sum of them."""
    assert units.parse_duration(text) == duration_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24",
        "h",
        "-1h",
        "1.5h",
        "2M",
        "24H",
        "1 h",
        "1y",
        "h1",
        "1h30",
        "٣h",
        "1h\n2",
        "9" * 30 + "w",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """`2M` too, that could be meant as months; the hint has examples."""
    with pytest.raises(UsageError) as caught:
        units.parse_duration(text)
    assert caught.value.hint is not None
    assert "24h" in caught.value.hint


@given(st.integers(0, 100 * 365 * DAY_MS))
def test_a_written_duration_reads_back(duration_ms: int) -> None:
    """write_duration and parse_duration are inverse."""
    assert units.parse_duration(units.write_duration(duration_ms)) == duration_ms


def test_durations_are_written_as_people_do() -> None:
    """A day and two stay hours, as in the retention of 48 h; more are days."""
    written = [
        units.write_duration(ms) for ms in (DAY_MS, 2 * DAY_MS, 30 * DAY_MS, 900_000, 5_400_001)
    ]
    assert written == ["24h", "48h", "30d", "15m", "1h30m1ms"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("24h", "2026-11-23T12:00:00.000Z"),
        ("1h30m", "2026-11-24T10:30:00.000Z"),
        ("now", "2026-11-24T12:00:00.000Z"),
        ("today", "2026-11-23T23:00:00.000Z"),
        ("Yesterday", "2026-11-22T23:00:00.000Z"),
        ("2026-11-24", "2026-11-23T23:00:00.000Z"),
        ("2026-07-01", "2026-06-30T22:00:00.000Z"),
        ("2026-11-24T08:15", "2026-11-24T07:15:00.000Z"),
        ("2026-11-24 08:15:30", "2026-11-24T07:15:30.000Z"),
        ("2026-11-24T08:15Z", "2026-11-24T08:15:00.000Z"),
        ("2026-11-24T08:15:30.250+05:30", "2026-11-24T02:45:30.250Z"),
        ("2026-11-24T12:00:00.000Z", "2026-11-24T12:00:00.000Z"),
    ],
)
def test_moments_are_read(text: str, moment: str) -> None:
    """So long ago, days by name, dates and times; without a zone they are local."""
    assert units.iso_utc(units.parse_moment(text, NOW_MS)) == moment


def test_yesterday_begins_at_midnight_across_a_change_of_the_clocks() -> None:
    """2026-10-25 had 25 hours in Berlin: the day before the 26th begins 25 hours earlier."""
    noon_ms = units.parse_moment("2026-10-26T12:00", NOW_MS)
    today_ms = units.parse_moment("today", noon_ms)
    assert today_ms - units.parse_moment("yesterday", noon_ms) == 25 * HOUR_MS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "24",
        "tomorrow",
        "2026-13-01",
        "2026-11-24T25:00",
        "1969-01-01",
        "9999w",
        "0001-01-01",
        "9999-12-31T23:59:59-12:00",
        "deploy:v1",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """One line, exit code 2, and the forms that would do."""
    with pytest.raises(UsageError) as caught:
        units.parse_moment(text, NOW_MS)
    assert caught.value.exit_code == 2
    assert repr(text) in caught.value.message
    assert caught.value.hint


@given(st.integers(0, 4_102_444_800_000))
def test_iso_times_read_back(at_ms: int) -> None:
    """iso_utc and parse_moment are inverse, to the millisecond."""
    assert units.parse_moment(units.iso_utc(at_ms), NOW_MS) == at_ms


@given(st.integers(0, 4_102_444_800_000))
def test_iso_times_are_utc(at_ms: int) -> None:
    """As the standard library reads them."""
    read = datetime.fromisoformat(units.iso_utc(at_ms))
    assert read == datetime.fromtimestamp(at_ms // 1000, UTC).replace(
        microsecond=at_ms % 1000 * 1000
    )


@given(st.text())
def test_any_other_text_is_a_usage_error(text: str) -> None:
    """Never another exception."""
    for read in (units.parse_duration, units.parse_bytes, lambda t: units.parse_moment(t, NOW_MS)):
        try:
            assert read(text) >= 0
        except UsageError:
            continue


def test_windows_end_now_by_default() -> None:
    """Without options the default length up to now; each edge can be set."""
    assert units.parse_window(None, None, NOW_MS, DAY_MS) == Window(NOW_MS - DAY_MS, NOW_MS)
    assert units.parse_window("7d", "1d", NOW_MS, 1) == Window(NOW_MS - 7 * DAY_MS, NOW_MS - DAY_MS)
    until_only = units.parse_window(None, "2026-11-24T00:00Z", NOW_MS, HOUR_MS)
    assert until_only == Window(NOW_MS - 13 * HOUR_MS, NOW_MS - 12 * HOUR_MS)


@pytest.mark.parametrize(("since", "until"), [("1h", "2h"), ("1h", "1h"), ("2030-01-01", None)])
def test_an_empty_window_is_refused(since: str, until: str | None) -> None:
    """Edges the wrong way round are a mistake, not an empty answer."""
    with pytest.raises(UsageError, match="the window is empty"):
        units.parse_window(since, until, NOW_MS, DAY_MS)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0),
        ("512", 512),
        ("512 B", 512),
        ("500MB", 5 * 10**8),
        ("2 GiB", 2**31),
        ("1.5 gb", 15 * 10**8),
    ],
)
def test_sizes_are_read(text: str, size_bytes: int) -> None:
    """MB is a million bytes, MiB 2²⁰."""
    assert units.parse_bytes(text) == size_bytes


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1e9", "1 zb", "1..5 MB", "inf", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """With examples in the hint."""
    with pytest.raises(UsageError, match="not a size"):
        units.parse_bytes(text)


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [
        (0, "0 ms"),
        (850, "850 µs"),
        (999.6, "1.00 ms"),
        (1_234, "1.23 ms"),
        (12_340, "12.3 ms"),
        (412_000, "412 ms"),
        (999_600, "1.00 s"),
        (1_200_000, "1.20 s"),
        (59_940_000, "59.9 s"),
        (59_960_000, "1 min"),
        (125_000_000, "2 min 5 s"),
        (3_599_900_000, "1 h"),
        (11_400_000_000, "3 h 10 min"),
        (86_399_000_000, "1 d"),
        (352_800_000_000, "4 d 2 h"),
        (-12_340, "-12.3 ms"),
    ],
)
def test_durations_are_shown(duration_us: float, text: str) -> None:
    """Three digits under a minute, then two units."""
    assert units.format_duration(duration_us) == text


@given(st.integers(1, 10**12))
def test_a_shown_duration_is_within_half_a_percent(duration_us: int) -> None:
    """Up to a minute; read back by hand, no rounding jumps a unit."""
    shown = units.format_duration(duration_us)
    factors = {"µs": 1, "ms": 1e3, "s": 1e6, "min": 6e7, "h": 3.6e9, "d": 8.64e10}
    words = shown.split()
    read = sum(float(n) * factors[unit] for n, unit in zip(words[::2], words[1::2], strict=True))
    assert read == pytest.approx(duration_us, rel=0.021 if "h" in shown else 0.009)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.00k"),
        (12_345, "12.3k"),
        (999_499, "999k"),
        (999_501, "1.00M"),
        (4_560_000, "4.56M"),
        (10**19, "10000P"),
        (-1_500, "-1.50k"),
    ],
)
def test_counts_are_shown(count: int, text: str) -> None:
    """Three digits and the power of a thousand."""
    assert units.format_count(count) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1_200_000, "1.20 MB"),
        (999_999, "1.00 MB"),
        (81 * 10**9, "81.0 GB"),
    ],
)
def test_sizes_are_shown(size_bytes: int, text: str) -> None:
    """Powers of a thousand, as disks are sold."""
    assert units.format_bytes(size_bytes) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0, "0 %"),
        (0.123, "12.3 %"),
        (0.29, "29 %"),
        (0.0042, "0.42 %"),
        (1e-6, "<0.01 %"),
        (1, "100 %"),
        (0.9999, ">99.9 %"),
        (0.71, "71 %"),
        (0.00996, "1.0 %"),
        (1.5, "150 %"),
        (-0.0042, "-0.42 %"),
    ],
)
def test_shares_are_shown(ratio: float, text: str) -> None:
    """Something is never shown as nothing, nor almost all as all."""
    assert units.format_ratio(ratio) == text


def test_local_times_name_their_zone() -> None:
    """Tables show local time; the zone is the one of that day."""
    assert units.format_local(NOW_MS) == "2026-11-24 13:00:00 CET"
    assert units.format_local(NOW_MS - 180 * DAY_MS) == "2026-05-28 14:00:00 CEST"
    assert units.format_local_minute(NOW_MS) == "2026-11-24 13:00"
    assert units.local_zone(NOW_MS) == "CET"
