"""Any answer in the face that was asked for."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from perfctl.errors import UsageError
from perfctl.model import Coverage
from perfctl.render.envelope import to_json
from perfctl.render.face import show
from perfctl.render.rows import to_csv, to_markdown, to_ndjson, to_tsv
from tests.render import samples


def shown(fmt: str, limit: int | None = None) -> str:
    """57 routes in a format."""
    rows = [samples.endpoint(f"/route-{n:02}/") for n in range(57)]
    found = samples.answer("endpoints", {"endpoints": rows})
    return show(found, samples.console(), fmt, store="/x", limit=limit, now_ms=samples.NOW_MS)


def test_other_faces_are_those_of_their_modules() -> None:
    """Chosen by the name of the format."""
    found = samples.database()
    faces = {"ndjson": to_ndjson, "csv": to_csv, "tsv": to_tsv, "md": to_markdown}

    for fmt, face in faces.items():
        text = show(found, samples.console(), fmt, store="/x", limit=2, now_ms=0)
        assert text == face(found, 2)
    text = show(found, samples.console(), "json", store="/x", limit=2, now_ms=0)
    assert text == to_json(found, 0, 2)


def test_an_unknown_format() -> None:
    """Is wrong usage, with those that there are."""
    with pytest.raises(UsageError, match="unknown format 'xml'"):
        shown("xml")


@pytest.mark.parametrize(
    ("limit", "count", "footer"),
    [
        (None, 20, "20 of 57 endpoints; --limit 0 shows all"),
        (5, 5, "5 of 57 endpoints; --limit 0 shows all"),
        (0, 57, None),
        (100, 57, None),
    ],
)
def test_tables_show_20_rows(limit: int | None, count: int, footer: str | None) -> None:
    """Unless a limit says otherwise; what is left out is counted."""
    lines = shown("table", limit).split("\n")

    assert sum("/route-" in line for line in lines) == count
    assert lines[-1] == footer if footer else "/route-56/" in lines[-1]


@pytest.mark.parametrize("fmt", ["ndjson", "csv", "tsv", "md"])
def test_other_faces_show_all(fmt: str) -> None:
    """A script gets every row unless it asks for fewer."""
    assert shown(fmt).count("/route-") == 57
    assert shown(fmt, 0).count("/route-") == 57
    assert shown(fmt, 3).count("/route-") == 3


def test_json_shows_all() -> None:
    """And cuts the list where a limit is given."""
    assert len(json.loads(shown("json"))["data"]["endpoints"]) == 57
    assert len(json.loads(shown("json", 3))["data"]["endpoints"]) == 3


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("endpoints", "endpoints"),
        ("requests", "requests"),
        ("database", "patterns"),
        ("cache", "caches"),
    ],
)
def test_an_empty_answer_names_the_store(command: str, key: str) -> None:
    """And what to do, on its first line."""
    found = samples.answer(command, {key: []}, coverage=Coverage(0, (), 0, 0, None))

    text = show(found, samples.console(None), "table", store="/srv/p.db", limit=None, now_ms=0)

    assert "/srv/p.db" in text
    assert "perfctl doctor" in text
    assert "\n" not in text


def test_an_empty_summary_names_the_store() -> None:
    """As lists do."""
    nothing = samples.summary(requests=0, alerts=[], errors=[], busiest=[], slowest=[])

    text = show(nothing, samples.console(None), "table", store="/srv/p.db", limit=None, now_ms=0)

    assert text.startswith("No requests in /srv/p.db, 2026-11-23 13:00")


def test_a_route_with_two_methods_has_both() -> None:
    """Each below its name."""
    rows = [
        samples.endpoint(),
        samples.endpoint(method="POST", queries_avg=None, cache_hit_rate=None, kind="long"),
    ]
    found = samples.answer("endpoints", {"endpoints": rows})

    lines = show(found, samples.console(), "table", store="/x", limit=None, now_ms=0).split("\n")

    assert lines[0].startswith("/api/items/ · ")
    assert [line for line in lines if line in ("GET", "POST")] == ["GET", "POST"]
    assert "queries   not measured" in lines
    assert "cache     no look-ups, or not measured" in lines
    assert lines[lines.index("POST") + 1].endswith("(long)")


def test_faults_of_a_store_are_listed() -> None:
    """Each on its line."""
    found = samples.db_check("endpoint 3: 7 raw rows, 6 in rollups", "\x1b[2J")

    assert show(found, samples.console(), "table", store="/x", limit=None, now_ms=0) == (
        f"✖ problem  {samples.STORE}: 2 faults\n  endpoint 3: 7 raw rows, 6 in rollups\n  \\x1b[2J"
    )


def test_a_query_without_rows() -> None:
    """Says so."""
    found = samples.answer("query", {"rows": []})

    assert show(found, samples.console(), "table", store="/x", limit=None, now_ms=0) == "no rows"


_PROBE = """
import sys
from tests.render import samples
from perfctl.render.face import show
for answer in (samples.health(), samples.endpoints(), samples.requests(), samples.database()):
    show(answer, samples.console(80), "table", store="/srv/p.db", limit=None, now_ms=0)
print(sorted({name.split(".")[0] for name in sys.modules} & {"rich", "csv", "typer", "sqlite_utils"}))
"""


def test_tables_load_neither_rich_nor_csv() -> None:
    """They would cost more than drawing the table."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
