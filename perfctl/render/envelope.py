"""The JSON document of an answer: its data, and on what it stands."""

from __future__ import annotations

import json

from perfctl.answers.answer import Answer
from perfctl.render.plain import to_plain
from perfctl.units import iso_utc


def to_json(answer: Answer, now_ms: int, limit: int | None = None) -> str:
    """`perfctl.<command>/1` in ASCII; a limit holds for the first list of the data."""
    window = answer.window
    data = to_plain(answer.data)
    if limit:
        _cut_first_list(data, limit)
    document = {
        "schema": f"perfctl.{answer.command}/1",
        "generated_at": iso_utc(now_ms),
        "window": window
        and {"since": iso_utc(window.since_ms), "until": iso_utc(window.until_ms), "tz": "UTC"},
        "coverage": to_plain(answer.coverage),
        "data": data,
        "warnings": to_plain(answer.warnings),
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _cut_first_list(data: object, limit: int) -> None:
    if isinstance(data, dict):
        for value in data.values():
            if isinstance(value, list):
                del value[limit:]
                return
