"""The sample that `collect` keeps."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.collectors import system
from perfctl.collectors.host import Counter, CpuTimes
from perfctl.collectors.system import Counters, rates, sample_system
from perfctl.thresholds import Limits, Thresholds

QUIET = Thresholds(cpu=Limits(1, 1), memory=Limits(1, 1))
LOUD = Thresholds(cpu=Limits(1, 1), memory=Limits(0, 0))


def test_the_first_sample_has_values_and_no_rates() -> None:
    """A rate needs two; what stands on one look is there at once."""
    before_ms = time.time() * 1000
    sample = sample_system(None, QUIET, 0.1)
    assert before_ms - 1 <= sample.at_ms <= time.time() * 1000
    assert sample.interval_s is None
    assert sample.cpu is not None
    assert sample.memory is not None
    assert 0 < sample.memory < 1
    assert (sample.net_in_bps, sample.disk_read_bps) == (None, None)
    assert sample.open_files is not None
    assert sample.open_files > 0
    assert sample.processes is not None
    assert sample.processes > 1
    assert sample.uptime_s == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=5)


def test_the_next_sample_has_rates_since_the_first() -> None:
    """Through the text that the store keeps in between; it does not wait again for the CPU."""
    first = sample_system(None, QUIET, 0.1)
    kept = Counters.from_json(first.counters.to_json())
    assert kept == first.counters
    time.sleep(0.2)
    second = sample_system(kept, QUIET, 1000)
    assert second.interval_s == pytest.approx((second.counters.at_us - first.counters.at_us) / 1e6)
    assert second.interval_s is not None
    assert second.interval_s >= 0.2
    assert second.cpu is not None
    assert (second.net_in_bps is None) == (not second.counters.network)
    assert (second.disk_read_bps is None) == (not second.counters.disks)


@pytest.mark.parametrize(
    "changed",
    [
        {"boot_id": "another start of the machine"},
        {"ago_us": -1_000_000_000},
        {"ago_us": 86_400_000_000},
    ],
)
def test_counters_that_do_not_go_on_begin_anew(changed: dict[str, Any]) -> None:
    """After a restart, a clock that went back, a day without a sample."""
    first = sample_system(None, QUIET, 0.05).counters
    earlier = first._replace(at_us=first.at_us - 60_000_000)
    assert sample_system(earlier, QUIET, 0.05).interval_s == pytest.approx(60, abs=5)
    ago_us = changed.pop("ago_us", 60_000_000)
    other = first._replace(at_us=first.at_us - ago_us, **changed)
    second = sample_system(other, QUIET, 0.05)
    assert second.interval_s is None
    assert (second.net_in_bps, second.disk_read_bps) == (None, None)
    assert second.cpu is not None


def test_rates_are_bytes_a_second_over_all_devices() -> None:
    """In and out apart."""
    before = {"eth0": (1000, 100), "eth1": (0, 0)}
    now = {"eth0": (3000, 500), "eth1": (1000, 0)}
    assert rates(before, now, 10.0) == (300.0, 40.0)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (None, {"eth0": (1, 1)}, (None, None)),
        ({"eth0": (5, 5)}, {"eth0": (1, 9)}, (None, None)),
        ({"eth0": (5, 5)}, {"eth1": (9, 9)}, (None, None)),
        ({}, {}, (None, None)),
        ({"a": (5, 5), "b": (0, 0)}, {"a": (1, 9), "b": (20, 10), "c": (99, 99)}, (2.0, 1.0)),
        ({"a": (5, 5)}, {"a": (5, 5)}, (0.0, 0.0)),
    ],
)
def test_a_device_that_was_reset_or_is_new_is_left_out(
    before: dict[str, tuple[int, int]] | None,
    now: dict[str, tuple[int, int]],
    expected: tuple[float | None, float | None],
) -> None:
    """Unknown where none is left; 0 only where nothing moved."""
    assert rates(before, now, 10.0) == expected


def test_no_time_has_no_rate() -> None:
    """Neither none nor nothing of it."""
    assert rates({"a": (0, 0)}, {"a": (9, 9)}, 0.0) == (None, None)
    assert rates({"a": (0, 0)}, {"a": (9, 9)}, None) == (None, None)


def test_the_loopback_is_no_traffic() -> None:
    """What a machine says to itself does not go over its network."""
    assert not [name for name in system.read_network() if name.startswith("lo")]
    assert {name for _, name in socket.if_nameindex()} >= set(system.read_network())


def test_each_disk_counts_once() -> None:
    """No partition of it, and no loop device."""
    names = set(system.read_disks())
    assert not [name for name in names if name.startswith("loop")]
    whole = {folder.name for folder in Path("/sys/block").iterdir()}
    assert names <= whole


def test_who_takes_most_is_looked_for_only_above_a_target() -> None:
    """It takes two looks at every process."""
    assert sample_system(None, QUIET, 0.05).largest == ()
    found = sample_system(None, LOUD, 0.05).largest
    assert 0 < len(found) <= 5


def test_the_row_has_what_the_store_keeps() -> None:
    """The numbers in columns, the rest as JSON; the counters are kept apart."""
    sample = replace(
        sample_system(None, LOUD, 0.05), net_in_bps=1.5, swap=None, loads=(1.0, 2.0, 3.0)
    )
    row = sample.to_row("web-1")
    assert (row.host, row.cpu, row.net_in_bps, row.swap) == ("web-1", sample.cpu, 1.5, None)
    assert row.load1 == 1.0
    detail = json.loads(row.detail)
    assert detail["loads"] == [1.0, 2.0, 3.0]
    assert [disk["mount"] for disk in detail["disks"]] == [disk.mount for disk in sample.disks]
    assert detail["largest"][0] == sample.largest[0]._asdict()
    assert sorted(detail["largest"][0]) == ["cpu", "name", "pid", "rss_bytes", "user"]


flows = st.dictionaries(st.text(), st.tuples(st.integers(0, 2**63), st.integers(0, 2**63)))
cpus = st.builds(
    CpuTimes,
    st.sampled_from(["machine", "cgroup"]),
    st.lists(st.builds(Counter, st.text(), st.integers(0, 2**63), st.integers(0, 2**63))).map(
        tuple
    ),
)


@given(
    st.builds(
        Counters, st.none() | st.text(), st.integers(0, 2**63), st.none() | cpus, flows, flows
    )
)
def test_counters_read_back(counters: Counters) -> None:
    """Whatever devices are called."""
    assert Counters.from_json(counters.to_json()) == counters


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "null",
        "[]",
        "[1,2,3,4,5]",
        '["b",1,null,{},{"a":1}]',
        '["b",1,["x",[]],{},{}]',
        '["b",1,["machine",[[1,2]]],{},{}]',
        '["b",1e999,null,{},{}]',
        '["b",1,null,{},{},"of a later version"]',
    ],
)
def test_counters_that_cannot_be_read_are_none(text: str | None) -> None:
    """Of another version, or damaged: the next sample begins anew."""
    assert Counters.from_json(text) is None
