"""`django_hook.measure`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import django_hook
from django_hook import spans
from perfctl.recording.state import STATE, RequestState
from tests.django_hook.recorded import Recorded


def test_block_and_decorator(recorded: Recorded) -> None:
    """Blocks and functions are timed by name, each call counted."""
    recorded.get("/measured/")
    assert recorded.only.spans == {"decorated": 2, "inner": 2}


@pytest.mark.parametrize("way", ["get", "get_async"])
def test_async_block_and_decorator(recorded: Recorded, way: str) -> None:
    """The same for coroutines, which may run side by side."""
    getattr(recorded, way)("/measured_async/")
    assert recorded.only.spans == {"awaited": 3, "async block": 3}


def test_spans_are_bounded(recorded: Recorded) -> None:
    """A request keeps 50 names; what comes later shares one."""
    recorded.get("/many_measured/")
    assert len(recorded.only.spans) == 51
    assert recorded.only.spans["(other)"] == 150


def test_outside_of_a_request() -> None:
    """Without a request nothing is kept, and the function works."""

    @django_hook.measure("x")
    def double(n: int) -> int:
        """Twice as much."""
        return 2 * n

    assert double(4) == 8
    assert double.__name__ == "double"
    with django_hook.measure("x"):
        pass


def test_an_exception_goes_through(recorded: Recorded) -> None:
    """What fails within is timed, and fails."""
    with pytest.raises(ZeroDivisionError), django_hook.measure("x"):
        raise ZeroDivisionError


def test_a_generator_cannot_be_timed() -> None:
    """The time of whoever reads a generator would be in it: refused where it is written."""

    def numbers() -> object:
        yield 1

    with pytest.raises(TypeError, match="generator"):
        django_hook.measure("x")(numbers)


class Ticks:
    """A clock that is moved by hand."""

    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    """The clock of all blocks."""
    clock = Ticks()
    monkeypatch.setattr(spans, "perf_counter_ns", clock)
    return clock


def test_threads_share_a_block(ticks: Ticks) -> None:
    """Two requests in one block at a time each get their own time."""
    shared = django_hook.measure("x")
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))

    def first() -> int:
        state = RequestState()
        STATE.set(state)
        with shared:
            first_is_in.set()
            assert second_is_in.wait(10)
            ticks.now = 110
        first_is_out.set()
        assert state.spans is not None
        return state.spans["x"].total_ns

    def second() -> int:
        state = RequestState()
        STATE.set(state)
        assert first_is_in.wait(10)
        ticks.now = 100
        with shared:
            second_is_in.set()
            assert first_is_out.wait(10)
        assert state.spans is not None
        return state.spans["x"].total_ns

    with ThreadPoolExecutor(2) as pool:
        took = [pool.submit(first), pool.submit(second)]
        assert [future.result(20) for future in took] == [110, 10]


def test_blocks_of_generators_end_in_any_order(ticks: Ticks) -> None:
    """A block that ends before one that began after it keeps its time, as does the other."""

    def numbers(name: str) -> Iterator[int]:
        with django_hook.measure(name):
            yield 1

    state = RequestState()
    token = STATE.set(state)
    try:
        first, second = numbers("first"), numbers("second")
        next(first)
        ticks.now = 10
        next(second)
        ticks.now = 100
        first.close()  # type: ignore[attr-defined]
        ticks.now = 1000
        second.close()  # type: ignore[attr-defined]
    finally:
        STATE.reset(token)
    assert state.spans is not None
    assert {name: span.total_ns for name, span in state.spans.items()} == {
        "first": 100,
        "second": 990,
    }
