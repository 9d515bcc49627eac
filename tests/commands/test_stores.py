"""Stores that are none, newer, damaged, foreign or out of reach: nothing lost, nothing overwritten."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from perfctl.store import connection
from tests import segments
from tests.commands.conftest import Perfctl
from tests.segments import request

COMMANDS = ("endpoints", "health", "collect", "init", "requests", "db check", "query 1")


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_file_that_is_no_database_is_left_alone(
    perfctl: Perfctl, tmp_path: Path, verb: str
) -> None:
    """Exit 4, one clear line, the bytes as they were."""
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"not a database at all, only text" * 200)
    done = perfctl(*verb.split(), db=junk)
    assert done.code == 4
    assert done.out == ""
    assert "not a perfctl store" in done.err
    assert junk.read_bytes() == b"not a database at all, only text" * 200
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("junk")] == ["junk.db"]


@pytest.mark.parametrize("verb", COMMANDS)
def test_somebody_elses_database_is_left_alone(perfctl: Perfctl, tmp_path: Path, verb: str) -> None:
    """A project's own db.sqlite3 given by mistake gets no tables of ours."""
    foreign = tmp_path / "db.sqlite3"
    con = sqlite3.connect(foreign)
    con.execute("CREATE TABLE auth_user(id INTEGER)")
    con.commit()
    con.close()
    before = foreign.read_bytes()
    done = perfctl(*verb.split(), db=foreign)
    assert (done.code, done.out) == (4, "")
    assert "not a perfctl store" in done.err
    assert foreign.read_bytes() == before
    assert not foreign.with_name("db.sqlite3.spool").exists()


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_newer_schema_is_refused_below_its_min_reader(
    perfctl: Perfctl, store: Path, verb: str
) -> None:
    """Exit 4 and the line to upgrade; nothing is written."""
    _stamp(store, schema=9, min_reader=5)
    segments.write(store, [request()])
    done = perfctl(*verb.split(), db=store)
    assert (done.code, done.out) == (4, "")
    assert "newer perfctl" in done.err
    assert len(list(store.with_name("perfctl.db.spool").iterdir())) == 1


def test_a_newer_schema_that_still_admits_us_is_read_and_not_written(
    perfctl: Perfctl, filled: Path, now_ms: int
) -> None:
    """The answer comes with a warning, and what waits is left to its own perfctl."""
    _stamp(filled, schema=2, min_reader=1)
    waiting = segments.write(filled, [request(now_ms)])
    done = perfctl("endpoints", "--format", "json", db=filled)
    assert done.code == 0
    assert any("newer" in warning for warning in done.json["warnings"])
    assert done.json["coverage"]["pending_bytes"] == waiting.stat().st_size
    assert perfctl("collect", db=filled).code == 4


def test_a_damaged_page_is_found_by_doctor(perfctl: Perfctl, filled: Path) -> None:
    """Exit 1 with the file's name; the file is left as it is."""
    with connection.writing(filled) as con:
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        (page,) = con.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'performance_metric'"
        ).fetchone()
    with filled.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)
    before = filled.read_bytes()
    done = perfctl("doctor", db=filled)
    assert done.code == 1
    assert "damaged" in done.out or "malformed" in done.out
    assert filled.read_bytes() == before


def test_doctor_of_a_healthy_store_has_nothing_against_it(perfctl: Perfctl, filled: Path) -> None:
    """Exit 0."""
    assert perfctl("doctor", db=filled).code == 0


def test_a_link_in_place_of_the_store_is_refused(
    perfctl: Perfctl, store: Path, tmp_path: Path
) -> None:
    """Whatever it points to."""
    link = tmp_path / "link.db"
    link.symlink_to(store)
    assert perfctl("collect", db=link).code == 4


def test_snapshot_makes_a_whole_copy_and_replaces_nothing(
    perfctl: Perfctl, filled: Path, tmp_path: Path
) -> None:
    """0600, equal content; a second one needs --force."""
    target = tmp_path / "copy.db"
    assert perfctl("db", "snapshot", target, db=filled).code == 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert perfctl("endpoints", "--format", "csv", db=target).out == (
        perfctl("endpoints", "--format", "csv", db=filled).out
    )
    assert perfctl("db", "snapshot", target, db=filled).code == 2
    assert perfctl("db", "snapshot", "--force", target, db=filled).code == 0


