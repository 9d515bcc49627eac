"""`perfctl prune` as its users run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perfctl import ingest
from perfctl.model import DAY_MS
from tests import segments
from tests.commands.conftest import Perfctl
from tests.segments import request


@pytest.fixture
def aged(store: Path, now_ms: int) -> Path:
    """A store with 5 requests of 20 days ago and 8 of today."""
    records = [request(now_ms - 20 * DAY_MS)] * 5 + [request(now_ms - 1000)] * 8
    segments.write(store, records)
    ingest.drain(store, now_ms)
    return store


def tables(found: Any) -> dict[str, int]:
    """Rows by table, without those of which nothing goes."""
    return {row["table"]: row["rows"] for row in found["data"]["tables"] if row["rows"]}


def test_prune_says_what_it_would_do_and_then_does_it(perfctl: Perfctl, aged: Path) -> None:
    """The dry run changes nothing; both name the same rows."""
    line = ("prune", "--keep", "requests=7d", "--format", "json")
    dry = perfctl(*line, "--dry-run", db=aged)
    again = perfctl(*line, "--dry-run", db=aged)
    done = perfctl(*line, db=aged)
    nothing = perfctl(*line, db=aged)

    assert (dry.code, done.code, nothing.code) == (0, 0, 0)
    assert tables(dry.json)["performance_metric"] == 5
    assert tables(dry.json) == tables(again.json) == tables(done.json)
    assert tables(nothing.json) == {}
    assert done.json["schema"] == "perfctl.prune/1"
    assert (dry.json["data"]["dry_run"], done.json["data"]["dry_run"]) == (True, False)
    assert dry.json["data"]["freed_bytes"] is None
    assert perfctl("requests", "--since", "30d", "--format", "csv", db=aged).out.count("\n") == 9


def test_the_text_of_prune(perfctl: Perfctl, aged: Path) -> None:
    """What goes of which kind, and since when."""
    text = perfctl("prune", "--keep", "requests=7d", "--dry-run", db=aged).out
    assert "would go" in text
    assert "requests" in text
    assert "row deleted" in perfctl("prune", db=aged).out
    assert "0 rows deleted" in perfctl("prune", db=aged).out


def test_more_than_half_is_refused_and_says_how_to_go_on(
    perfctl: Perfctl, aged: Path, now_ms: int
) -> None:
    """Exit 3 with the envelope: whether the clock or the retention is wrong, it cannot tell."""
    line = ("prune", "--keep", "requests=1h")
    segments.write(aged, [request(now_ms - 3 * DAY_MS)] * 30)

    refused = perfctl(*line, "--format", "json", db=aged)

    assert refused.code == 3
    assert "--force" in refused.json["data"]["refused"]
    assert tables(refused.json) == {}
    assert "Nothing was deleted" in perfctl(*line, db=aged).out
    forced = perfctl(*line, "--force", "--format", "json", db=aged)
    assert forced.code == 0
    assert tables(forced.json)["performance_metric"] == 35
    assert "--force" in forced.json["warnings"][0]


def test_prune_needs_a_store_and_a_kind_that_exists(
    perfctl: Perfctl, store: Path, tmp_path: Path
) -> None:
    """Exit 3 without making one; exit 2 with the nearest kind."""
    assert perfctl("prune", db=tmp_path / "none.db").code == 3
    assert not (tmp_path / "none.db").exists()
    wrong = perfctl("prune", "--keep", "request=7d", db=store)
    assert (wrong.code, wrong.out) == (2, "")
    assert "requests" in wrong.err


def test_max_size_thins_and_stays_whole(perfctl: Perfctl, store: Path, now_ms: int) -> None:
    """`db check` finds no fault in a store whose raw rows are thinner than its rollups."""
    toml = store.with_name("perfctl.toml")
    toml.write_text('max_size = "1MB"\n')
    segments.write(store, [request(now_ms - DAY_MS - i) for i in range(20_000)])
    ingest.drain(store, now_ms)

    done = perfctl("--config", toml, "prune", "--format", "json", db=store)

    assert done.code == 0
    assert tables(done.json)["thinned"] > 10_000
    assert done.json["data"]["over_bytes"] == 0
    assert done.json["data"]["size_bytes"] <= done.json["data"]["max_size_bytes"] == 10**6
    assert store.stat().st_size < 1.1e6
    assert perfctl("db", "check", db=store).code == 0
    kept = perfctl("endpoints", "--since", "3d", "--format", "json", db=store).json["data"]
    assert kept["endpoints"][0]["count"] == 20_000
