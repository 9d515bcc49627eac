"""Whether SQLite reads a text in double quotes as a value: it does where no such name exists.

What names there are is not known here. So a text counts as a value unless the statement itself shows
that it is a name: by a dot beside it, an alias, or a place where only names can stand.
"""

from __future__ import annotations

import re
from functools import cached_property

_LONGEST_WORD = 60

_DEFINITION = re.compile(r"\s*(?:CREATE|ALTER|DROP)\b(?!.*\bSELECT\b)", re.IGNORECASE | re.DOTALL)
# Of definitions: behind these stands an operand, and elsewhere nothing but names.
_OPERATOR = re.compile(
    r"(?:[=<>|+*/%-]|\b(?:IS|NOT|LIKE|GLOB|REGEXP|MATCH|ESCAPE|BETWEEN|THEN|ELSE|DEFAULT))\Z",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r'(?P<behind>\bAS\s*|\.\s*)?(?P<text>"(?:[^"]|"")*+(?:"|\Z))(?P<before>\s*\.)?', re.IGNORECASE
)
_NAME_FOLLOWS = re.compile(
    r"(?:\b(?:AS|(?<!DISTINCT )FROM|JOIN|INTO|UPDATE|WITH|RECURSIVE|COLLATE|INDEXED BY|OVER|WINDOW)"
    r"|[.)\"`\]])\Z",
    re.IGNORECASE,
)
_IS_TABLE = re.compile(r"\s*\.")
_IS_SET = re.compile(r"\s*=(?!=)")
_USING = re.compile(r"\b(?:USING|CONFLICT)\Z", re.IGNORECASE)
_COLUMNS_FOLLOW = re.compile(r"\b(?:INTO|WITH|RECURSIVE)\s+[^\s()]+\Z", re.IGNORECASE)
_STEP = re.compile(r"[()]|\b(?:SET|SELECT|RETURNING|WHERE|FROM|BY|HAVING)\b", re.IGNORECASE)


class Reader:
    """Reads a statement from left to right and tells values in double quotes from names."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._open: list[bool] = []
        """Of each open parenthesis, whether columns are listed in it."""
        self._assigns = False
        """Whether the list that follows SET goes on."""
        self._read_to = 0

    def skip(self, end: int) -> None:
        """Pass over a quoted text or a comment, of which nothing is a parenthesis."""
        self._read_to = end

    def read_to(self, end: int) -> None:
        """Take note of the parentheses and clauses up to there."""
        for match in _STEP.finditer(self._sql, self._read_to, end):
            if match[0] == "(":
                self._open.append(self._lists_columns(match.start()))
            elif match[0] == ")":
                if self._open:
                    self._open.pop()
            elif not self._open:
                self._assigns = match[0].upper() == "SET"
        self._read_to = end

    def is_value(self, start: int, end: int) -> bool:
        """Whether what stands there in double quotes is a value."""
        sql = self._sql
        before = self._before(start)
        if self._is_definition:
            return _OPERATOR.search(before) is not None
        if _IS_TABLE.match(sql, end) or _NAME_FOLLOWS.search(before):
            return False
        if (self._open and self._open[-1]) or sql[start:end] in self._names:
            return False
        is_assigned = self._assigns and not self._open and before.upper().endswith(("SET", ","))
        return not (is_assigned and _IS_SET.match(sql, end))

    def _before(self, at: int) -> str:
        return " ".join(self._sql[max(0, at - _LONGEST_WORD) : at].split())

    def _lists_columns(self, at: int) -> bool:
        before = self._before(at)
        return bool(_COLUMNS_FOLLOW.search(before) or _USING.search(before))

    @cached_property
    def _is_definition(self) -> bool:
        return _DEFINITION.match(self._sql) is not None

    @cached_property
    def _names(self) -> frozenset[str]:
        """What has a dot beside it somewhere, or is an alias."""
        texts = _QUOTED.finditer(self._sql)
        return frozenset(text["text"] for text in texts if text["behind"] or text["before"])
