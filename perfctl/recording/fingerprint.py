"""The shape of an SQL statement: its text without the values, so that repeats can be counted.

Whatever could be a value becomes `?`, and lists of values of any length one `?`. Where a dialect
leaves it open whether something is a value, it counts as one: a value never stays in a shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from perfctl.recording.doublequotes import Reader as DoubleQuotes

LONGEST = 4000


class Dialect(Enum):
    """How a database reads quotes."""

    STANDARD = "standard"  # "…" is a name, \ is a character
    SQLITE = "sqlite"  # "…" is a value where no such name exists
    MYSQL = "mysql"  # "…" is a value, \ escapes


class Kind(Enum):
    """What running a statement again would mean."""

    READ = "read"
    WRITE = "write"
    CONTROL = "control"  # transactions, savepoints, session settings: never a repeated query


# Possessive (`*+`): what has been read is never read another way, so that time stays linear.
_STANDARD_STRING = r"(?:\b[eEnNbBxX])?'(?:[^']|'')*+(?:'|\Z)"
_ESCAPED_STRING = r"(?:\b[nNbBxX])?'(?:[^'\\]|''|\\.?)*+(?:'|\Z)"
_POSTGRES_ESCAPED = r"\b[eE]'(?:[^'\\]|''|\\.?)*+(?:'|\Z)"
_DOLLAR_STRING = r"\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)"
_ORACLE_STRING = (
    r"\b[nN]?[qQ]'(?:\[.*?(?:\]'|\Z)|\(.*?(?:\)'|\Z)|\{.*?(?:\}'|\Z)|<.*?(?:>'|\Z)"
    r"|(?P<mark>[^\s'\w]).*?(?:(?P=mark)'|\Z))"
)
_QUOTED_NAME = r'"(?:[^"]|"")*+(?:"|\Z)'
_BACKTICKED_NAME = r"`(?:[^`]|``)*+(?:`|\Z)"
_DOUBLE_QUOTED_VALUE = r'"(?:[^"\\]|""|\\.?)*+(?:"|\Z)'
_LINE_COMMENT = r"--[^\n]*"
_COMMENT_MARK = re.compile(r"/\*|\*/")


def _quotes(values: str, names: str, line_comment: str = _LINE_COMMENT) -> re.Pattern[str]:
    # In one pass from the left: quotes hide comment marks, and comments hide quotes.
    pattern = rf"(?P<value>{values})|(?P<name>{names})|(?P<comment>{line_comment})|(?P<block>/\*)"
    return re.compile(pattern, re.DOTALL | re.IGNORECASE)


_QUOTES = {
    Dialect.STANDARD: _quotes(
        f"{_POSTGRES_ESCAPED}|{_ORACLE_STRING}|{_STANDARD_STRING}|{_DOLLAR_STRING}", _QUOTED_NAME
    ),
    Dialect.SQLITE: _quotes(_STANDARD_STRING, f"{_QUOTED_NAME}|{_BACKTICKED_NAME}"),
    Dialect.MYSQL: _quotes(
        f"{_ESCAPED_STRING}|{_DOUBLE_QUOTED_VALUE}", _BACKTICKED_NAME, rf"{_LINE_COMMENT}|\#[^\n]*"
    ),
}
# A name with its table, as Django writes most, needs no reading, nor does one behind these words.
_NAMES_FOLLOW = r"FROM|JOIN|AS|INTO|UPDATE"
_NEEDS_READING = {
    Dialect.STANDARD: re.compile(r"['$]|--|/\*"),
    Dialect.SQLITE: re.compile(
        rf"""['`]|--|/\*|\bDISTINCT\s+FROM\b|\bVACUUM\b|(?:[^\w\s.]|\b(?!(?:{_NAMES_FOLLOW})\b)\w+)\s*"(?:[^"]|"")*+"(?!\.)""",
        re.IGNORECASE,
    ),
    Dialect.MYSQL: re.compile(r"""['"`\#]|--|/\*"""),
}

# Placeholders of the drivers, then numbers that are no part of a name.
_INTEGER = r"0x[0-9a-f_]+|0b[01_]+|0o[0-7_]+"
_VALUES = re.compile(
    r"%s|%\(\w+\)s|(?<![\w$:])[:@$][A-Za-z_0-9]\w*|\?\d*"
    rf"|(?:(?<=[=<>(,])|(?<=[=<>(,] ))-\s*(?=[\d.])(?:{_INTEGER}|[\d_]*\.?\d[\d_]*(?:e[+-]?\d+)?)"
    rf'|(?<![\w$".`])(?:{_INTEGER}|\d[\d_]*(?:\.[\d_]*)?(?:e[+-]?[\d_]+)?|\.\d[\d_]*)(?!\w)',
    re.IGNORECASE,
)
_LIST = re.compile(r"([(\[])\s*\?(?:\s*,\s*\?)*\s*([)\]])")
_LIST_OF_LISTS = re.compile(r"\(\?\)(?:\s*,\s*\(\?\))+")
_ROWS = re.compile(
    r"(\bVALUES?\s*)(\((?:[^()]|\([^()]*\))*\))(?:\s*,\s*\((?:[^()]|\([^()]*\))*\))+", re.IGNORECASE
)
_CASES = re.compile(r"(\bWHEN (?:(?!\bWHEN\b|\bEND\b).)+?)(?: \1)+(?=\s)", re.IGNORECASE)
_ALTERNATIVES = re.compile(r"(\([^()]*\))(?: OR \1)+", re.IGNORECASE)

