"""Whether SQLite reads a text in double quotes as a value: it does where no such name exists.

What names there are is not known here. So a text counts as a value unless the statement itself shows
that it is a name: by a dot beside it, an alias, or a place where only names can stand.
"""

from __future__ import annotations

import re
from collections import deque
from functools import cached_property

_DEFINITION = re.compile(r"\s*(?:CREATE|ALTER|DROP)\b", re.IGNORECASE)
_HOLDS_QUERIES = re.compile(r"\b(?:SELECT|BEGIN)\b", re.IGNORECASE)
_PASSED_OVER = r"--[^\n]*|/\*.*?(?:\*/|\Z)"
_QUOTED = re.compile(
    rf"""{_PASSED_OVER}|'(?:[^']|'')*+(?:'|\Z)"""
    r'|(?P<behind>\bAS\s*|\.\s*)?(?P<text>"(?:[^"]|"")*+(?:"|\Z))(?P<before>\s*\.)?',
    re.IGNORECASE | re.DOTALL,
)
_TOKEN = re.compile(rf"{_PASSED_OVER}|(?P<word>\w+|[^\w\s])", re.DOTALL)
_IS_TABLE = re.compile(r"\s*\.")
_IS_SET = re.compile(r"\s*=(?!=)")

_QUOTE = '"'
"""Stands for each quoted text among the words."""
_NAMES_FOLLOW = frozenset(
    {".", ")", "]", _QUOTE, "AS", "FROM", "JOIN", "INTO", "UPDATE", "WITH", "RECURSIVE", "COLLATE"}
    | {"OVER", "WINDOW"}
)
_NO_NAME = frozenset({("DISTINCT", "FROM"), ("VACUUM", "INTO")})
"""Behind these stands a value although the last word alone would be followed by a name."""
_NAME_ALL_THE_SAME = frozenset(
    {("INDEXED", "BY")}
    | {("OR", word) for word in ("ABORT", "FAIL", "IGNORE", "REPLACE", "ROLLBACK")}
)
# Of definitions: behind these stands an operand, and elsewhere nothing but names.
_OPERATORS = frozenset("=<>|+*/%-") | frozenset(
    ["IS", "NOT", "LIKE", "GLOB", "REGEXP", "MATCH", "ESCAPE", "BETWEEN", "THEN", "ELSE", "DEFAULT"]
)
_COLUMNS_FOLLOW = frozenset({"INTO", "WITH", "RECURSIVE", "REFERENCES"})
_NAMES_LISTED = frozenset({"KEY", "UNIQUE", "CHECK", "USING", "CONFLICT"})
_CLAUSES = frozenset({"SET", "SELECT", "RETURNING", "WHERE", "FROM", "BY", "HAVING", "VALUES"})


class Reader:
    """Reads a statement from left to right and tells values in double quotes from names."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._tokens: deque[str] = deque(["", "", "", ""], maxlen=4)
        """The last ones, in capitals."""
        self._open: list[bool] = []
        """Of each open parenthesis, whether names alone are listed in it."""
        self._assigns = False
        """Whether the list that follows SET goes on."""
        self._read_to = 0

    def skip(self, end: int) -> None:
        """Pass over a quoted text."""
        self._tokens.append(_QUOTE)
        self._read_to = end

    def read_to(self, end: int) -> None:
        """Take note of what stands before."""
        tokens = self._tokens
        for match in _TOKEN.finditer(self._sql, self._read_to, end):
            if match["word"] is None:  # a comment
                continue
            word = match["word"].upper()
            if word == "(":
                self._open.append(self._lists_names())
            elif word == ")":
                if self._open:
                    self._open.pop()
            elif not self._open and word in _CLAUSES:
                self._assigns = word == "SET"
            tokens.append(word)
        self._read_to = end

    def is_value(self, start: int, end: int) -> bool:
        """Whether what stands there in double quotes is a value."""
        last, word = self._tokens[-2], self._tokens[-1]
        if _IS_TABLE.match(self._sql, end):
            return False
        if self._is_definition:
            return word in _OPERATORS or (bool(self._open) and not self._open[-1])
        if (last, word) not in _NO_NAME and word in _NAMES_FOLLOW:
            return False
        if (last, word) in _NAME_ALL_THE_SAME or (self._open and self._open[-1]):
            return False
        if self._sql[start:end] in self._names:
            return False
        is_assigned = self._assigns and not self._open and word in ("SET", ",")
        return not (is_assigned and _IS_SET.match(self._sql, end))

    def _lists_names(self) -> bool:
        """Whether the parenthesis that opens now holds names alone, as columns."""
        before, _, last, word = self._tokens
        if word in _NAMES_LISTED:
            return True
        if self._is_definition and not self._open:  # the columns of the table, or of the index
            return True
        return last in _COLUMNS_FOLLOW or (last == "." and before in _COLUMNS_FOLLOW)

    @cached_property
    def _is_definition(self) -> bool:
        is_one = _DEFINITION.match(self._sql) is not None
        return is_one and _HOLDS_QUERIES.search(self._sql) is None

    @cached_property
    def _names(self) -> frozenset[str]:
        """What has a dot beside it somewhere, or is an alias."""
        texts = _QUOTED.finditer(self._sql)
        return frozenset(text["text"] for text in texts if text["behind"] or text["before"])
