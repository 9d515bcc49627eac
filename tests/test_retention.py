"""Old rows go in short chunks, what is needed stays, and a jumping clock deletes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfctl import capping, chunks, ingest, retention
from perfctl.capping import Cap
from perfctl.config import Config, Retention, parse
from perfctl.errors import ConfigError, UsageError
from perfctl.model import DAY_MS, HOUR_MS, MINUTE_MS
from perfctl.store import connection, error_status, pruning, thinning, upkeep
from perfctl.store.error_status import Event
from perfctl.store.pruning import Chunk
from perfctl.store.requests import TIE_BITS
from tests import segments
from tests.answers.test_errors import error
from tests.segments import NOW_MS, request

KEEP = Retention()
LATER_MS = NOW_MS + 30 * DAY_MS
"""When what was recorded at `NOW_MS` less a bit is due."""


def count(store: Path, statement: str) -> int:
    """One number."""
    with connection.reading(store) as con:
        return int(con.execute(statement).fetchone()[0])


def fill(store: Path, ages_ms: list[int], now_ms: int = NOW_MS) -> None:
    """Requests of these ages."""
    bring(store, [request(now_ms - age) for age in ages_ms], now_ms)


def bring(store: Path, records: list[Any], now_ms: int = NOW_MS) -> None:
    """Records through the spool."""
    segments.write(store, records)
    ingest.drain(store, now_ms)


def write(store: Path, statement: str, *values: object) -> None:
    """One statement."""
    with connection.writing(store) as con:
        con.execute(statement, values)


def open_alert(store: Path, at_ms: int, status: str = "firing") -> None:
    """An alert that began at that time."""
    write(
        store,
        "INSERT INTO performance_alert(id, rule, subject, severity, status, pending_ms, opened_ms,"
        " resolved_ms) VALUES('a1', 'request_p95', '/items/', 'critical', ?, ?, ?, ?)",
        status,
        at_ms - 2 * MINUTE_MS,
        at_ms,
        at_ms + HOUR_MS if status == "resolved" else None,
    )


def test_each_kind_goes_when_its_time_has_come(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty days later raw rows, minutes and hours are gone, days stay."""
    monkeypatch.setattr("perfctl.store.pruning.CHUNK_ROWS", 7)
    fill(store, [HOUR_MS * 20] * 40)
    fill(store, [HOUR_MS] * 60, NOW_MS + 29 * DAY_MS)

    pruned = retention.prune(store, KEEP, NOW_MS + 30 * DAY_MS + HOUR_MS)

    assert pruned.refused is None
    assert pruned.rows["performance_metric"] == 40
    assert count(store, "SELECT count(*) FROM performance_metric") == 60
    assert count(store, "SELECT sum(requests) FROM api_performance_metric WHERE level = 4") == 100
    assert count(store, "SELECT sum(requests) FROM api_performance_metric WHERE level = 1") == 60


def test_foreseen_is_what_happens(store: Path) -> None:
    """A dry run counts what goes of each table, and changes nothing."""
    bring(store, [request(NOW_MS - 9), error(NOW_MS - 9)])
    open_alert(store, NOW_MS - DAY_MS)
    fill(store, [20 * HOUR_MS, 20 * HOUR_MS, DAY_MS])
    fill(store, [HOUR_MS] * 9, LATER_MS)
    write(store, "INSERT INTO system_hour VALUES('web1', 1, 1, 1, 1, 1, 1, 1, 1, 1)")
    with connection.reading(store) as con:
        before = "\n".join(con.iterdump())
        foreseen = retention.foresee(con, KEEP, LATER_MS)
        assert "\n".join(con.iterdump()) == before

    pruned = retention.prune(store, KEEP, LATER_MS)

    assert foreseen.rows["performance_metric"] == 3
    assert foreseen.protected == pruned.protected == {"performance_metric": 1}
    assert foreseen.rows == pruned.rows
    assert retention.prune(store, KEEP, LATER_MS + 1).rows == {}


def test_requests_around_an_open_alert_stay(store: Path) -> None:
    """Fifteen minutes before it began to a quarter after it opened, until it has ended."""
    opened = NOW_MS - HOUR_MS
    ages = [opened - 18 * MINUTE_MS, opened - 16 * MINUTE_MS, opened + 14 * MINUTE_MS,
            opened + 16 * MINUTE_MS]  # fmt: skip
    bring(store, [request(at) for at in ages])
    fill(store, [0] * 9, LATER_MS)
    open_alert(store, opened)
    kept = f"SELECT count(*) FROM performance_metric WHERE id < {NOW_MS << TIE_BITS}"

    pruned = retention.prune(store, KEEP, LATER_MS + HOUR_MS)
    assert pruned.protected == {"performance_metric": 2}
    assert count(store, kept) == 2

    write(store, "UPDATE performance_alert SET status = 'resolved', resolved_ms = ?", LATER_MS)
    retention.prune(store, KEEP, LATER_MS + HOUR_MS)
    assert count(store, kept) == 0


