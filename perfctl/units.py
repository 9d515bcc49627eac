"""Reads and writes times, durations, sizes, counts and shares as people write them."""

import re
from datetime import UTC, datetime, timedelta

from perfctl.errors import UsageError
from perfctl.model import Window

_UNITS_MS = {
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_UNITS_BYTES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_DURATION = r"(?:\d+(?:ms|[wdhms]))+"
_LONGEST_MS = 100 * 366 * _UNITS_MS["d"]
DURATION_HINT = "write 90s, 15m, 24h, 7d, 2w or 1h30m"
MOMENT_HINT = "write 24h, 7d, 1h30m, 2026-11-24, 2026-11-24T08:15, today or yesterday"


def parse_duration(text: str) -> int:
    """Milliseconds of `90s`, `15m`, `24h`, `7d`, `2w`, `500ms` or a sum such as `1h30m`."""
    written = text.strip()
    if not re.fullmatch(_DURATION, written, re.ASCII):
        raise UsageError(f"not a duration: {text!r}", DURATION_HINT)
    parts = re.findall(r"(\d+)(ms|[wdhms])", written, re.ASCII)
    if any(len(number) > 15 for number, _ in parts):
        raise UsageError(f"too long a duration: {text!r}", DURATION_HINT)
    duration_ms = sum(int(number) * _UNITS_MS[unit] for number, unit in parts)
    if duration_ms > _LONGEST_MS:
        raise UsageError(f"too long a duration: {text!r}", DURATION_HINT)
    return duration_ms


def parse_moment(text: str, now_ms: int) -> int:
    """Unix milliseconds of a moment: so long ago, an ISO date or time, `now`, `today`, `yesterday`.

    A time without a zone is local; a date is its first moment.
    """
    moment_ms = _moment(text.strip(), now_ms)
    if moment_ms is None or moment_ms < 0:
        raise UsageError(f"not a time: {text!r}", MOMENT_HINT)
    return moment_ms


def parse_window(since: str | None, until: str | None, now_ms: int, default_ms: int) -> Window:
    """`[since, until)`; by default it ends now and is `default_ms` long."""
    until_ms = now_ms if until is None else parse_moment(until, now_ms)
    since_ms = until_ms - default_ms if since is None else parse_moment(since, now_ms)
    if since_ms >= until_ms:
        raise UsageError(
            f"the window is empty: it would begin at {iso_utc(since_ms)} "
            f"and end at {iso_utc(until_ms)}",
            "give a --since that lies before --until (now, unless you say otherwise)",
        )
    return Window(max(since_ms, 0), until_ms)


def parse_until(text: str, now_ms: int) -> int:
    """Unix milliseconds of a time to come: `2h` from now on, or a moment."""
    try:
        until_ms = now_ms + parse_duration(text)
    except UsageError:
        until_ms = parse_moment(text, now_ms)
    if until_ms <= now_ms:
        raise UsageError(f"{text!r} is over", "write 2h, 1d, or a date to come")
    return until_ms


def parse_bytes(text: str) -> int:
    """Bytes of `500MB`, `2 GiB` or a bare number; MB is 10⁶, MiB 2²⁰."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)", text.strip().lower(), re.ASCII)
    if found is None or found[2] not in _UNITS_BYTES:
        raise UsageError(f"not a size: {text!r}", "write 500MB, 2GB or 2GiB")
    return int(float(found[1]) * _UNITS_BYTES[found[2]])


def write_duration(duration_ms: int) -> str:
    """The shortest text that `parse_duration` reads as this many milliseconds: `30d`, `1h30m`."""
    if duration_ms == 0:
        return "0s"
    if duration_ms > 2 * _UNITS_MS["d"] and duration_ms % _UNITS_MS["d"] == 0:
        return f"{duration_ms // _UNITS_MS['d']}d"
    if duration_ms <= 2 * _UNITS_MS["d"] and duration_ms % _UNITS_MS["h"] == 0:
        return f"{duration_ms // _UNITS_MS['h']}h"
    text, rest_ms = "", duration_ms
    for unit in ("d", "h", "m", "s", "ms"):
        number, rest_ms = divmod(rest_ms, _UNITS_MS[unit])
        text += f"{number}{unit}" if number else ""
    return text


def format_duration(duration_us: float) -> str:
    """`850 µs`, `12.3 ms`, `1.20 s`, `2 min 5 s`, `3 h 10 min`, `4 d 2 h`."""
    if duration_us < 0:
        return f"-{format_duration(-duration_us)}"
    if duration_us < 999.5:
        return "0 ms" if duration_us < 0.5 else f"{duration_us:.0f} µs"
    if duration_us < 999_500:
        return f"{_three_digits(duration_us / 1e3)} ms"
    if duration_us < 59_950_000:
        return f"{_three_digits(duration_us / 1e6)} s"
    seconds = round(duration_us / 1e6)
    if seconds < 3_600:
        return _two_units(seconds, 60, "min", "s")
    minutes = round(duration_us / 6e7)
    if minutes < 1_440:
        return _two_units(minutes, 60, "h", "min")
    return _two_units(round(duration_us / 3.6e9), 24, "d", "h")


def format_bytes(size_bytes: float) -> str:
    """`512 B`, `1.20 MB`: powers of 1000."""
    return _scaled(size_bytes, (" B", " kB", " MB", " GB", " TB", " PB"))


def format_count(count: float) -> str:
    """`999`, `12.3k`, `4.56M`."""
    return _scaled(count, ("", "k", "M", "G", "T", "P"))


def say_count(count: int, noun: str) -> str:
    """`1 request`, `1,204 requests`."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def format_ratio(ratio: float) -> str:
    """`12.3 %`, `0.42 %`; only 0 is shown as 0 %, only the whole as 100 %."""
    if ratio < 0:
        return f"-{format_ratio(-ratio)}"
    percent = round(ratio * 100, 9)  # 0.29 * 100 is 28.999999999999996
    if percent == int(percent):
        return f"{int(percent)} %"
    if percent < 0.005:
        return "<0.01 %"
    if percent < 0.995:
        return f"{percent:.2f} %"
    if 99.95 <= percent < 100:
        return ">99.9 %"
    return f"{percent:.1f} %"


def iso_utc(at_ms: int) -> str:
    """`2026-11-24T12:00:00.000Z`."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def format_local(at_ms: int) -> str:
    """`2026-11-24 13:00:00 CET`: local time with its zone."""
    return f"{_local(at_ms):%Y-%m-%d %H:%M:%S %Z}"


def format_local_minute(at_ms: int) -> str:
    """`2026-11-24 13:00`: local time without its zone, which then stands in the heading."""
    return f"{_local(at_ms):%Y-%m-%d %H:%M}"


def local_zone(at_ms: int) -> str:
    """Name of the local zone at that time, such as `CET`."""
    return f"{_local(at_ms):%Z}"


def _moment(text: str, now_ms: int) -> int | None:
    if re.fullmatch(_DURATION, text, re.ASCII):
        return now_ms - parse_duration(text)
    match text.lower():
        case "now":
            return now_ms
        case "today":
            return _midnight(now_ms, days_ago=0)
        case "yesterday":
            return _midnight(now_ms, days_ago=1)
    return _iso_moment(text)


def _midnight(now_ms: int, days_ago: int) -> int:
    day = _local(now_ms).date() - timedelta(days=days_ago)
    return _unix_ms(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - local midnight


def _iso_moment(text: str) -> int | None:
    try:
        return _unix_ms(datetime.fromisoformat(text))
    except (ValueError, OverflowError, OSError):
        return None


def _unix_ms(moment: datetime) -> int:
    """A naive moment is local; counted in integers, a float loses microseconds."""
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone()


def _three_digits(number: float) -> str:
    if number < 9.995:
        return f"{number:.2f}"
    return f"{number:.1f}" if number < 99.95 else f"{number:.0f}"


def _scaled(number: float, units: tuple[str, ...]) -> str:
    if number < 0:
        return f"-{_scaled(-number, units)}"
    if number < 999.5:
        return f"{number:.0f}{units[0]}"
    for unit in units[1:-1]:
        number /= 1000
        if number < 999.5:
            return _three_digits(number) + unit
    return _three_digits(number / 1000) + units[-1]


def _two_units(amount: int, per_large: int, large: str, small: str) -> str:
    whole, rest = divmod(amount, per_large)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"
