"""The verdict of `health`, and what stands below a check."""

from __future__ import annotations

import pytest

from perfctl.answers.health import Check, Health, Status
from perfctl.render.health import render
from tests.render import samples


def shown(status: Status, *checks: Check, width: int | None = 80) -> list[str]:
    """The lines of a health answer."""
    found = samples.answer("health", Health(status, list(checks)))
    return render(found, samples.console(width), store=samples.STORE).split("\n")


OK = samples.check("cpu", 0.4)
IDLE = samples.check("queries", None, status=Status.IDLE)


@pytest.mark.parametrize(
    ("status", "checks", "verdict"),
    [
        (Status.OK, [OK, OK], "● ok  all 2 checks"),
        (Status.OK, [OK, IDLE], "● ok  1 of 2 checks, the others had nothing to measure"),
        (Status.UNKNOWN, [OK], "? unknown  there is nothing to judge yet"),
        (
            Status.UNKNOWN,
            [samples.check("freshness", 400, status=Status.UNKNOWN, detail="no sample of web1")],
            "? unknown  freshness: no sample of web1",
        ),
        (
            Status.WARNING,
            [
                OK,
                samples.check("cpu", 0.7, status=Status.WARNING, since="2026-11-23T11:40:00.000Z"),
            ],
            "▲ warning  cpu is 70 %, above its target of 60 % since 2026-11-23 12:40",
        ),
        (
            Status.CRITICAL,
            [
                samples.check("cpu", 0.81, status=Status.CRITICAL),
                samples.check("error_rate", 0.5, threshold=0.05, status=Status.CRITICAL),
            ],
            "✖ critical  error rate is 50 %, above its threshold of 5 %, and 1 more check",
        ),
        (
            Status.CRITICAL,
            [
                samples.check(
                    "alerts",
                    2,
                    unit="open",
                    target=0,
                    threshold=0,
                    status=Status.CRITICAL,
                    detail="request_p95 GET /api/items/",
                )
            ],
            "✖ critical  alerts: request_p95 GET /api/items/",
        ),
    ],
)
def test_the_verdict_names_the_worst_check(
    status: Status, checks: list[Check], verdict: str
) -> None:
    """The one that is furthest above its limit, in words."""
    assert shown(status, *checks, width=None)[0] == verdict


def test_the_place_is_named() -> None:
    """Host, window and store; several hosts are counted."""
    assert shown(Status.OK, OK, width=None)[1] == (
        f"host web1 · 2026-11-24 12:55 – 13:00 CET (5 min) · store {samples.STORE}"
    )
    found = samples.answer("health", Health(Status.OK, [OK]))
    several = found._replace(coverage=found.coverage._replace(hosts=("web1", "web2")))
    assert "2 hosts" in render(several, samples.console(None), store="/x").split("\n")[1]


def test_times_within_a_text_are_local() -> None:
    """The answer itself has them in UTC."""
    detail = "the last 20 requests, since 2026-11-24T11:00:00.000Z"
    check = samples.check("request_p95", 0.7, status=Status.WARNING, detail=detail)

    assert "  ↳ the last 20 requests, since 2026-11-24 12:00" in shown(Status.WARNING, check)


def test_what_was_not_measured_has_its_own_reason() -> None:
    """The number of requests behind the other checks is none."""
    measured = samples.check("error_rate", 0.001, detail="652 requests")
    missing = samples.check("queue_time", None, status=Status.NOT_MEASURED, detail="652 requests")

    assert not [line for line in shown(Status.OK, measured, missing, width=60) if "↳" in line]


def test_equal_remarks_stand_once_on_a_terminal() -> None:
    """Below the last of the checks in a row that share it."""
    idle = samples.check("queries", None, status=Status.IDLE, detail="no requests in 24 h")

    lines = shown(Status.OK, OK, idle, idle, idle, width=60)

    assert [line for line in lines if "↳" in line] == ["  ↳ no requests in 24 h"]
    assert lines[-1] == "  ↳ no requests in 24 h"
