"""Each benchmark runs on tiny sizes and prints what it compares; how fast it is, is not asked."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import measure, report
from benchmarks.report import Report, Table

MINE = ("ingest", "answers", "startup", "spool", "hook", "latency")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken from an earlier run, and no result is written into the checkout."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")


@pytest.fixture(params=MINE)
def quick(request: pytest.FixtureRequest) -> Report:
    """The report of one benchmark on sizes that say nothing."""
    found = benchmarks.run(request.param, quick=True)
    assert found.name == request.param
    return found


def test_a_quick_run_compares_and_keeps_its_figures(quick: Report) -> None:
    """Tables are whole, hold ratios to something measured beside, and are kept as JSON."""
    assert quick.tables
    assert any("×" in column or "error" in table.title for table in quick.tables
               for column in table.columns)  # fmt: skip
    for table in quick.tables:
        assert table.rows
        for row in table.rows:
            assert len(row) == len(table.columns)
            assert all(math.isfinite(cell) for cell in row if isinstance(cell, float))
        assert len([line for line in table.to_markdown().splitlines() if line[:1] == "|"]) == (
            2 + len(table.rows)
        )
    kept = json.loads(quick.save().read_text())
    assert [table["title"] for table in kept["tables"]] == [table.title for table in quick.tables]
    assert kept["cpu"]


def test_the_answers_are_right_whatever_they_cost() -> None:
    """Counts are those of the raw rows, quantiles within 1 % of the exact nearest rank."""
    accuracy = benchmarks.run("answers", quick=True).tables[1]
    for _, *errors, differ in accuracy.rows:
        assert [float(error) <= 0.0101 for error in errors] == [True] * 3
        assert differ == 0


def test_every_arm_takes_part_in_each_round() -> None:
    """The order changes, the number of results does not."""
    seen: list[str] = []
    arms = {name: lambda name=name: seen.append(name) or len(seen) for name in "abc"}
    found = measure.interleaved(arms, 6)
    assert {name: len(results) for name, results in found.items()} == {"a": 6, "b": 6, "c": 6}
    assert sorted(number for results in found.values() for number in results) == [*range(1, 19)]
    assert seen != ["a", "b", "c"] * 6


def test_a_child_that_fails_is_no_result() -> None:
    """Its error is shown instead."""
    with pytest.raises(RuntimeError, match="no_such_function"):
        measure.in_child("benchmarks.ingest:no_such_function")
    with pytest.raises(RuntimeError, match="exit 3"):
        measure.cpu_ms([measure.PERFCTL.with_name("python"), "-c", "raise SystemExit(3)"])


def test_numbers_are_written_for_people() -> None:
    """Three digits, thousands apart, nothing where nothing was measured."""
    table = Table("T", ("what", "a", "b", "c"), [("x", 1234567, 0.123456, None)], ("so",))
    assert table.to_markdown() == (
        "### T\n\n| what | a | b | c |\n|---|---:|---:|---:|\n| x | 1,234,567 | 0.123 |  |\n\n- so\n"
    )
