"""Whether SQLite reads a text in double quotes as a value: it does where no such name exists.

What names there are is not known here. A text counts as a value where a bare name is seldom
written: beside an operator, in a list of values, in a call. In the lists of SELECT, ORDER BY and
GROUP BY, of the columns of a table, and left of a comparison, it counts as a name.
"""

from __future__ import annotations

import re

_LONGEST_WORD = 60

# Behind these stands an operand. A name stands there too, but then with its table, or compared.
_OPERATOR = re.compile(
    r"(?:[=<>|+*/%-]|\b(?:IS|NOT|LIKE|GLOB|REGEXP|MATCH|ESCAPE|BETWEEN|THEN|ELSE|DISTINCT\s+FROM))"
    r"\s*\Z",
    re.IGNORECASE,
)
_EITHER = re.compile(r"\b(?:AND|OR|WHEN|CASE)\s*\Z", re.IGNORECASE)
_IS_COMPARED = re.compile(
    r"\s*(?:[=<>!|+*/%-]|(?:IS|NOT|LIKE|GLOB|REGEXP|MATCH|BETWEEN|IN|COLLATE|ISNULL|NOTNULL)\b)",
    re.IGNORECASE,
)
_IS_TABLE = re.compile(r"\s*\.")
_WORD = re.compile(r"(?:\b(?P<before>\w+)\s+)?\b(?P<word>\w+)\s*\Z")
_QUERY = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_PARENTHESIS = re.compile(r"[()]")

_COLUMNS_FOLLOW = frozenset({"INTO", "TABLE", "REFERENCES", "WITH", "RECURSIVE", "ON", "EXISTS"})
_NO_CALL = re.compile(
    r"AND|OR|NOT|WHERE|ON|HAVING|WHEN|CASE|FROM|JOIN|SELECT|AS|MATERIALIZED|USING|OVER|UNIQUE|KEY"
    r"|CHECK|TABLE|INDEX|CONFLICT|INTO|BY|DISTINCT|EXISTS|UNION|ALL|EXCEPT|INTERSECT|FILTER|SET"
    r"|RETURNING|OFFSET|LIMIT"
)
# Of one text an aggregate would be pointless: its first argument is a name.
_AGGREGATE = re.compile(r"AVG|COUNT|GROUP_CONCAT|MAX|MIN|STRING_AGG|SUM|TOTAL")

_NAMES, _VALUES, _NAME_THEN_VALUES = range(3)


class Reader:
    """Reads a statement from left to right and tells values in double quotes from names."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._open = [_NAMES]
        self._last_closed = _NAMES
        self._read_to = 0

    def skip(self, end: int) -> None:
        """Pass over a quoted text or a comment, of which nothing is a parenthesis."""
        self._read_to = end

    def is_value(self, start: int, end: int) -> bool:
        """Whether what stands there in double quotes is a value."""
        sql = self._sql
        if _IS_TABLE.match(sql, end):
            return False
        before = sql[max(0, start - _LONGEST_WORD) : start].rstrip()
        if _OPERATOR.search(before):
            return True
        if _EITHER.search(before):
            return not _IS_COMPARED.match(sql, end)
        kind = self._open[-1]
        if before.endswith("("):
            return kind == _VALUES
        return before.endswith(",") and kind != _NAMES

    def read_to(self, end: int) -> None:
        """Take note of the parentheses up to there."""
        for match in _PARENTHESIS.finditer(self._sql, self._read_to, end):
            if match[0] == "(":
                self._open.append(self._kind_of(match.start()))
            elif len(self._open) > 1:
                self._last_closed = self._open.pop()
        self._read_to = end

    def _kind_of(self, at: int) -> int:
        """What stands in the parentheses that open there."""
        sql = self._sql
        if _QUERY.match(sql, at + 1):
            return _NAMES
        before = sql[max(0, at - _LONGEST_WORD) : at].rstrip()
        if before.endswith("("):
            return self._open[-1]
        if before.endswith(","):  # the next row, or one argument of several
            return self._last_closed if self._open[-1] == _NAMES else self._open[-1]
        if _OPERATOR.search(before) and not before.upper().endswith("NOT"):
            return _VALUES
        word = _WORD.search(before)
        if word is None or (word["before"] or "").upper() in _COLUMNS_FOLLOW:
            return _NAMES
        called = word["word"].upper()
        if _AGGREGATE.fullmatch(called):
            return _NAME_THEN_VALUES
        return _NAMES if _NO_CALL.fullmatch(called) else _VALUES
