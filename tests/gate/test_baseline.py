"""The baseline's file."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.errors import NoDataError
from perfctl.gate.baseline import (
    Accepted,
    Baseline,
    Environment,
    differences,
    read,
    write,
)
from perfctl.gate.counts import Asked, RouteRun
from perfctl.gate.latency import Block
from perfctl.gate.live import LiveSample, QueryBlock, RouteSample

HERE = Environment("3.11.9", "5.2.8", "sqlite")
RUN = Baseline(
    source="test",
    saved_at="2026-11-24T12:00:00.000Z",
    perfctl="0.1.0",
    commit="9c1e2",
    environment=HERE,
    requests=3,
    run={
        "GET /items/": RouteRun(
            tests={"t.py::a": [Asked(9, 1, 2), Asked(3)], "t.py::b": [Asked(4, is_exact=False)]},
            patterns={"0123456789ab": 4},
            repeats={"SELECT t f.py g": {}},
        )
    },
    durations={"GET /items/": (Block(20, math.log(1500)), Block(20, math.log(1400), 0.05))},
    accepted=(Accepted("queries", "GET /items/", 9, "2026-11-24", "ann", "because"),),
)
LIVE = RUN._replace(
    source="live",
    run={},
    durations={},
    live=LiveSample(
        {
            "GET /items/": RouteSample(
                40,
                {"2xx": (Block(20, math.log(1500)), Block(20, math.log(1700), -0.05))},
                (QueryBlock(40, 3.5),),
                {"SELECT t f.py g": None},
            ),
            "GET /poll/": RouteSample(40, is_timed=False),
        },
        {"aabb": "open"},
    ),
)


def rounded(base: Baseline) -> Baseline:
    """Block medians as a file keeps them, to a nanosecond."""
    assert base.live is not None
    routes = {
        name: RouteSample(
            route.requests,
            {
                each: tuple(
                    Block(n, pytest.approx(log_us, abs=1e-6), pytest.approx(common, abs=1e-6))
                    for n, log_us, common in blocks
                )
                for each, blocks in route.durations.items()
            },
            route.queries,
            route.repeats,
            route.is_timed,
        )
        for name, route in base.live.routes.items()
    }
    return base._replace(live=LiveSample(routes, base.live.known_errors))


def test_a_test_run_comes_back_as_it_was() -> None:
    """Counts, N+1 by name, medians, what was accepted."""
    found = read(write(RUN), "main.json")
    assert found._replace(durations={}) == RUN._replace(durations={})
    assert found.durations["GET /items/"] == (
        Block(20, pytest.approx(math.log(1500))),
        Block(20, pytest.approx(math.log(1400)), pytest.approx(0.05, abs=1e-6)),
    )


def test_live_traffic_comes_back_as_it_was() -> None:
    """Blocks, N+1, errors."""
    assert read(write(LIVE), "main.json") == rounded(LIVE)


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.lists(
            st.builds(Asked, *[st.integers(0, 10**6)] * 3, st.booleans()), min_size=1, max_size=4
        ),
        max_size=5,
    )
)
def test_any_counts_come_back(tests: dict[str, list[Asked]]) -> None:
    """Whatever a test is called."""
    base = RUN._replace(run={"GET /\u202e\n/": RouteRun(tests=tests)})
    assert read(write(base), "x").run == base.run


def test_the_text_is_one_line_a_test_and_the_same_each_time() -> None:
    """So a change reads well in a review."""
    text = write(RUN)
    assert text == write(RUN)
    assert '    "t.py::a": [[9, 1, 2], [3]],\n' in text
    assert '    "t.py::b": [[4, 0, 0, 0]]\n' in text
    assert json.loads(text)["environment"] == HERE._asdict()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[: len(text) // 2], "is damaged"),
        (lambda text: "", "is damaged"),
        (lambda text: "[]", "is no baseline"),
        (lambda text: '{"schema": "perfctl.ci/1"}', "is no baseline"),
        (lambda text: text.replace("baseline/1", "baseline/2"), "is of another perfctl"),
        (lambda text: text.replace("[[9, 1, 2], [3]]", "[[99, 1, 2], [3]]"), "changed by hand"),
        (lambda text: text.replace('"source": "test"', '"source": "live"'), "changed by hand"),
        (lambda text: "[" * 100_000, "is damaged"),
    ],
)
def test_a_file_that_cannot_be_relied_on_is_refused(damage: object, said: str) -> None:
    """Exit 3, with how to make a new one."""
    with pytest.raises(NoDataError, match=said) as caught:
        read(damage(write(RUN)), "main.json")  # type: ignore[operator]  # one of the above
    assert "main.json" in caught.value.message
    assert "--save-baseline" in (caught.value.hint or "")


def test_a_right_digest_does_not_make_a_wrong_document_right() -> None:
    """A table that is a list is damage, not a bug."""
    from perfctl.gate import baseline

    document = json.loads(write(RUN))
    del document["digest"]
    for name, value in (("routes", []), ("requests", None), ("environment", {"x": 1})):
        wrong = {**document, name: value}
        if name == "requests":
            del wrong[name]
        wrong["digest"] = baseline._digest(wrong)
        with pytest.raises(NoDataError, match="is damaged"):
            read(json.dumps(wrong), "main.json")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (HERE, []),
        (HERE._replace(python="3.11.2", django="5.2.1"), []),
        (HERE._replace(python="3.12.1"), ["python 3.11.9 then, 3.12.1 now"]),
        (HERE._replace(django="5.1.8"), ["django 5.2.8 then, 5.1.8 now"]),
        (HERE._replace(database="postgresql"), ["database sqlite then, postgresql now"]),
        (HERE._replace(database=None), ["database sqlite then, unknown now"]),
    ],
)
def test_another_environment_is_another_minor_version_or_vendor(
    now: Environment, said: list[str]
) -> None:
    """A bug fix of Python or Django is the same environment."""
    assert differences(HERE, now) == said
