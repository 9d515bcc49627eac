"""The shape of an SQL statement: its text without the values, so that repeats can be counted.

Whatever could be a value becomes `?`, and lists of values of any length one `?`. Where a dialect
leaves it open whether something is a value, it counts as one: a value never stays in a shape.
"""

from __future__ import annotations

import re
from enum import Enum

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


_STANDARD_STRING = r"[eEnNbBxX]?'(?:[^']|'')*(?:'|\Z)"
_ESCAPED_STRING = r"[nNbBxX]?'(?:[^'\\]|''|\\.)*(?:'|\Z)"
_POSTGRES_ESCAPED = r"\b[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z)"
_DOLLAR_STRING = r"\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)"
_QUOTED_NAME = r'"(?:[^"]|"")*(?:"|\Z)'
_BACKTICKED_NAME = r"`(?:[^`]|``)*(?:`|\Z)"
_DOUBLE_QUOTED_VALUE = r'"(?:[^"\\]|""|\\.)*(?:"|\Z)'
# Where only a value makes sense: SQLite reads "…" as a name only where there is one.
_ITEM = r"""[^()'"]|'(?:[^']|'')*'|"(?:[^"]|"")*\""""
_SQLITE_VALUE = (
    r'(?:(?<=[=<>] )|(?<=[=<>])|(?<=\bLIKE ))"(?:[^"]|"")*"(?!\s*\.)'
    rf'|\bIN\s*\((?=\s*["\'])(?:{_ITEM})*\)'
    rf"|\bVALUES\s*\((?:{_ITEM}|\((?:{_ITEM})*\))*\)"
)
_COMMENT = (
    r"--[^\n]*"
    r"|/\*(?:(?!\*/|/\*).)*(?:/\*.*?\*/(?:(?!\*/|/\*).)*)+\*/"  # PostgreSQL nests them
    r"|/\*.*?(?:\*/|\Z)"
)


def _quotes(values: str, names: str, comment: str = _COMMENT) -> re.Pattern[str]:
    # In one pass from the left: quotes hide comment marks, and comments hide quotes.
    pattern = rf"(?P<value>{values})|(?P<name>{names})|(?P<comment>{comment})"
    return re.compile(pattern, re.DOTALL | re.IGNORECASE)


_QUOTES = {
    Dialect.STANDARD: _quotes(
        f"{_POSTGRES_ESCAPED}|{_STANDARD_STRING}|{_DOLLAR_STRING}", _QUOTED_NAME
    ),
    Dialect.SQLITE: _quotes(
        f"{_STANDARD_STRING}|{_SQLITE_VALUE}", f"{_QUOTED_NAME}|{_BACKTICKED_NAME}"
    ),
    Dialect.MYSQL: _quotes(
        f"{_ESCAPED_STRING}|{_DOUBLE_QUOTED_VALUE}", _BACKTICKED_NAME, rf"{_COMMENT}|\#[^\n]*"
    ),
}
_NEEDS_READING = {
    Dialect.STANDARD: re.compile(r"['$]|--|/\*"),
    Dialect.SQLITE: re.compile(r"""['`]|--|/\*|[=<>(] *"|LIKE "|VALUES\b""", re.IGNORECASE),
    Dialect.MYSQL: re.compile(r"""['"`\#]|--|/\*"""),
}

# Placeholders of the drivers, then numbers that are no part of a name.
_VALUES = re.compile(
    r"%s|%\(\w+\)s|(?<![\w$:])[:@$][A-Za-z_0-9]\w*|\?\d*"
    r"|(?:(?<=[=<>(,])|(?<=[=<>(,] ))-\s*(?=[\d.])(?:0[xX][0-9a-fA-F]+|\d*\.?\d+(?:[eE][+-]?\d+)?)"
    r'|(?<![\w$".`])(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)(?!\w)'
)
_LIST = re.compile(r"([(\[])\s*\?(?:\s*,\s*\?)*\s*([)\]])")
_LIST_OF_LISTS = re.compile(r"\(\?\)(?:\s*,\s*\(\?\))+")
_ROWS = re.compile(
    r"(\bVALUES?\s*)(\((?:[^()]|\([^()]*\))*\))(?:\s*,\s*\((?:[^()]|\([^()]*\))*\))+", re.IGNORECASE
)
_CASES = re.compile(r"(\bWHEN (?:(?!\bWHEN\b|\bEND\b).)+?)(?: \1)+(?=\s)", re.IGNORECASE)
_ALTERNATIVES = re.compile(r"(\([^()]*\))(?: OR \1)+", re.IGNORECASE)

_LIST_KEYWORD = re.compile(r"(IN|VALUES)\b", re.IGNORECASE)

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

    def keep(match: re.Match[str]) -> str:
        return " " if match.lastgroup == "comment" else match[0]

    return _QUOTES[dialect].sub(keep, sql).strip()


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
        text = _QUOTES[dialect].sub(_replace_quoted, sql)
    text = _VALUES.sub("?", " ".join(text.split()))
    text = _LIST.sub(r"\1?\2", text)
    text = _LIST_OF_LISTS.sub("(?)", text)
    text = _ROWS.sub(r"\1\2", text)
    if "WHEN" in text or "when" in text:
        text = _CASES.sub(r"\1", text)
    if " OR " in text or " or " in text:
        text = _ALTERNATIVES.sub(r"\1", text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _replace_quoted(match: re.Match[str]) -> str:
    if match.lastgroup == "name":
        return match[0]
    if match.lastgroup == "comment":
        return " "
    keyword = _LIST_KEYWORD.match(match[0])
    return f"{keyword[1]} (?)" if keyword else "?"
