"""What waits in the spool is stored once, whatever it is and whoever dies meanwhile."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perfctl import ingest
from perfctl.config import Retention
from perfctl.errors import StoreError
from perfctl.model import DAY_MS
from perfctl.store import connection, counters, errors, place
from tests import segments
from tests.segments import NOW_MS, line, request

ADDED = "requests, errors, sum_us, cpu_us, queries, db_us, n_plus_one, duplicates, cache_hits"


def rows(store: Path, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with connection.reading(store) as con:
        return con.execute(statement).fetchall()


def counted(store: Path) -> dict[str, int]:
    """All counters by name."""
    with connection.reading(store) as con:
        return {c.name: c.total for c in counters.select(con)}


def test_a_request_is_stored_as_it_was_written(store: Path) -> None:
    """Every column of a full record arrives under its name."""
    segments.write(
        store,
        [
            ["p", 3, "default", "SELECT * FROM item WHERE id = ?"],
            request(
                request_id="abc",
                queue_us=700,
                user="42",
                patterns=[[3, 2, 900, 600]],
                caches=[["default", "item", 3, 1, 2, 80]],
                lifetime_us=99_000,
                test="t::one",
            ),
        ],
    )

    ingest.drain(store, NOW_MS)

    view = rows(
        store,
        "SELECT started_ms, request_id, host, release, environment, source, method, route, status,"
        " duration_ms, queue_ms, cpu_ms, queries, db_ms, cache_hits, cache_misses, response_bytes,"
        " rss_kib, rss_delta_kib, user, lifetime_ms, test FROM v_requests",
    )
    assert view == [
        (NOW_MS, "abc", "web1", "r1", "production", "live", "GET", "/items/", 200, 12.0, 0.7, 3.0,
         2, 1.5, 3, 1, 512, 45_000, 4, "42", 99.0, "t::one")
    ]  # fmt: skip
    assert rows(
        store, "SELECT fingerprint, calls, total_ms FROM v_queries WHERE level = 'day'"
    ) == [("SELECT * FROM item WHERE id = ?", 2, 0.9)]
    assert rows(
        store, "SELECT prefix, hits, misses, writes FROM v_caches WHERE level = 'hour'"
    ) == [("item", 3, 1, 2)]


def test_every_level_adds_up_to_the_raw_rows(store: Path) -> None:
    """Minutes, hours, days and both totals hold the same sums, over several drains."""
    draw = random.Random(3)
    for _ in range(4):
        segments.write(
            store,
            [
                request(
                    NOW_MS - draw.randrange(3 * 86_400_000),
                    route=f"/r{draw.randrange(5)}/",
                    status=draw.choice([200, 200, 404, 500]),
                    duration_us=draw.randrange(1, 10**7),
                    queries=draw.choice([None, 0, 7]),
                    flags=(blind := draw.choice([0, 256])),
                    caches=[] if blind else [["default", "item", draw.randrange(3), 1, 0, 9]],
                )
                for _ in range(300)
            ],
            head=segments.header(release=f"r{draw.randrange(2)}"),
        )
        ingest.drain(store, NOW_MS)

    raw = rows(
        store,
        "SELECT count(*), sum(status >= 500), sum(duration_us), sum(cpu_us), sum(queries),"
        " sum(db_us), sum(n_plus_one > 0), sum(duplicates), sum(cache_hits) FROM performance_metric",
    )[0]
    sums = ", ".join(f"sum({name})" for name in ADDED.split(", "))
    cells = rows(store, f"SELECT {sums} FROM api_performance_metric GROUP BY level")
    totals = rows(store, f"SELECT {sums} FROM endpoint_total GROUP BY level")
    assert cells == [raw] * 3
    assert totals == [raw] * 2


def test_what_was_not_watched_is_null_in_the_raw_rows(store: Path) -> None:
    """No look-up and no N+1 is known only where somebody looked."""
    segments.write(
        store,
        [
            request(NOW_MS - 2, queries=None, flags=256),
            request(NOW_MS - 1, queries=None),
            request(NOW_MS, flags=256 | 64),
        ],
    )

    ingest.drain(store, NOW_MS)

    assert rows(
        store,
        "SELECT n_plus_one, duplicates, cache_hits, cache_misses FROM v_requests ORDER BY started_ms",
    ) == [(None, None, None, None), (None, None, 0, 0), (0, 0, None, None)]


def test_a_damaged_line_is_counted_and_passed_over(store: Path) -> None:
    """What stands before and after a torn line is stored."""
    good = [request(), request()]
    damaged = bytearray(line(request()))
    damaged[20] ^= 1
    segments.write(store, good[:1], raw=bytes(damaged) + b"garbage\n" + line(good[1]))

    drained = ingest.drain(store, NOW_MS)

    assert drained.requests == 2
    assert drained.rejected == 2
    assert counted(store) == {"refused:torn": 2}


INVALID: list[Any] = [
    request(duration_us=-1),
    request(duration_us=2**63),
    request(duration_us=1.5),
    request(duration_us=True),
    request(status=99),
    request(status="200"),
    request(method="BREW"),
    request(route=""),
    request(route="/\ud800/"),
    request(request_id="é"),
    request(request_id="x" * 129),
    request(started_ms=0),
    request(started_ms=2**43),
    request(queries=float("nan")),
    request(user="\ud800"),
    request(patterns=[[0, 0, 1, 1]]),
    request(patterns=[[0, 1, 1]]),
    request(patterns=[[0, 1, 1, "x"]]),
    request(patterns=[["x", 1, 1, 1]]),
    request(patterns={"a": 1}),
    request(patterns=[[0, 1, 1, 2**60]]),
    request(findings=[["x", 0, 5, 1, None, None]]),
    request(caches=[["default", "p", -1, 0, 0, 0]]),
    request(caches=[["default", "\udfff", 1, 0, 0, 0]]),
    request(spans=[["", 1, 1]]),
    request(spans=[["seal", 0, 1]]),
    [*request(), "too", "long"],
    ["r"],
    ["r", None],
]


@pytest.mark.parametrize("record", INVALID, ids=range(len(INVALID)))
def test_an_invalid_record_is_refused_alone(store: Path, record: Any) -> None:
    """A record of a wrong type or range is counted; its neighbours are stored."""
    segments.write(store, [request(), record, request()])

    ingest.drain(store, NOW_MS)

    assert rows(store, "SELECT count(*) FROM performance_metric") == [(2,)]
    assert rows(store, "SELECT sum(requests) FROM endpoint_total WHERE level = 4") == [(2,)]
    assert counted(store) == {"refused:invalid": 1}


@pytest.mark.parametrize(
    "body",
    [b"{}", b"1", b"[1", b"null", b'"r"', b"[]", b"[" * 5000 + b"]" * 5000, b"1,2", b"NaN"],
    ids=range(9),
)
def test_a_good_checksum_makes_no_good_record(store: Path, body: bytes) -> None:
    """Something else than a JSON array of a known kind is refused, and nothing stops."""
    import zlib

    poison = b"%08x %s\n" % (zlib.crc32(body), body)
    segments.write(store, [request()], raw=poison + line(request()))

    ingest.drain(store, NOW_MS)

    assert rows(store, "SELECT count(*) FROM performance_metric") == [(2,)]
    assert sum(counted(store).values()) == 1


def test_an_unknown_ordinal_is_other(store: Path) -> None:
    """The calls of a pattern whose line was lost are kept as (other)."""
    segments.write(store, [request(patterns=[[9, 3, 30, 10]])])

    ingest.drain(store, NOW_MS)

    assert rows(store, "SELECT fingerprint, calls FROM v_queries WHERE level = 'day'") == [
        ("(other)", 3)
    ]


def test_n_plus_one_calls_stand_at_their_site_and_the_rest_apart(store: Path) -> None:
    """A finding takes its calls from the pattern; the other calls have no call site."""
    finding = ["n", 0, 12, 1_200, "items/views.py:33 in listing", "select_related('owner')"]
    segments.write(
        store,
        [
            ["p", 0, "default", "SELECT ?"],
            request(
                patterns=[[0, 15, 1_500, 100]], findings=[finding, ["d", 0, 4, 400, None, None]]
            ),
        ],
    )

    ingest.drain(store, NOW_MS)

    assert rows(
        store,
        "SELECT call_site, calls, total_ms, n_plus_one, duplicates FROM v_queries"
        " WHERE level = 'ten_minutes' ORDER BY call_site",
    ) == [(None, 3, 0.3, 0, 3), ("items/views.py:33 in listing", 12, 1.2, 1, 0)]
    assert rows(store, "SELECT n_plus_one, duplicates FROM performance_metric") == [(1, 3)]


def test_calls_of_a_pattern_that_was_summed_stand_at_their_site_only(store: Path) -> None:
    """A request with too many patterns sums some under `(other)`: a finding takes its calls there."""
    finding = ["n", 1, 50, 50, "items/views.py:7 in page", None]
    segments.write(
        store,
        [
            ["p", 0, "default", "SELECT a"],
            ["p", 1, "default", "SELECT b"],
            request(patterns=[[0, 10, 100, 10], [-1, 101, 101, 1]], findings=[finding]),
        ],
    )

    ingest.drain(store, NOW_MS)

    assert rows(store, "SELECT sum(calls) FROM v_queries WHERE level = 'day'") == [(111,)]


def test_a_future_request_is_clamped_and_is_not_the_newest(store: Path) -> None:
    """A clock that runs ahead neither hides nor ages what comes after it."""
    segments.write(store, [request(NOW_MS - 5_000), request(NOW_MS + 3_600_000)])

    ingest.drain(store, NOW_MS)

    assert rows(store, "SELECT max(started_ms) FROM v_requests") == [(NOW_MS,)]
    assert rows(store, "SELECT value FROM meta WHERE key = 'newest_ms'") == [(NOW_MS - 5_000,)]
    assert counted(store) == {"clamped:future": 1}


def test_what_retention_has_passed_is_refused(store: Path) -> None:
    """A request of 31 days ago is counted, not stored; one of 29 days is."""
    segments.write(store, [request(NOW_MS - 31 * 86_400_000), request(NOW_MS - 29 * 86_400_000)])

    ingest.drain(store, NOW_MS)

    assert rows(store, "SELECT count(*) FROM performance_metric") == [(1,)]
    assert counted(store) == {"refused:old": 1}


def test_what_the_configured_retention_has_passed_is_refused(store: Path) -> None:
    """A longer one takes what is older; a shorter one what its minutes still hold."""
    days = [1, 3, 31, 59, 61]
    for requests_ms, stored in ((60 * DAY_MS, 4), (DAY_MS // 24, 1)):
        segments.write(store, [request(NOW_MS - n * DAY_MS) for n in days])
        retention = Retention(requests_ms=requests_ms)
        assert ingest.drain(store, NOW_MS, retention=retention).requests == stored


def test_a_clock_that_has_jumped_ahead_loses_nothing(store: Path) -> None:
    """What waits is left, which is said; with the right clock it is stored."""
    segments.write(store, [request(NOW_MS - 60_000)])
    ingest.drain(store, NOW_MS)
    path = segments.write(store, [request() for _ in range(20)])

    for _ in range(2):
        drained = ingest.drain(store, NOW_MS + 40 * DAY_MS)
        assert (drained.requests, drained.is_complete) == (0, False)
        assert drained.remarks[0].startswith("the clock is 40 d ahead")
    assert counted(store) == {"clock:ahead": 1}
    assert ingest.pending_bytes(store) == path.stat().st_size

    assert ingest.drain(store, NOW_MS).requests == 20
    assert counted(store) == {"clock:ahead": 1}


def test_what_is_old_beside_what_is_new_is_refused(store: Path) -> None:
    """The clock is not to blame where anything else is of today."""
    segments.write(store, [request()])
    ingest.drain(store, NOW_MS)
    segments.write(store, [request()], head=segments.header(host="web2"))
    segments.write(store, [request(NOW_MS + 40 * DAY_MS)])

    drained = [ingest.drain(store, NOW_MS + 40 * DAY_MS) for _ in range(2)]

    assert [drain.is_complete for drain in drained] == [False, True]
    assert drained[1].remarks == ()
    assert counted(store)["refused:old"] == 1


def test_frozen_tests_are_stored_whatever_the_clock(store: Path) -> None:
    """They are as old as they say; their segments do not wait."""
    head = segments.header(source="test")
    for _ in range(2):
        segments.write(store, [request()], head=head)
        ingest.drain(store, NOW_MS)
    segments.write(store, [request()], head=head)
    assert ingest.drain(store, NOW_MS + 40 * DAY_MS).requests == 1


def test_a_record_that_no_check_foresaw_is_passed_over_alone(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises: it is counted, and what stands before and behind it is stored."""
    fingerprint = errors.fingerprint

    def failing(source: str, kind: str, frames: Any) -> str:
        if kind == "Poison":
            raise KeyError(kind)
        return fingerprint(source, kind, frames)

    monkeypatch.setattr(errors, "fingerprint", failing)
    plain = ["e", NOW_MS, None, "GET", "/new/", 500, "E", [], None, None]
    poison = [*plain[:6], "Poison", *plain[7:]]
    pattern = ["p", 7, "default", "SELECT ?"]
    use = request(patterns=[[7, 1, 5, 5]])
    path = segments.write(store, [request(), pattern, poison, plain, use, ["r"]])

    drained = ingest.drain(store, NOW_MS)

    assert (drained.requests, drained.rejected) == (2, 2)
    assert counted(store) == {"refused:invalid": 2}
    assert rows(store, "SELECT type, count FROM error_group") == [("E", 1)]
    assert rows(store, "SELECT DISTINCT fingerprint, calls FROM v_queries") == [("SELECT ?", 1)]
    assert rows(store, "SELECT sum(requests) FROM endpoint_total WHERE level = 4") == [(2,)]
    assert not path.exists()


