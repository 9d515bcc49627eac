"""Headings, notes, pairs and rows of any kind."""

from __future__ import annotations

import pytest

from perfctl.model import Coverage
from perfctl.render import text
from tests.render import samples

WIDE = samples.console(80)


def test_cut() -> None:
    """20 rows unless a limit says otherwise, and 0 is all."""
    rows = list(range(57))

    assert text.cut(rows, None) == rows[:20]
    assert text.cut(rows, 3) == [0, 1, 2]
    assert text.cut(rows, 0) == rows


def test_footer() -> None:
    """Only where something is not shown."""
    assert text.footer(20, 57, "routes", WIDE) == "20 of 57 routes; --limit 0 shows all"
    assert text.footer(57, 57, "routes", WIDE) == ""


def test_heading_is_broken_between_its_pieces() -> None:
    """A path stays whole, whatever the terminal: it is there to be copied."""
    path = "/srv/" + "x" * 30

    assert text.heading("Health", ["host web1", path], samples.console(20)).split("\n") == [
        "Health · host web1",
        path,
    ]
    assert text.heading("Health", ["host web1", path], samples.console(None)) == (
        f"Health · host web1 · {path}"
    )


def test_notes_tell_what_the_numbers_lack() -> None:
    """Warnings, what was dropped, what waits, and how old the newest request is."""
    coverage = Coverage(3, ("web1",), 1204, 5_000_000, 11_400.0)
    found = samples.answer("cache", {}, coverage=coverage, warnings=("schema 1 is behind",))

    assert text.notes(found, samples.console(None)).split("\n") == [
        "▲ schema 1 is behind",
        "1,204 records were dropped (perfctl doctor) · 5.00 MB wait in the spool (perfctl collect)"
        " · newest request 3 h 10 min ago",
    ]


def test_nothing_to_note() -> None:
    """No line where nothing is missing."""
    assert text.notes(samples.endpoints(), WIDE) == ""


@pytest.mark.parametrize(
    ("coverage", "remedy"),
    [
        (Coverage(0, (), 0, 0, None), "`perfctl doctor` tells what is missing."),
        (Coverage(0, (), 0, 900, None), "`perfctl collect` brings in what waits."),
        (Coverage(0, ("web1",), 0, 0, 60.0), "a longer --since may find older ones."),
    ],
)
def test_nothing_found(coverage: Coverage, remedy: str) -> None:
    """Where it was looked for, and what brings it."""
    found = samples.answer("cache", {"caches": []}, coverage=coverage)

    line = text.empty("cache operations", found, samples.console(None), "/srv/p.db").split("\n")[0]

    assert line == (
        "No cache operations in /srv/p.db, 2026-11-23 13:00 – 2026-11-24 13:00 CET (1 d): " + remedy
    )


def test_pairs() -> None:
    """Values below each other, broken where the terminal ends."""
    pairs = {"free_bytes": 4096, "oldest_request": "never seen yet"}

    assert text.render_pairs("Store", pairs, samples.console(26)).split("\n") == [
        "Store",
        "free            4.10 kB",
        "oldest request  never seen",
        "                yet",
    ]


def test_rows_have_all_names() -> None:
    """Also those that only some rows have; numbers to the right."""
    rows = [{"name": "a", "age_s": 90}, {"name": "b", "extra": True}]

    assert text.render_rows(rows, WIDE, title="Rows").split("\n") == [
        "Rows",
        "name       age_s  extra",
        "───────────────────────",
        "a     1 min 30 s  –",
        "b              –  yes",
    ]


def test_raw_rows_are_not_read_by_their_names() -> None:
    """The columns of somebody's own statement may be called anything."""
    rows = [{"error_rate": 7, "at_ms": None}]

    assert text.render_rows(rows, WIDE, is_raw=True).split("\n")[2] == "         7      –"


def test_rows_too_wide_for_the_terminal_stand_a_line_a_column() -> None:
    """As `SELECT *` gives them; a pipe gets the table."""
    rows = [{f"column_{n}": f"value {n} " * 3 for n in range(4)}] * 2

    narrow = text.render_rows(rows, samples.console(50), is_raw=True)

    assert narrow.split("\n")[:6] == [
        "column_0  value 0 value 0 value 0",
        "column_1  value 1 value 1 value 1",
        "column_2  value 2 value 2 value 2",
        "column_3  value 3 value 3 value 3",
        "",
        "column_0  value 0 value 0 value 0",
    ]
    assert len(text.render_rows(rows, samples.console(None), is_raw=True).split("\n")) == 4


def test_rows_shrink_before_they_are_broken() -> None:
    """Long texts share the room that there is."""
    rows = [{"a": "x" * 60, "b": "y" * 60, "n": 1}]

    assert text.render_rows(rows, samples.console(40), is_raw=True).split("\n")[2] == (
        "xxxxxxxxxxxxxxxx…  yyyyyyyyyyyyyyyyy…  1"
    )


def test_rows_say_how_many_are_not_shown() -> None:
    """As all lists do."""
    rows = [{"n": n} for n in range(30)]

    assert text.render_rows(rows, WIDE).split("\n")[-1] == "20 of 30 rows; --limit 0 shows all"
