"""`django_hook.measure`."""

from __future__ import annotations

import pytest

import django_hook
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