def test_unresolved_errors_keep_their_last_occurrences(store: Path) -> None:
    """Five of each group, as long as the day cells; a resolved group goes with its last."""
    kinds = ("OpenError", "ResolvedError")
    bring(store, [error(NOW_MS - i, kind) for i in range(8) for kind in kinds])
    later = NOW_MS + 91 * DAY_MS
    fill(store, [0], later)
    with connection.writing(store) as con:
        (resolved,) = con.execute(
            "SELECT id FROM error_group WHERE type = 'ResolvedError'"
        ).fetchone()
        error_status.resolve(con, resolved, Event(NOW_MS + 1, "resolved", "ana", None))

    pruned = retention.prune(store, KEEP, later)

    assert pruned.rows["error_log"] == 11
    assert pruned.protected["error_log"] == 5
    newest = f"SELECT count(*) FROM error_log WHERE id >= {(NOW_MS - 4) << TIE_BITS}"
    assert count(store, newest) == count(store, "SELECT count(*) FROM error_log") == 5
    assert count(store, "SELECT count(*) FROM error_group") == 1
    assert count(store, "SELECT count(*) FROM error_event") == 0

    much_later = NOW_MS + 401 * DAY_MS
    fill(store, [0, 1, 2], much_later)
    retention.prune(store, KEEP, much_later)
    assert count(store, "SELECT count(*) FROM error_log") == 0
    assert count(store, "SELECT count(*) FROM error_group") == 0


