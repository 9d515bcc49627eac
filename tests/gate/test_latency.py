"""Latency against a baseline, on traffic whose truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl import sketch
from perfctl.gate.latency import (
    MOST_BLOCKS,
    Block,
    Comparison,
    compare_latency,
    cut_blocks,
    detectable,
)
from perfctl.gate.sample import FEWEST_BLOCKS, FEWEST_IN_BLOCK
from perfctl.gate.shift import FEWEST_ROUTES

Durations = dict[str, dict[int, dict[int, int]]]


def counts(durations_us: Sequence[float]) -> dict[int, int]:
    """Requests by bucket."""
    found: dict[int, int] = {}
    for duration_us in durations_us:
        index = sketch.bucket(int(duration_us))
        found[index] = found.get(index, 0) + 1
    return found


def traffic(
    seed: int,
    *,
    routes: int = 10,
    runs: int = 10,
    each: int = 100,
    slower: dict[int, float] | None = None,
    machine: float = 0.1,
    spread: float = 0.4,
) -> Durations:
    """Log-normal durations; every run of the machine is faster or slower for all routes alike."""
    draw = random.Random(seed)
    made: Durations = {f"GET /{route}/": {} for route in range(routes)}
    for run in range(runs):
        speed = draw.gauss(0, machine)
        for route in range(routes):
            middle = math.log(2000 * (route + 1)) + speed + math.log((slower or {}).get(route, 1))
            made[f"GET /{route}/"][run] = counts(
                [draw.lognormvariate(middle, spread) for _ in range(each)]
            )
    return made


def compared(base: Durations, now: Durations) -> Comparison:
    """Both cut into blocks, then compared."""
    return compare_latency(cut_blocks(base), cut_blocks(now))


def slower_routes(found: Comparison) -> list[str]:
    """What is red."""
    return [change.subject for change in found.changes if change.is_slower]


def test_a_slower_route_is_found_beside_a_noisy_machine() -> None:
    """+30 % of one of ten routes, the other nine are left alone."""
    found = compared(traffic(1), traffic(2, slower={3: 1.3}))
    assert slower_routes(found) == ["GET /3/"]
    change = next(change for change in found.changes if change.is_slower)
    assert change.ratio == pytest.approx(1.3, abs=0.08)


def test_equals_are_hardly_ever_red() -> None:
    """At most 2 % of comparisons, at any size."""
    for each in (3, 10, 30):
        red = [
            bool(slower_routes(compared(traffic(seed, each=each), traffic(seed + 999, each=each))))
            for seed in range(40)
        ]
        assert sum(red) <= 1


def test_a_slower_machine_is_the_shift_and_no_route() -> None:
    """All routes twice as slow: none beside the others."""
    everything = dict.fromkeys(range(10), 2.0)
    found = compared(traffic(1), traffic(2, slower=everything))
    assert slower_routes(found) == []
    assert found.shift is not None
    assert found.shift.ratio == pytest.approx(2.0, abs=0.15)
    assert found.shift.low < 2.0 < found.shift.high
    assert found.shift.is_slower


def test_the_luck_of_the_machine_is_no_shift() -> None:
    """What all routes of a run share is one draw a run, however many routes there are."""
    for machine in (0.05, 0.3):
        red, width = 0, []
        for seed in range(40):
            base = traffic(seed, runs=6, machine=machine, spread=0.2)
            now = traffic(seed + 999, runs=6, machine=machine, spread=0.2)
            shift = compared(base, now).shift
            assert shift is not None
            red += shift.is_slower
            width.append(math.log(shift.high / shift.low))
        assert red <= 1
        # ±t of a difference of two means of six runs; two things that differ share no error
        assert sorted(width)[20] == pytest.approx(2 * 2.3 * machine * math.sqrt(2 / 6), rel=0.25)


def test_a_shift_that_a_sample_cannot_show_says_what_it_needs() -> None:
    """Runs that differ by a third tell nothing of 30 %; above the limit, what tells it from that."""
    base = traffic(1, runs=6, machine=0.3)
    unsure = compared(base, traffic(2, runs=6, machine=0.3)).shift
    assert unsure is not None
    assert unsure.needed > unsure.requests == 600
    slow = compared(base, traffic(2, runs=6, machine=0.3, slower=dict.fromkeys(range(10), 1.4)))
    assert slow.shift is not None
    assert slow.shift.ratio > 1.1
    assert not slow.shift.is_slower
    assert slow.shift.needed > slow.shift.requests


def test_a_route_that_waits_is_not_blamed_for_a_faster_machine() -> None:
    """It stayed as it was; beside the others it looks slower."""
    faster = dict.fromkeys(range(1, 10), 0.7)
    found = compared(traffic(1), traffic(2, slower=faster))
    change = next(change for change in found.changes if change.subject == "GET /0/")
    assert change.ratio > 1.3
    assert slower_routes(found) == []


def blocks(draw: random.Random, middle: float, spread: float, n: int = 20) -> list[Block]:
    """Medians of stretches as they come out."""
    return [Block(100, draw.gauss(middle, spread)) for _ in range(n)]


def test_a_route_that_is_known_well_does_not_pay_for_the_others() -> None:
    """All are 15 % slower; what five noisy routes say of that is a guess, and counts as one."""
    draw = random.Random(1)
    red = 0
    for _ in range(300):
        sides = [
            {"precise": blocks(draw, middle, 0.01)}
            | {f"noisy {i}": blocks(draw, middle, 0.35, n=5) for i in range(5)}
            for middle in (11, 11 + math.log(1.15))
        ]
        red += "precise" in slower_routes(compare_latency(*sides))
    assert red <= 3


def test_a_margin_that_hides_the_slowdown_takes_a_larger_sample() -> None:
    """+30 % is hardly above 25 %: a sample that shows it above 10 % shows nothing of it there."""
    draw = random.Random(2)
    base, now = ({f"GET /{i}/": blocks(draw, 11, 0.15) for i in range(8)} for _ in range(2))
    needed = {
        margin: compare_latency(base, now, margin).changes[0].needed for margin in (0.1, 0.2, 0.25)
    }
    ratio = math.log(1.3 / 1.1) / math.log(1.3 / 1.25)
    assert needed[0.25] == pytest.approx(needed[0.1] * ratio**2, rel=0.01)
    assert needed[0.1] < needed[0.2] < needed[0.25]


def test_above_a_large_margin_another_slowdown_is_looked_for() -> None:
    """+30 % is within a margin of 50 %; as far beyond it as 30 % is beyond 10 % is +77 %."""
    assert detectable(0.1) == detectable(0.29) == 0.3
    assert detectable(0.5) == pytest.approx(1.5 * 1.3 / 1.1 - 1)
    found = compared(traffic(1), traffic(2))
    wide = compare_latency(cut_blocks(traffic(1)), cut_blocks(traffic(2)), 0.5)
    for change, other in zip(found.changes, wide.changes, strict=True):
        assert change.needed == other.needed
        assert 1 + other.detectable == pytest.approx((1 + change.detectable) * 1.5 / 1.1)


def test_few_routes_have_no_common_shift() -> None:
    """Under five each stands for itself; a slower one is found all the same."""
    base = traffic(1, routes=FEWEST_ROUTES - 1, machine=0.01)
    now = traffic(2, routes=FEWEST_ROUTES - 1, machine=0.01, slower={0: 1.4})
    found = compared(base, now)
    assert found.shift is None
    assert slower_routes(found) == ["GET /0/"]


def test_requests_of_one_moment_are_no_sample() -> None:
    """A hundred thousand in one period are one block, whose luck they share."""
    base, now = traffic(1, runs=1, each=2000), traffic(2, runs=1, each=2000)
    found = compared(base, now)
    assert found.changes == ()
    assert found.too_few["GET /0/"] == 2000


def test_noise_between_runs_counts_however_many_requests() -> None:
    """Routes that differ from run to run need more runs, not more requests in each."""
    draw = random.Random(7)
    base, now = (
        {
            f"GET /{route}/": {
                run: counts([math.exp(8 + luck)] * 1000)
                for run in range(6)
                for luck in [draw.gauss(0, 0.3)]
            }
            for route in range(6)
        }
        for _ in range(2)
    )
    found = compared(base, now)
    assert slower_routes(found) == []
    assert all(change.needed > change.requests for change in found.changes)


def test_a_small_sample_says_what_it_needs() -> None:
    """The needed size holds: with as many, nothing more is missing."""
    small = compared(traffic(1, each=10, spread=0.8), traffic(2, each=10, spread=0.8))
    needed = max(change.needed for change in small.changes)
    assert needed > 100
    large = compared(
        traffic(3, each=needed, spread=0.8, runs=10), traffic(4, each=needed, spread=0.8, runs=10)
    )
    assert all(change.requests >= change.needed for change in large.changes)


@given(
    st.dictionaries(
        st.integers(0, 200), st.dictionaries(st.integers(1, 900), st.integers(1, 60), min_size=1)
    )
)
def test_blocks_hold_every_request_once(periods: dict[int, dict[int, int]]) -> None:
    """Each large enough, not too many; of too few requests there is one, so that they are counted."""
    total = sum(sum(buckets.values()) for buckets in periods.values())
    blocks = cut_blocks({"GET /": periods})["GET /"]
    assert len(blocks) <= MOST_BLOCKS
    assert sum(block.requests for block in blocks) == total
    if total < FEWEST_IN_BLOCK:
        assert len(blocks) == min(1, total)
    else:
        assert min(block.requests for block in blocks) >= FEWEST_IN_BLOCK


def test_too_few_requests_are_counted_as_they_are() -> None:
    """The smaller side of both; a few are not none."""
    found = compared(traffic(1, each=1, runs=6), traffic(2, each=1, runs=18))
    assert set(found.too_few.values()) == {6}


@given(st.lists(st.integers(100, 10_000_000), min_size=FEWEST_IN_BLOCK, max_size=300))
def test_a_blocks_median_is_near_that_of_its_requests(durations_us: list[int]) -> None:
    """Within the two middle ones and a bucket."""
    (block,) = cut_blocks({"GET /": {0: counts(durations_us)}})["GET /"] or (None,)
    assert block is not None
    ordered = sorted(durations_us)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    assert low * 0.97 <= math.exp(block.log_us) <= high * 1.03


def test_blocks_that_are_all_alike_still_leave_a_doubt() -> None:
    """A bucket of the sketch is 2 % wide: no error is 0."""
    same = {f"GET /{i}/": [Block(100, 8.0)] * FEWEST_BLOCKS for i in range(6)}
    found = compare_latency(same, same)
    assert all(0 < change.p_value <= 1 for change in found.changes)
    assert slower_routes(found) == []