def test_check_migrate_vacuum_and_info(perfctl: Perfctl, filled: Path) -> None:
    """Each ends well on a store that is well."""
    assert perfctl("db", "check", db=filled).code == 0
    assert "up to date" in perfctl("db", "migrate", db=filled).out
    assert perfctl("db", "vacuum", db=filled).code == 0
    assert perfctl("db", "vacuum", "--full", db=filled).code == 0
    info = perfctl("db", "info", "--format", "json", db=filled).json["data"]
    assert info["requests"] == 40
    assert info["schema"] == 1


def test_check_finds_a_rollup_that_lost_requests(perfctl: Perfctl, filled: Path) -> None:
    """Fewer in the day's cells than raw rows: exit 1."""
    with connection.writing(filled) as con:
        con.execute("UPDATE api_performance_metric SET requests = 1 WHERE level = 4")
    assert perfctl("db", "check", db=filled).code == 1


def test_init_prints_lines_that_are_python(perfctl: Perfctl, tmp_path: Path) -> None:
    """The Django lines can be pasted; a second init leaves the store as it is."""
    store = tmp_path / "new" / "perfctl.db"
    done = perfctl("init", db=store)
    assert done.code == 0
    assert store.stat().st_mode & 0o777 == 0o600
    assert store.parent.stat().st_mode & 0o777 == 0o700
    lines = done.out[done.out.index("INSTALLED_APPS") : done.out.index("Let cron")]
    settings: dict[str, object] = {}
    exec(lines, settings)
    assert settings["PERFCTL"] == {"DB": str(store)}
    again = perfctl("init", db=store)
    assert again.code == 0
    assert "left as it is" in again.out


def test_config_show_names_the_origins(perfctl: Perfctl, tmp_path: Path) -> None:
    """The store first, each value with the file that sets it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "perfctl.toml").write_text('db = "x.db"\n[thresholds.request_ms]\nthreshold = 800\n')
    done = perfctl("config", "show", "--origin", "--format", "json", cwd=folder)
    rows = {row["name"]: row for row in done.json["data"]["settings"]}
    assert rows["store"]["value"] == str(folder / "x.db")
    assert rows["thresholds.request_ms.threshold"]["origin"] == str(folder / "perfctl.toml")
    assert rows["thresholds.cpu.target"]["origin"] == "default"


def test_config_show_lists_every_name(perfctl: Perfctl, tmp_path: Path) -> None:
    """On a terminal's table too, and what nobody has set."""
    done = perfctl("config", "show", "--origin")
    names = [line.split()[0] for line in done.out.splitlines() if line]
    for name in ("thresholds.cpu.target", "retention.days", "budgets", "alerts", "notify", "deps"):
        assert name in names
    assert "--limit 0" not in done.out
    assert "5 of" in perfctl("config", "show", "--limit", 5).out


def test_a_query_is_bounded_in_time(perfctl: Perfctl, filled: Path) -> None:
    """An endless one is cut and says so: exit 4."""
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    done = perfctl("query", "--timeout", "0.3", endless, db=filled)
    assert done.code == 4
    assert "longer than" in done.err


def test_queries_read_the_views(perfctl: Perfctl, filled: Path) -> None:
    """Rows in every face; .views lists what there is."""
    done = perfctl("query", "SELECT count(*) AS n FROM v_requests", "--format", "json", db=filled)
    assert done.json["data"]["rows"] == [{"n": 40}]
    listed = perfctl("query", ".views", "--format", "json", db=filled).json["data"]["rows"]
    assert {"v_requests", "v_endpoints", "v_system"} <= {row["view"] for row in listed}


def _stamp(store: Path, *, schema: int, min_reader: int) -> None:
    con = sqlite3.connect(store)
    con.execute(f"PRAGMA user_version = {schema}")
    con.execute("UPDATE meta SET value = ? WHERE key = 'min_reader'", (min_reader,))
    con.commit()
    con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    con.close()
