"""What a front server and the caller say of a request in its headers."""

from __future__ import annotations

import re

_LONGEST_QUEUE_US = 60_000_000
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@~-]{1,128}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_QUEUE_START = re.compile(r"(?:t=)?(\d{9,20}(?:\.\d{0,9})?)")


def is_request_id(text: object) -> bool:
    """Whether a request id may be kept as it is: short, ASCII, nothing that needs quoting."""
    return isinstance(text, str) and _REQUEST_ID.fullmatch(text) is not None


def trace_id(traceparent: str) -> str | None:
    """The trace id of a valid W3C `traceparent` header."""
    match = _TRACEPARENT.fullmatch(traceparent.strip())
    if match is None or match[1] == "ff" or (match[1] == "00" and match[4]):
        return None
    is_zero = not match[2].strip("0") or not match[3].strip("0")
    return None if is_zero else match[2]


def request_id(traceparent: str, drawn: str) -> str:
    """16 drawn hex digits as a request's id; 8 of them behind the trace id where there is one."""
    trace = trace_id(traceparent)
    return drawn if trace is None else f"{trace}-{drawn[:8]}"


def queue_us(queue_start: str, now_ms: float) -> int | None:
    """Microseconds since a front server took the request: `X-Request-Start`, in s, ms, µs or ns.

    None where that is not sane: before it, or over a minute ago.
    """
    match = _QUEUE_START.fullmatch(queue_start.strip())
    if match is None:
        return None
    value = float(match[1])
    for unit_us, largest in ((1e6, 1e11), (1e3, 1e14), (1, 1e17), (1e-3, float("inf"))):
        if value < largest:
            waited_us = round(now_ms * 1000 - value * unit_us)
            return waited_us if 0 <= waited_us <= _LONGEST_QUEUE_US else None
    return None
