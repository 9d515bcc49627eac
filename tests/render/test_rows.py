"""Rows without their envelope, for other tools."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.answers.answer import Answer
from perfctl.render.rows import rows_of, to_csv, to_markdown, to_ndjson, to_tsv
from tests.render import faces, samples


def rows(*found: dict[str, object]) -> Answer:
    """An answer of such rows."""
    return samples.answer("query", {"rows": list(found)})


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (samples.health, ["cpu", "memory", "disk", "request_p95", "queue_time", "error_rate"]),
        (samples.doctor, ["python", "store", "place", "collector"]),
        (samples.settings, ["store", "thresholds.cpu.target"]),
    ],
)
def test_rows_are_those_of_the_first_list(answer: object, names: list[str]) -> None:
    """Whatever it is called."""
    assert callable(answer)
    assert [row["name"] for row in rows_of(answer())][: len(names)] == names


def test_summary_is_one_row_of_single_values() -> None:
    """Its lists are answers of their own: endpoints, errors, alerts."""
    (row,) = rows_of(samples.summary())

    assert row["requests"] == 12_345
    assert not [value for value in row.values() if isinstance(value, list | dict)]


def test_data_without_a_list_is_one_row() -> None:
    """The store in figures, or whether it is whole."""
    assert rows_of(samples.db_info())[0]["schema"] == 1
    assert rows_of(samples.db_check("endpoint 3")) == [
        {"path": samples.STORE, "damage": [], "mismatches": ["endpoint 3"]}
    ]


@pytest.mark.parametrize(("limit", "count"), [(None, 3), (0, 3), (2, 2)])
def test_limit(limit: int | None, count: int) -> None:
    """All unless a limit is given, in every face."""
    answer = samples.endpoints()

    assert len(rows_of(answer, limit)) == count
    assert len(to_ndjson(answer, limit).split("\n")) == count
    for face in (to_csv, to_tsv):
        assert len(face(answer, limit).rstrip("\n").split("\n")) == count + 1
    assert len(to_markdown(answer, limit).split("\n")) == count + 2


def test_ndjson() -> None:
    """An object a line."""
    text = to_ndjson(rows({"a": 1, "b": "x\ny"}, {"a": None, "b": "東"}))

    assert text == '{"a":1,"b":"x\\ny"}\n{"a":null,"b":"\\u6771"}'


def test_csv() -> None:
    """A header, empty for null, nested values as JSON, quotes where they must be."""
    text = to_csv(
        rows({"a": 1.5, "b": True, "c": None}, {"a": -2, "b": 'x,"y"', "d": [1, {"e": 2}]})
    )

    assert text == 'a,b,c,d\n1.5,true,,\n-2,"x,""y""",,"[1,{""e"":2}]"\n'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_csv_holds_no_formula(text: str) -> None:
    """A user agent that a spreadsheet would run is marked as text; numbers stay numbers."""
    assert to_csv(rows({"a": text, "n": -1})) == f"a,n\n'{text},-1\n"


def test_tsv() -> None:
    """Never quoted: what would break a line is written out."""
    text = to_tsv(rows({"a": "x\ty", "b": 'say "hi"\n'}))

    assert text == 'a\tb\nx\\x09y\tsay "hi"\\x0a'


def test_markdown() -> None:
    """A GitHub table, numbers to the right."""
    assert to_markdown(rows({"route": "/api/items/", "n_plus_one": 12}, {"route": None})) == (
        "| route | n_plus_one |\n| --- | ---: |\n| /api/items/ | 12 |\n|  |  |"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("&lt;", "&amp;lt;"),
        ("![x](https://evil.example/p.png)", r"!\[x\](https://evil.example/p.png)"),
        ("`rm` *b* _i_ a_b ~~s~~", r"\`rm\` \*b\* \_i\_ a_b \~\~s\~\~"),
        ("one\ntwo", r"one\\x0atwo"),
    ],
)
def test_markdown_text_stays_text(text: str, shown: str) -> None:
    """No cell, tag, image, link or emphasis comes from outside."""
    assert to_markdown(rows({"a": text})) == f"| a |\n| --- |\n| {shown} |"


@pytest.mark.parametrize("face", [to_ndjson, to_csv, to_tsv, to_markdown])
def test_no_rows(face: object) -> None:
    """Are no text at all."""
    assert callable(face)
    assert face(rows()) == ""


CELL = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
TABLE = st.lists(
    st.dictionaries(st.text(st.characters(), min_size=1), CELL, min_size=1), min_size=1
)


@given(TABLE)
def test_no_control_sign_is_left(found: list[dict[str, object]]) -> None:
    """In no face, whatever the rows and their names."""
    answer = rows(*found)

    for face in (to_ndjson, to_csv, to_tsv, to_markdown):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", face(answer))


@given(TABLE)
def test_each_row_is_one_line(found: list[dict[str, object]]) -> None:
    """So that `wc -l`, `cut` and `awk` count rows, not line ends in a cell."""
    answer = rows(*found)

    assert to_ndjson(answer).count("\n") == len(found) - 1
    assert to_tsv(answer).count("\n") == to_csv(answer).count("\n") - 1 == len(found)
    assert to_markdown(answer).count("\n") == len(found) + 1
    names = len(dict.fromkeys(name for row in found for name in row))
    assert {line.count("\t") for line in to_tsv(answer).split("\n")} == {names - 1}
    assert {len(line) for line in csv.reader(io.StringIO(to_csv(answer)))} == {names}


@pytest.mark.parametrize("name", faces.ANSWERS)
def test_ndjson_is_what_json_holds(name: str) -> None:
    """Row by row, the values of `rows_of`."""
    answer = faces.ANSWERS[name]()

    lines = to_ndjson(answer).split("\n")

    assert [json.loads(line) for line in lines] == rows_of(answer)
