"""Text from outside, in every place where an answer holds text, in every face."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from perfctl.answers.answer import Answer
from perfctl.answers.health import Health, Status
from perfctl.model import Coverage
from perfctl.render.face import show
from tests.render import samples

FORMATS = ("table", "json", "ndjson", "csv", "tsv", "md")
OWN_COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*[0-9]+m")
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


def answers(text: str) -> list[Answer]:
    """An answer of each kind with this text wherever text may come from outside."""
    about: dict[str, Any] = {
        "coverage": Coverage(3, (text,), 1, 1, 9999.0),
        "warnings": (text,),
    }
    check = samples.check("alerts", 2.0, status=Status.CRITICAL, detail=text)
    error = {"id": text, "type": text, "location": text, "count": 1, "status": text}
    alert = {"id": text, "rule": text, "subject": text, "severity": text, "status": text}
    route = {
        "method": text,
        "route": text,
        "count": 1,
        "p95_ms": 1.0,
        "total_ms": 1.0,
        "error_rate": 0.5,
    }
    request = samples.request(
        request_id=text, host=text, method=text, route=text, user=text, flags=[text]
    )
    pattern = samples.pattern(
        fingerprint=text, alias=text, sql=text, endpoints=[text], call_site=text, detail=text
    )
    endpoint = samples.endpoint(text, method=text, status={text: 1}, kind=text)
    finding = samples.doctor().data["findings"][2]._replace(name=text, detail=text, hint=text)
    cache = samples.caches().data["caches"][0]._replace(alias=text, prefix=text)
    found = [
        ("health", Health(Status.CRITICAL, [check])),
        ("endpoints", {"endpoints": [endpoint, samples.endpoint()]}),
        ("endpoints", {"endpoints": [endpoint]}),
        ("endpoints", {"endpoints": [samples.endpoint()]} | samples.spans(text)),
        ("endpoints", {"endpoints": []}),
        ("requests", {"requests": [request]}),
        ("database", {"patterns": [pattern, samples.pattern()]}),
        ("cache", {"caches": [cache]}),
        ("doctor", {"findings": [finding]}),
        ("db.info", samples.db_info().data._replace(path=text, sqlite=text, tables={text: 1})),
        ("db.check", samples.db_check(text).data),
        ("query", {"rows": [{text: text, "n": 1}]}),
        ("config", {"settings": [{"name": text, "value": text}], "files": [text]}),
    ]
    summary = samples.summary(
        errors=[error], alerts=[alert], slowest=[route], busiest=[route], status={text: 1}
    )
    return [
        *(samples.answer(command, data, **about) for command, data in found),
        summary._replace(**about),
    ]


def check_inert(found: list[Answer], fmt: str, width: int | None, *, has_color: bool) -> None:
    """No face of the answers, made of `samples.HOSTILE`, steers a terminal."""
    console = samples.console(width, has_color=has_color)
    for answer in found:
        text = show(answer, console, fmt, store=samples.HOSTILE, limit=None, now_ms=0)
        if fmt == "tsv":
            text = text.replace("\t", " ")
        assert not STEERING.search(OWN_COLOUR.sub("", text) if has_color else text)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("width", [80, None])
@pytest.mark.parametrize("has_color", [True, False])
def test_hostile_text_is_inert(fmt: str, width: int | None, has_color: bool) -> None:
    """Escape sequences, bidirectional controls and line ends are shown, not obeyed."""
    check_inert(answers(samples.HOSTILE), fmt, width, has_color=has_color)


def test_markup_of_rich_stays_as_it_is() -> None:
    """`[red]` is a text like any other."""
    found = samples.answer(
        "endpoints", {"endpoints": [samples.endpoint("/[red]/"), samples.endpoint()]}
    )

    text = show(found, samples.console(), "table", store="/x", limit=None, now_ms=0)

    assert "GET /[red]/" in text


@given(st.text(st.characters(exclude_characters="\ufe0f"), max_size=60), st.integers(60, 160))
def test_tables_stay_within_the_terminal(drawn: str, width: int) -> None:
    """Whatever the text, each line from the table on fits, and nothing steers the terminal.

    The lines before it hold paths, which stay whole.
    """
    for answer in answers(drawn):
        text = show(answer, samples.console(width), "table", store="/x", limit=None, now_ms=0)

        assert not STEERING.search(text)
        if answer.command in ("requests", "database", "cache"):
            for line in text.partition("\n\n")[2].split("\n"):
                assert cell_len(line) <= width