def test_what_the_evaluation_has_seen_goes_behind_the_guard_too(store: Path) -> None:
    """Minutes and sizes as requests, sightings after 400 d; a clock that jumped takes none."""
    fill(store, [0], NOW_MS)
    write(store, "INSERT INTO judged_minute VALUES(?, 3)", NOW_MS // MINUTE_MS)
    write(store, "INSERT INTO store_size VALUES(?, 1, 1)", NOW_MS)
    write(store, "INSERT INTO sighting VALUES('n_plus_one', 'x', ?, ?)", NOW_MS, NOW_MS)

    def left() -> list[int]:
        tables = ("judged_minute", "store_size", "sighting")
        return [count(store, f"SELECT count(*) FROM {table}") for table in tables]

    assert retention.prune(store, KEEP, NOW_MS + 401 * DAY_MS).refused
    assert left() == [1, 1, 1]
    retention.prune(store, KEEP, NOW_MS + 31 * DAY_MS, force=True)
    assert left() == [0, 0, 1]
    retention.prune(store, KEEP, NOW_MS + 401 * DAY_MS, force=True)
    assert left() == [0, 0, 0]


def test_a_test_run_goes_with_all_that_was_kept_of_it(store: Path) -> None:
    """Its requests one by one, and which processes wrote them; a younger run stays."""
    for age_ms in (31 * DAY_MS, 0):
        records = [request(LATER_MS - age_ms, test="t::a")]
        segments.write(store, records, head=segments.header(source="test"))
        ingest.drain(store, LATER_MS - age_ms)

    assert retention.prune(store, KEEP, LATER_MS, force=True).rows["test_request"] == 1

    assert count(store, "SELECT count(*) FROM test_request") == 1
    assert count(store, "SELECT count(*) FROM test_segment") == 1


def test_the_last_prediction_of_a_subject_stays(store: Path) -> None:
    """New values are held against it."""
    fill(store, [0])
    for at_ms, subject in ((1, "/a/"), (2, "/a/"), (3, "/b/")):
        write(
            store,
            "INSERT INTO performance_prediction(at_ms, kind, subject) VALUES(?, 'p', ?)",
            at_ms,
            subject,
        )

    assert retention.prune(store, KEEP, NOW_MS).rows == {"performance_prediction": 1}
    assert count(store, "SELECT group_concat(at_ms, '') FROM performance_prediction") == 23


def test_a_clock_that_jumps_ahead_deletes_nothing(store: Path) -> None:
    """A year ahead, all would be old: nothing goes, and it is said why."""
    fill(store, [HOUR_MS, 2 * HOUR_MS])
    assert retention.prune(store, KEEP, NOW_MS).refused is None

    pruned = retention.prune(store, KEEP, NOW_MS + 365 * DAY_MS)

    assert pruned.rows == {}
    assert "clock" in (pruned.refused or "")
    assert pruned.remarks == [f"nothing was pruned: {pruned.refused}"]
    assert count(store, "SELECT count(*) FROM performance_metric") == 2
    assert count(store, "SELECT count(*) FROM api_performance_metric WHERE level = 1") == 2
    # nor a minute later: that nothing was pruned is no sign that the clock is right
    assert retention.prune(store, KEEP, NOW_MS + 365 * DAY_MS + MINUTE_MS).refused is not None


def test_a_clock_that_jumps_ahead_deletes_nothing_of_a_store_without_requests(store: Path) -> None:
    """The other records are looked at then."""
    bring(store, [error(NOW_MS - i, f"Error{i % 7}") for i in range(70)])

    pruned = retention.prune(store, KEEP, NOW_MS + 365 * DAY_MS)

    assert "clock" in (pruned.refused or "")
    assert count(store, "SELECT count(*) FROM error_log") == 70


def test_a_clock_that_jumps_back_deletes_nothing(store: Path) -> None:
    """The newest request then lies in the future; no word overrules that."""
    fill(store, [HOUR_MS])

    assert "future" in (retention.prune(store, KEEP, NOW_MS - DAY_MS).refused or "")
    assert retention.prune(store, KEEP, NOW_MS - DAY_MS, force=True).rows == {}


def test_more_than_half_goes_only_by_force(store: Path) -> None:
    """A retention that somebody mistyped is not told from a clock that jumped."""
    fill(store, [DAY_MS] * 6 + [0] * 5)
    short = KEEP._replace(requests_ms=HOUR_MS)
    retention.prune(store, KEEP, NOW_MS)

    assert "6 of 11" in (retention.prune(store, short, NOW_MS).refused or "")
    forced = retention.prune(store, short, NOW_MS, force=True)

    assert forced.rows["performance_metric"] == 6
    assert forced.remarks == ["6 of 11 records are older than they are kept: --force lets them"]


def test_a_store_whose_traffic_has_ended_is_emptied(store: Path) -> None:
    """Pruned day by day, the clock cannot have jumped: nobody needs to come and say so."""
    fill(store, [0] * 5)
    for day in range(31):
        pruned = retention.prune(store, KEEP, NOW_MS + day * (DAY_MS - 1))
        assert pruned.refused is None
    assert count(store, "SELECT count(*) FROM performance_metric") == 5

    retention.prune(store, KEEP, NOW_MS + 31 * (DAY_MS - 1))

    assert count(store, "SELECT count(*) FROM performance_metric") == 0


def test_pages_are_given_back(store: Path) -> None:
    """The file shrinks by what was deleted, by itself."""
    fill(store, [HOUR_MS * 20 + i for i in range(20_000)])
    fill(store, list(range(20_001)), LATER_MS - DAY_MS)
    with connection.writing(store) as con:
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    before = store.stat().st_size

    pruned = retention.prune(store, KEEP, LATER_MS + HOUR_MS)

    assert store.stat().st_size == before - pruned.freed_bytes
    assert store.stat().st_size < before * 0.8


def test_hourly_means_hourly(store: Path) -> None:
    """The second call within the hour does nothing, whatever came of the first."""
    fill(store, [HOUR_MS])
    retention.prune_hourly(store, KEEP, NOW_MS)

    assert retention.prune_hourly(store, KEEP, NOW_MS + HOUR_MS - 1) == retention.Pruned({})
    assert count(store, "SELECT value FROM meta WHERE key = 'pruned_ms'") == NOW_MS

    jumped = NOW_MS + 365 * DAY_MS
    assert retention.prune_hourly(store, KEEP, jumped).refused is not None
    assert retention.prune_hourly(store, KEEP, jumped + 1).refused is None
    assert count(store, "SELECT value FROM meta WHERE key = 'pruned_ms'") == NOW_MS


def test_collect_gives_it_a_while_and_goes_on_the_next_time(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a sample to take each minute: what is left waits for that, not for an hour."""
    monkeypatch.setattr("perfctl.store.pruning.CHUNK_ROWS", 7)
    fill(store, [HOUR_MS] * 20)
    fill(store, [0] * 21, LATER_MS)
    monkeypatch.setattr("perfctl.retention._BUDGET_S", 0.0)

    first = retention.prune_hourly(store, KEEP, LATER_MS)
    assert first.rows["performance_metric"] == 7
    assert first.is_unfinished
    assert first.remarks == ["not all is pruned yet: the next collect goes on"]

    monkeypatch.setattr("perfctl.retention._BUDGET_S", 60.0)
    second = retention.prune_hourly(store, KEEP, LATER_MS + MINUTE_MS)
    assert second.rows["performance_metric"] == 13
    assert second.remarks == []
    assert retention.prune_hourly(store, KEEP, LATER_MS + 2 * MINUTE_MS).rows == {}


def test_thinning_that_runs_out_of_time_takes_no_stronger_step(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in 256 is for what one in 16 leaves."""
    large(store)
    monkeypatch.setattr("perfctl.store.pruning.CHUNK_ROWS", 500)

    pruned = retention.prune(store, KEEP, NOW_MS, Cap(1, CONFIG), budget=chunks.Budget(0))

    with connection.reading(store) as con:
        until = thinning.thinned_until(con)
    assert 0 < pruned.rows["thinned"] < 500
    assert until[16] > until[256] == 0


def test_unused_names_are_freed(store: Path) -> None:
    """Of a route that the day cells have passed; one that is in use stays."""
    bring(store, [request(NOW_MS - 5, route="/gone/"), request(NOW_MS - 5, route="/kept/")])
    later = NOW_MS + 402 * DAY_MS
    bring(store, [request(later - i, route="/kept/") for i in range(9)], later)

    pruned = retention.prune(store, KEEP, later)

    assert pruned.rows["names"] == 1
    assert count(store, "SELECT count(*) FROM endpoint WHERE route = '/kept/'") == 1
    assert count(store, "SELECT count(*) FROM endpoint") == 1


def test_names_stay_where_somebody_wrote_meanwhile(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that came while they were looked for may use one again."""
    bring(store, [request(NOW_MS - 5, route="/gone/")])
    later = NOW_MS + 402 * DAY_MS
    fill(store, [0, 0, 0], later)
    found = pruning.unused_names

    def late(con: Any, before_ms: int) -> pruning.Unused:
        unused = found(con, before_ms)
        bring(store, [request(later, route="/gone/")], later)
        return unused

    monkeypatch.setattr(pruning, "unused_names", late)

    assert "names" not in retention.prune(store, KEEP, later).rows
    assert count(store, "SELECT count(*) FROM endpoint WHERE route = '/gone/'") == 1


def test_between_chunks_the_lock_is_free(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that looks during the pause gets its turn; after the last chunk too."""
    pauses: list[float] = []

    def look(pause_s: float) -> None:
        with connection.locked(store, 0):
            pauses.append(pause_s)

    monkeypatch.setattr("perfctl.chunks.time.sleep", look)
    todo = iter([Chunk(5, 1), Chunk(5, 2), Chunk(5, None)])

    assert chunks.in_chunks(store, lambda con, begin, rows: next(todo)) == 15

    assert pauses == [chunks.PAUSE_S] * 3
    assert chunks.PAUSE_S > 0.01  # what `locked` sleeps between two looks


def test_a_chunk_begins_where_the_last_one_ended(store: Path) -> None:
    """And takes fewer rows where that one held the lock for long."""
    seen: list[tuple[int, int]] = []

    def act(con: object, begin: int, rows: int) -> Chunk:
        seen.append((begin, rows))
        if len(seen) == 1:
            threading.Event().wait(0.3)
        return Chunk(0, 77 if len(seen) < 3 else None)

    chunks.in_chunks(store, act)

    assert [begin for begin, _ in seen] == [0, 77, 77]
    assert seen[1][1] < seen[0][1]


def test_the_pace_follows_what_a_chunk_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a few rows on, twice as many each time, to as many as hold the lock for 30 ms."""
    pace = chunks.Pace()
    assert pace.rows == 250
    for took_s, rows in ((0.001, 500), (0.03, 500), (0.06, 250), (10.0, 100), (0.0, 200)):
        pace.note(took_s)
        assert pace.rows == rows
    for _ in range(9):
        pace.note(0.001)
    assert pace.rows == pruning.CHUNK_ROWS == 2000
    monkeypatch.setattr("perfctl.store.pruning.CHUNK_ROWS", 7)
    assert chunks.Pace().rows == 7


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        (["requests=7d"], {"requests_ms": 7 * DAY_MS, "frontend_ms": 7 * DAY_MS}),
        (["errors = 2w", "days=1w"], {"errors_ms": 14 * DAY_MS, "days_ms": 7 * DAY_MS}),
        ([], {}),
    ],
)
def test_keep(said: list[str], changed: dict[str, int]) -> None:
    """As the configuration would say it."""
    found = retention.read_keep(Config(), said).retention

    assert found == KEEP._replace(**changed)


@pytest.mark.parametrize("said", ["requests", "requests=soon", "requests=1m", "request=7d", "=7d"])
def test_keep_that_cannot_be_read(said: str) -> None:
    """Exit 2, and what would be right."""
    with pytest.raises(UsageError) as caught:
        retention.read_keep(Config(), [said])
    assert caught.value.hint or isinstance(caught.value, ConfigError)


Bring = Callable[[int], None]


def large(store: Path) -> None:
    """6,000 requests of yesterday, every 20th slow for its route, every 30th failed."""
    bring(
        store,
        [
            request(
                NOW_MS - DAY_MS + i * 1000,
                route="/slow/" if i % 2 else "/items/",
                duration_us=2_000_000 if i % 20 == 1 else 600_000,
                status=500 if i % 30 == 0 else 200,
            )
            for i in range(6000)
        ],
    )
    fill(store, [30 * MINUTE_MS + i for i in range(300)])


CONFIG = parse({"routes": {"/slow/": {"request_ms": {"target": 700, "threshold": 1500}}}})
SLOW = 300
FAILED = 200


def test_a_store_below_its_size_stays_whole(store: Path) -> None:
    """The cap is no retention."""
    large(store)
    pruned = retention.prune(store, KEEP, NOW_MS, Cap(10**9, CONFIG))
    assert (pruned.rows, pruned.over_bytes) == ({}, 0)
    assert capping.cap_of(Config()) is None


def test_a_store_above_its_size_is_thinned(store: Path) -> None:
    """Slow, failed and the newest hour stay, of the others an even sample; rollups are exact."""
    large(store)
    with connection.reading(store) as con:
        kept = con.execute(
            "SELECT count(*) FROM performance_metric"
            " WHERE id % 256 = 0 OR status = 500 OR duration_us > 1500000 OR id >= ?",
            ((NOW_MS - HOUR_MS) << TIE_BITS,),
        ).fetchone()[0]
        cells = con.execute("SELECT * FROM api_performance_metric").fetchall()

    pruned = retention.prune(store, KEEP, NOW_MS, Cap(1, CONFIG))

    assert pruned.rows["thinned"] == 6300 - kept
    assert count(store, "SELECT count(*) FROM performance_metric") == kept
    assert count(store, "SELECT count(*) FROM performance_metric WHERE status = 500") == FAILED
    slow = "SELECT count(*) FROM performance_metric WHERE duration_us = 2000000"
    assert count(store, slow) == SLOW
    with connection.reading(store) as con:
        assert con.execute("SELECT * FROM api_performance_metric").fetchall() == cells
        assert upkeep.mismatches(con) == []
        assert thinning.thinned_until(con) == dict.fromkeys(thinning.STEPS, NOW_MS - HOUR_MS)
    assert pruned.over_bytes > 0
    assert "max_size" in pruned.remarks[0]


def test_thinning_stops_when_the_store_is_small_enough(store: Path) -> None:
    """The oldest go first; the next time it goes on from there."""
    large(store)
    with connection.reading(store) as con:
        size = thinning.used_bytes(con)
    cap = Cap(size - 40_000, CONFIG)

    first = retention.prune(store, KEEP, NOW_MS, cap)

    with connection.reading(store) as con:
        assert thinning.used_bytes(con) <= cap.max_bytes
        until = thinning.thinned_until(con)
    assert until[16] > until[256] == 0
    assert until[16] < NOW_MS - DAY_MS + 6_000_000
    untouched = f"SELECT count(*) FROM performance_metric WHERE id >= {until[16] + 1 << TIE_BITS}"
    assert count(store, untouched) > 3000
    assert first.over_bytes == 0
    assert retention.prune(store, KEEP, NOW_MS, cap).rows == {}


def test_thinning_spares_what_open_alerts_refer_to(store: Path) -> None:
    """All requests around their begin."""
    large(store)
    opened = NOW_MS - DAY_MS + 3_000_000
    open_alert(store, opened)
    around = (
        "SELECT count(*) FROM performance_metric WHERE id BETWEEN"
        f" {(opened - 17 * MINUTE_MS) << TIE_BITS} AND {(opened + 15 * MINUTE_MS) << TIE_BITS}"
    )
    before = count(store, around)

    retention.prune(store, KEEP, NOW_MS, Cap(1, CONFIG))

    assert before == count(store, around) > 1900