def test_a_store_that_fails_is_no_fault_of_the_records(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is passed over for a full disk: all of them wait."""
    path = segments.write(store, [request()])

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(errors, "insert", full)
        with pytest.raises(StoreError):
            ingest.drain(store, NOW_MS)
    assert counted(store) == {}
    assert ingest.pending_bytes(store) == path.stat().st_size
    assert ingest.drain(store, NOW_MS).requests == 1


def test_a_segment_of_a_newer_format_is_left_unread(store: Path) -> None:
    """It waits for a perfctl that knows it."""
    path = segments.write(store, [request()], head=segments.header(version=2))

    drained = ingest.drain(store, NOW_MS)

    assert drained.requests == 0
    assert path.exists()
    assert ingest.pending_bytes(store) == path.stat().st_size


def test_a_living_writers_segment_is_read_but_kept(store: Path) -> None:
    """Only whole lines are taken; the file goes once its writer has."""
    path = segments.write(store, [request()])
    with path.open("ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_SH)
        torn = line(request())
        os.write(writer.fileno(), torn[:30])
        assert ingest.drain(store, NOW_MS).requests == 1
        assert path.exists()
        os.write(writer.fileno(), torn[30:])
        assert ingest.drain(store, NOW_MS).requests == 1
        assert path.exists()
    ingest.drain(store, NOW_MS)

    assert not path.exists()
    assert rows(store, "SELECT count(*) FROM performance_metric") == [(2,)]
    assert rows(store, "SELECT count(*) FROM spool_position") == [(0,)]


def test_a_torn_tail_of_a_dead_writer_is_counted_and_removed(store: Path) -> None:
    """A write that a kill cut in two leaves a count, not a file for ever."""
    path = segments.write(store, [request()], raw=line(request())[:40])

    ingest.drain(store, NOW_MS)

    assert not path.exists()
    assert counted(store) == {"refused:torn_tail": 1}


@pytest.mark.parametrize("left", [line(segments.header())[:30], b"\0" * 4096, b"x"])
def test_a_first_write_that_was_cut_is_counted_and_removed(store: Path, left: bytes) -> None:
    """A segment without one whole line waits for nobody."""
    path = segments.write(store, [])
    path.write_bytes(left)

    assert ingest.drain(store, NOW_MS).is_complete

    assert not path.exists()
    assert counted(store) == {"refused:torn_tail": 1}
    assert ingest.pending_bytes(store) == 0


def test_a_first_write_that_goes_on_is_waited_for(store: Path) -> None:
    """While its writer lives, half a header may still become a whole one."""
    head = line(segments.header())
    path = segments.write(store, [])
    path.write_bytes(head[:30])
    with path.open("ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_SH)
        ingest.drain(store, NOW_MS)
        os.write(writer.fileno(), head[30:] + line(request()))
        assert ingest.drain(store, NOW_MS).requests == 1
    assert counted(store) == {}


def test_a_stranger_is_counted_once(store: Path, tmp_path: Path) -> None:
    """However often is asked; once it is a file of its own, it is read."""
    good = segments.write(store, [request()])
    os.link(good, tmp_path / "other")
    (good.parent / f"1-{'a' * 16}.spool").symlink_to(good)

    for _ in range(3):
        ingest.drain(store, NOW_MS)
    assert counted(store) == {"refused:file_linked": 1, f"refused:file_errno_{errno.ELOOP}": 1}

    (tmp_path / "other").unlink()
    assert ingest.drain(store, NOW_MS).requests == 1
    assert not good.exists()


def test_strangers_in_the_folder_are_refused_one_by_one(store: Path, tmp_path: Path) -> None:
    """A link, a FIFO, a hard link and a folder named like segments stop nothing."""
    good = segments.write(store, [request()])
    folder = good.parent
    victim = tmp_path / "victim"
    victim.write_bytes(good.read_bytes())
    (folder / f"1-{'a' * 16}.spool").symlink_to(victim)
    os.mkfifo(folder / f"1-{'b' * 16}.spool")
    os.link(victim, folder / f"1-{'c' * 16}.spool")
    (folder / f"1-{'d' * 16}.spool").mkdir()
    (folder / "notes.txt").write_text("not a segment")

    drained = ingest.drain(store, NOW_MS)

    assert drained.requests == 1
    assert victim.exists()
    assert set(counted(store)) >= {"refused:file_not_regular", "refused:file_linked"}


def test_a_cut_file_is_read_anew(store: Path) -> None:
    """Somebody who truncates a segment loses what was in it, not what comes after."""
    path = segments.write(store, [request()] * 5)
    with path.open("rb") as keep_alive:
        fcntl.flock(keep_alive, fcntl.LOCK_SH)
        ingest.drain(store, NOW_MS)
        path.write_bytes(line(segments.header()) + line(request()))
        ingest.drain(store, NOW_MS)

    assert rows(store, "SELECT count(*) FROM performance_metric") == [(6,)]


def test_garbage_without_a_newline_does_not_stop_the_file(store: Path) -> None:
    """Three megabytes of it are passed over; what was before is stored."""
    path = segments.write(store, [request()], raw=b"x" * (3 << 20))

    for _ in range(3):
        ingest.drain(store, NOW_MS)

    assert rows(store, "SELECT count(*) FROM performance_metric") == [(1,)]
    assert not path.exists()


def test_more_names_than_a_table_takes_go_to_other(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million routes are a few endpoints and one (other)."""
    monkeypatch.setattr("perfctl.store.names.MAX_ENDPOINTS", 10)
    segments.write(store, [request(route=f"/r{i}/") for i in range(30)])

    ingest.drain(store, NOW_MS)

    assert rows(store, "SELECT count(*) FROM endpoint") == [(11,)]
    assert rows(store, "SELECT count(*) FROM v_requests WHERE route = '(other)'") == [(20,)]
    assert counted(store)["crowded:endpoint"] == 20


def test_errors_are_grouped_by_type_and_own_functions(store: Path) -> None:
    """The same function at another line is the same group; another type is not."""

    def error(kind: str, at_line: int) -> list[Any]:
        frames = [["app/views.py", at_line, "detail"]]
        return ["e", NOW_MS, "id1", "GET", "/items/", 500, kind, frames, None, "Firefox 130"]

    segments.write(store, [error("KeyError", 3), error("KeyError", 9), error("OSError", 3)])

    ingest.drain(store, NOW_MS)

    groups = rows(store, "SELECT type, count FROM error_group ORDER BY type")
    assert groups == [("KeyError", 2), ("OSError", 1)]


CHILD = """
import os, signal, sys
from pathlib import Path
store, point, hits = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
import perfctl.ingest.intake as d
import perfctl.store.cells as cells, perfctl.store.requests as requests
import perfctl.store.positions as positions, perfctl.spool.reader as reader
left = [hits]
def deadly(owner, name, after):
    plain = getattr(owner, name)
    def killing(*a, **k):
        if not after: strike()
        result = plain(*a, **k)
        if after: strike()
        return result
    setattr(owner, name, killing)
def strike():
    left[0] -= 1
    if not left[0]: os.kill(os.getpid(), signal.SIGKILL)
points = {
    "before_rows": (requests, "insert", False), "after_rows": (requests, "insert", True),
    "after_cells": (cells, "add", True), "before_position": (positions, "keep", False),
    "after_position": (positions, "keep", True), "before_unlink": (reader.Segment, "remove", False),
    "after_unlink": (reader.Segment, "remove", True), "sealed": (reader.Segment, "seal", True),
    "compacted": (cells, "compact", True), "forgotten": (positions, "forget_missing", False),
}
deadly(*points[point])
d.drain(store, int(sys.argv[4]))
"""
POINTS = (
    "before_rows",
    "after_rows",
    "after_cells",
    "before_position",
    "after_position",
    "before_unlink",
    "after_unlink",
    "sealed",
    "compacted",
    "forgotten",
)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("hits", [1, 2])
def test_a_kill_at_any_point_loses_and_doubles_nothing(store: Path, point: str, hits: int) -> None:
    """SIGKILL inside a drain, then a whole one: each request is stored once, cells agree."""
    wanted = set()
    for _ in range(3):
        records = [request() for _ in range(40)]
        wanted |= {record[7] for record in records}
        segments.write(store, records)

    killed = subprocess.run(
        [sys.executable, "-c", CHILD, str(store), point, str(hits), str(NOW_MS)], check=False
    )
    ingest.drain(store, NOW_MS)

    expected = 0 if point in ("compacted", "forgotten") and hits == 2 else -signal.SIGKILL
    assert killed.returncode == expected
    stored = [row[0] for row in rows(store, "SELECT request_id FROM performance_metric")]
    assert sorted(stored) == sorted(wanted)
    assert rows(store, "SELECT DISTINCT total FROM (SELECT sum(requests) AS total"
                       " FROM api_performance_metric GROUP BY level)") == [(120,)]  # fmt: skip
    assert not list(place.spool_folder(store).iterdir())


def test_two_drains_at_once_store_each_request_once(store: Path) -> None:
    """Several ingesters take turns under the write lock."""
    for _ in range(20):
        segments.write(store, [request() for _ in range(50)])
    command = (
        "import sys; from pathlib import Path; from perfctl import ingest;"
        " ingest.drain(Path(sys.argv[1]), int(sys.argv[2]))"
    )
    drains = [
        subprocess.Popen([sys.executable, "-c", command, str(store), str(NOW_MS)]) for _ in range(3)
    ]
    assert [drain.wait() for drain in drains] == [0, 0, 0]

    assert rows(store, "SELECT count(*), count(DISTINCT request_id) FROM performance_metric") == [
        (1000, 1000)
    ]


def test_a_drain_out_of_time_says_so(store: Path) -> None:
    """With no time at all nothing is read, and what waits is known to the byte."""
    path = segments.write(store, [request()])

    drained = ingest.drain(store, NOW_MS, budget_s=0)

    assert not drained.is_complete
    assert ingest.pending_bytes(store) == path.stat().st_size


def test_a_busy_store_does_not_stop_a_question(store: Path) -> None:
    """Where another perfctl writes, a drain with a budget gives up quietly."""
    segments.write(store, [request()])
    with connection.locked(store, 1):
        assert not ingest.drain(store, NOW_MS, budget_s=0.05).is_complete


def test_the_errors_json_of_frames_is_readable(store: Path) -> None:
    """Frames are kept as JSON, newest occurrence first in line."""
    frames = [["app/a.py", 1, "outer"], ["app/b.py", 7, "inner"]]
    segments.write(
        store, [["e", NOW_MS, None, None, None, None, "ValueError", frames, None, None, "7", True]]
    )

    ingest.drain(store, NOW_MS)

    (found, location) = rows(store, "SELECT frames, location FROM error_group")[0]
    assert json.loads(found) == frames
    assert location == "app/b.py:7 in inner"


def test_thousands_of_requests_may_share_a_millisecond(store: Path) -> None:
    """A clock ahead clamps them all to now: each batch still finds its ids at once."""
    for _ in range(4):
        segments.write(store, [request(NOW_MS + 10**7) for _ in range(3000)])
        ingest.drain(store, NOW_MS)

    assert rows(store, "SELECT count(*), count(DISTINCT request_id) FROM performance_metric") == [
        (12_000, 12_000)
    ]
