"""The texts of `prune` and `forget`."""

from __future__ import annotations

import pytest

from perfctl.answers.answer import Answer
from perfctl.forgetting import Forgotten
from perfctl.prune_report import Report, TableRow
from perfctl.render.face import show
from tests.render import samples
from tests.render.test_hostile import FORMATS, check_inert

AT = "2026-10-25T12:00:00.000Z"


def report(**changes: object) -> Answer:
    """A pruning in which requests went and some stayed."""
    fields = {
        "dry_run": False,
        "refused": None,
        "tables": [
            TableRow("performance_metric", 300_000, 412, AT),
            TableRow("error_log", 0, 5, AT),
            TableRow("query_metric", 1204, 0, None),
            TableRow("cache_metric", 0, 0, None),
        ],
        "freed_bytes": 12_300_000,
        "size_bytes": 98_000_000,
        "max_size_bytes": None,
        "over_bytes": 0,
    }
    return samples.answer("prune", Report(**(fields | changes)), window=None)  # type: ignore[arg-type]  # made of keywords


def text(found: Answer, width: int | None = 80) -> str:
    """As a terminal shows it."""
    return show(found, samples.console(width), "table", store="/x.db", limit=None, now_ms=0)


def test_what_went_and_what_stayed() -> None:
    """A line a kind of which something did; how much room there is now."""
    heading, _, *table = text(report()).split("\n")
    assert heading == "Prune · /x.db · 301,204 rows deleted · 12.3 MB given back · 98.0 MB now"
    assert [line.split()[0] for line in table] == ["of", "─" * len(table[1]), "requests", "errors",
                                                   "rollup"]  # fmt: skip
    assert table[2].split()[1:3] == ["300,000", "412"]
    assert table[4].split()[-3:] == ["1,204", "–", "–"]


def test_what_would_go() -> None:
    """Of a dry run nothing is said to be done."""
    found = text(report(dry_run=True, freed_bytes=None))
    assert "301,204 rows would go · 98.0 MB now" in found
    assert "deleted" not in found


def test_a_refusal_says_why() -> None:
    """Below the heading."""
    lines = text(report(refused="6 of 11 records would go", tables=[])).split("\n")
    assert lines[1] == "✖ Nothing was deleted: 6 of 11 records would go"


def test_who_was_forgotten() -> None:
    """From how many rows, and where the identifier is left."""
    rows = {"performance_metric": 2001, "error_log": 1, "frontend_metric": 0}
    found = samples.answer("forget", Forgotten("42", rows, 2, ["perfctl.db-wal: why"]), window=None)
    assert text(found, None).split("\n")[:2] == [
        "Forgotten · user 42 · 2,001 requests · 1 error · 0 front-end records · 2 lines of the spool",
        "✖ still in perfctl.db-wal: why",
    ]


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("has_color", [True, False])
def test_hostile_text_is_inert(fmt: str, has_color: bool) -> None:
    """As everywhere."""
    hostile = samples.HOSTILE
    found = [
        samples.answer("forget", Forgotten(hostile, {hostile: 1}, 0, [hostile]), window=None),
        report(refused=hostile, tables=[TableRow(hostile, 1, 1, None)]),
    ]
    check_inert(found, fmt, 80, has_color=has_color)