_CONTROL = re.compile(
    r"\s*(SAVEPOINT|RELEASE(?:\s+SAVEPOINT)?|ROLLBACK(?:\s+TO(?:\s+SAVEPOINT)?)?|BEGIN|COMMIT|START"
    r"|SET|RESET|PRAGMA|SHOW|DISCARD|LISTEN|CLOSE|ANALYZE|VACUUM)\b",
    re.IGNORECASE,
)
_NAMES_A_SAVEPOINT = re.compile(r"SAVEPOINT$|RELEASE$|\bTO$", re.IGNORECASE)
_OFFSET = re.compile(r" OFFSET \d+", re.IGNORECASE)
_READ = re.compile(r"\s*\(*\s*(SELECT|VALUES|TABLE|EXPLAIN)\b", re.IGNORECASE)
_COMMON_TABLE = re.compile(r"\s*WITH\b", re.IGNORECASE)
_CHANGES = re.compile(r"\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO)\b", re.IGNORECASE)


def has_comment(sql: str) -> bool:
    """Whether a text may hold a comment: a cheap question, asked of texts not seen before."""
    return "/*" in sql or "--" in sql


def strip_comments(sql: str, dialect: Dialect = Dialect.STANDARD) -> str:
    """The statement without its comments, in which tracing tools write ids of their own."""

    return _replace(sql, dialect, lambda quoted: quoted[0]).strip()


def fingerprint(sql: str, dialect: Dialect = Dialect.STANDARD) -> str:
    """The statement with its values replaced, on one line, at most `LONGEST` characters."""
    control = _CONTROL.match(sql)
    if control is not None:
        verb = " ".join(control[1].upper().split())
        return f"{verb} ?" if _NAMES_A_SAVEPOINT.search(verb) else _shape(sql, dialect)
    return _shape(sql, dialect)


def without_offset(sql: str) -> str:
    """The statement without how many rows it passes over: the same for all pages of one result."""
    return _OFFSET.sub("", sql)


def kind_of(sql: str) -> Kind:
    """Whether a statement reads, writes, or only steers the transaction."""
    if _CONTROL.match(sql):
        return Kind.CONTROL
    if _READ.match(sql) or (_COMMON_TABLE.match(sql) and not _CHANGES.search(sql)):
        return Kind.READ
    return Kind.WRITE


def _shape(sql: str, dialect: Dialect) -> str:
    text = sql
    if _NEEDS_READING[dialect].search(sql):
        is_value = _is_value if dialect is not Dialect.SQLITE else _is_value_of_sqlite(sql)
        text = _replace(sql, dialect, lambda quoted: "?" if is_value(quoted) else quoted[0])
    text = _VALUES.sub("?", " ".join(text.split()))
    text = _LIST.sub(r"\1?\2", text)
    text = _LIST_OF_LISTS.sub("(?)", text)
    text = _ROWS.sub(r"\1\2", text)
    if "WHEN" in text or "when" in text:
        text = _CASES.sub(r"\1", text)
    if " OR " in text or " or " in text:
        text = _ALTERNATIVES.sub(r"\1", text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _is_value(quoted: re.Match[str]) -> bool:
    return quoted.lastgroup != "name"


def _is_value_of_sqlite(sql: str) -> Callable[[re.Match[str]], bool]:
    reader = DoubleQuotes(sql)

    def is_value(quoted: re.Match[str]) -> bool:
        start, end = quoted.span()
        reader.read_to(start)
        is_name = quoted.lastgroup == "name"
        is_value = not is_name or (quoted[0].startswith('"') and reader.is_value(start, end))
        reader.skip(end)
        return is_value

    return is_value


def _replace(sql: str, dialect: Dialect, replace: Callable[[re.Match[str]], str]) -> str:
    """The statement with what is quoted replaced, and a blank for each comment."""
    find, nests = _QUOTES[dialect].search, dialect is Dialect.STANDARD
    ends: dict[int, int] | None = None
    parts: list[str] = []
    at = 0
    while (match := find(sql, at)) is not None:
        parts.append(sql[at : match.start()])
        at = match.end()
        if match.lastgroup == "block":
            begin = match.start()
            end = sql.find("*/", at)
            at = len(sql) if end < 0 else end + 2
            if nests and sql.find("/*", begin + 2, at) >= 0:
                ends = _ends_of_comments(sql, begin) if ends is None else ends
                at = ends.get(begin, at)
        is_comment = match.lastgroup in ("block", "comment")
        parts.append(" " if is_comment else replace(match))
    parts.append(sql[at:])
    return "".join(parts)


def _ends_of_comments(sql: str, start: int) -> dict[int, int]:
    """Where each comment ends whose like may stand in it, by where it begins."""
    ends: dict[int, int] = {}
    begun: list[int] = []
    for mark in _COMMENT_MARK.finditer(sql, start):
        if mark[0] == "/*":
            begun.append(mark.start())
        elif begun:
            ends[begun.pop()] = mark.end()
    return ends
