"""An answer as rows alone: NDJSON, CSV, TSV and Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from perfctl.answers.answer import Answer
from perfctl.render.plain import is_number, to_plain
from perfctl.visible import visible

Row = dict[str, Any]
_ONE_ROW = frozenset({"db.info", "db.check", "collect"})
_FORMULA = ("=", "+", "-", "@")


def rows_of(answer: Answer, limit: int | None = None) -> list[Row]:
    """The rows of the first list, at most `limit` (0 and None: all); else the data as one row.

    `summary` is one row of its single values.
    """
    data = to_plain(answer.data)
    if answer.command == "summary":
        return [{name: v for name, v in data.items() if not isinstance(v, dict | list)}]
    found = _first_list(data) if answer.command not in _ONE_ROW else None
    rows = [data] if found is None else found
    return [row if isinstance(row, dict) else {"value": row} for row in rows[: limit or None]]


def _first_list(data: Any) -> list[Any] | None:
    values: Iterable[Any] = data.values() if isinstance(data, dict) else [data]
    return next((value for value in values if isinstance(value, list)), None)


def to_ndjson(answer: Answer, limit: int | None = None) -> str:
    """A JSON object a line, in ASCII."""
    return "\n".join(_compact(row) for row in rows_of(answer, limit))


def to_csv(answer: Answer, limit: int | None = None) -> str:
    """Comma-separated, with a header; text that a spreadsheet would run as a formula gets a `'`."""
    import csv
    import io

    rows = rows_of(answer, limit)
    names = _names(rows)
    if not names:
        return ""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(visible(name) for name in names)
    writer.writerows([_harmless(row.get(name)) for name in names] for row in rows)
    return file.getvalue()


def to_tsv(answer: Answer, limit: int | None = None) -> str:
    """Tab-separated, with a header, never quoted: tabs and newlines are made visible."""
    rows = rows_of(answer, limit)
    names = _names(rows)
    lines = [[visible(name) for name in names]]
    lines += [[_text(row.get(name)) for name in names] for row in rows]
    return "\n".join("\t".join(line) for line in lines) if names else ""


def to_markdown(answer: Answer, limit: int | None = None) -> str:
    """A GitHub table in which text from outside stays text."""
    rows = rows_of(answer, limit)
    names = _names(rows)
    if not names:
        return ""
    numeric = {name for name in names if all(is_number(row.get(name)) for row in rows)}
    lines = [[escape(visible(name)) for name in names]]
    lines += [["---:" if name in numeric else "---" for name in names]]
    lines += [[escape(_text(row.get(name))) for name in names] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_HEADER_LINES = {"csv": 1, "tsv": 1, "md": 2, "ndjson": 0}


def to_rows(answer: Answer, face: str, *, with_header: bool = True) -> str:
    """The rows in that face; without its header where they go on from others."""
    write = {"csv": to_csv, "tsv": to_tsv, "md": to_markdown, "ndjson": to_ndjson}[face]
    text = write(answer)
    for _ in range(0 if with_header else _HEADER_LINES[face]):
        text = text.partition("\n")[2]
    return text


def _names(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dict() | list():
            return _compact(value)
        case _:
            return visible(str(value))


def _harmless(value: Any) -> str:
    text = _text(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


_MARKUP = re.compile(r"[\\`*\[\]|~]|(?<!\w)_|_(?!\w)")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escape(text: str) -> str:
    """Text that stays text in Markdown."""
    return _MARKUP.sub(r"\\\g<0>", text).translate(_HTML)
