"""Request ids, and the time in the queue."""

from __future__ import annotations

import random
import re
import time

import pytest

from tests.django_hook.recorded import API, PERFORMANCE, Recorded

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_an_id_is_drawn(recorded: Recorded) -> None:
    """Each answer carries the id that its record has."""
    response = recorded.get("/plain/")
    assert re.fullmatch("[0-9a-f]{16}", response["X-Request-ID"])
    assert recorded.only.request_id == response["X-Request-ID"]


def test_ids_do_not_repeat_where_the_project_seeds(recorded: Recorded) -> None:
    """A project that seeds `random` in each request does not get the same id for all."""
    ids = set()
    for _ in range(100):
        random.seed(1)
        ids.add(recorded.get("/plain/")["X-Request-ID"])
    assert len(ids) == 100


def test_an_id_behind_a_trace(recorded: Recorded) -> None:
    """Within a trace the id begins with it."""
    response = recorded.get("/plain/", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert re.fullmatch(f"{TRACE}-[0-9a-f]{{8}}", response["X-Request-ID"])
    assert recorded.only.request_id == response["X-Request-ID"]


@pytest.mark.parametrize(
    "traceparent",
    ["", "garbage", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"ff-{TRACE}-00f067aa0ba902b7-01"],
)
def test_a_trace_that_is_not_valid(recorded: Recorded, traceparent: str) -> None:
    """A broken trace header is passed over."""
    response = recorded.get("/plain/", headers={"traceparent": traceparent})
    assert re.fullmatch("[0-9a-f]{16}", response["X-Request-ID"])


def test_an_id_of_the_project(recorded: Recorded) -> None:
    """An id that the answer already has is kept."""
    assert recorded.get("/own_request_id/?id=abc-1")["X-Request-ID"] == "abc-1"
    assert recorded.only.request_id == "abc-1"


@pytest.mark.parametrize("given", ["a b", 'quo"te', "x" * 200, ""])
def test_an_id_that_cannot_be_kept(recorded: Recorded, given: str) -> None:
    """An id that is too long or needs quoting is replaced."""
    response = recorded.get("/own_request_id/", data={"id": given})
    assert re.fullmatch("[0-9a-f]{16}", response["X-Request-ID"])


def test_the_clients_id_is_not_taken_over(recorded: Recorded) -> None:
    """A client cannot choose the id of its record."""
    recorded.get("/plain/", headers={"X-Request-ID": "mine"})
    assert recorded.only.request_id != "mine"


@pytest.mark.parametrize("header", ["X-Request-Start", "X-Queue-Start"])
@pytest.mark.parametrize("form", ["{s:.3f}", "t={s:.3f}", "{ms:.0f}", "t={us:.0f}"])
def test_queue_time(recorded: Recorded, header: str, form: str) -> None:
    """The time since a front server took the request, in whichever unit it says so."""
    began = time.time() - 2
    value = form.format(s=began, ms=began * 1e3, us=began * 1e6)
    recorded.get("/plain/", headers={header: value})
    assert 2_000_000 - 1_000 <= (recorded.only.queue_us or 0) < 60_000_000


@pytest.mark.parametrize("value", ["", "soon", "t=-1", "1", "99999999999999999999999", "nan"])
def test_queue_time_that_is_not_sane(recorded: Recorded, value: str) -> None:
    """A start that cannot be is no queue time, and no fault."""
    recorded.get("/plain/", headers={"X-Request-Start": value})
    assert recorded.only.queue_us is None
    assert recorded.counters == {}


def test_queue_time_needs_its_middleware(recorded: Recorded) -> None:
    """The queue time is the API middleware's."""
    headers = {"X-Request-Start": f"{time.time() - 1:.3f}"}
    recorded.use(MIDDLEWARE=[PERFORMANCE])
    recorded.get("/plain/", headers=headers)
    recorded.use(MIDDLEWARE=[API])
    recorded.get("/plain/", headers=headers)
    assert [request.queue_us is None for request in recorded.requests] == [True, False]
