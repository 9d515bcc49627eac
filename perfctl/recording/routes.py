r"""The pattern of a URL as people read it: `^items/(?P<pk>\d+)/$` is `/items/<pk>/`.

After `simplify_regex` of django.contrib.admindocs, which would import docutils where that is
installed, and which keeps escapes and drops what stands in a group that captures nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_UNNAMED = "<var>"
_LOOKS_LIKE_A_REGEX = re.compile(r"[\^$\\]|\(\?|\.[*+]|\[")
_PATH_FORMAT_SUFFIX = re.compile(r"<drf_format_suffix\w*:format>")
_REGEX_FORMAT_SUFFIX = re.compile(r"\.<format>(/?)$")
_QUANTIFIER = re.compile(r"\{\d*,?\d*\}\??|[*+?][?+]?")
_GROUP_NAME = re.compile(r"\(\?P<(\w+)>")
_WORDS = re.compile(r"[\w./~ ()|-]*")
_LONGEST_ALTERNATIVES = 100
_CLASSES = "dDwWsS"
_POSITIONS = "AbBZ"


def readable(route: str) -> str:
    """The route with a leading `/`, groups by name, without what only a regex needs."""
    return with_slash(simplified(route))


def simplified(part: str) -> str:
    """A part of a route, as readable; what does not look like a regex stays as it is."""
    return _simplify(part) if _LOOKS_LIKE_A_REGEX.search(part) else part


def with_slash(route: str) -> str:
    """The route with a leading `/`."""
    return route if route.startswith("/") else "/" + route


def without_format_suffix(route: str) -> tuple[str, bool]:
    """The route without the format suffix of Django REST framework, and whether it had one.

    Of one written by `path()` nothing tells whether the plain route ends with a slash.
    """
    plain, n = _PATH_FORMAT_SUFFIX.subn("", route)
    if n:
        return plain, True
    return _REGEX_FORMAT_SUFFIX.sub(r"\1", route), False


def with_language_prefix(route: str, languages: Collection[str]) -> str:
    """The route with the language it begins with as `<lang>`."""
    first, slash, rest = route[1:].partition("/")
    is_language = first in languages or first.partition("-")[0] in languages  # en-us of en
    return f"/<lang>/{rest}" if slash and is_language else route


def _simplify(pattern: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        part, at = _take(pattern, at)
        quantifier = _QUANTIFIER.match(pattern, at)
        if quantifier is not None:
            at = quantifier.end()
            if part == "." and quantifier[0][0] in "*+":
                part = _UNNAMED
            elif len(part) > 1 and part[0] != "<" and quantifier[0][0] in "?*":
                part = ""  # a group of letters that may be missing
        parts.append(part)
    return re.sub(rf"(?:{_UNNAMED}){{2,}}", _UNNAMED, "".join(parts))


def _take(pattern: str, at: int) -> tuple[str, int]:
    """What stands at a place, readable, and where the next begins."""
    char = pattern[at]
    if char == "\\" and at + 1 < len(pattern):
        escaped = pattern[at + 1]
        if escaped in _POSITIONS:
            return "", at + 2
        return (_UNNAMED if escaped in _CLASSES else escaped), at + 2
    if char in "^$":
        return "", at + 1
    if char == "[":
        return _UNNAMED, _end_of_class(pattern, at)
    if char == "(":
        end = _end_of_group(pattern, at)
        return _group(pattern[at:end]), end
    return char, at + 1


def _group(text: str) -> str:
    name = _GROUP_NAME.match(text)
    if name is not None:
        return f"<{name[1]}>"
    if text.startswith("(?:"):
        return _alternatives(text[3:-1])
    return "" if text.startswith("(?") else _UNNAMED


def _alternatives(text: str) -> str:
    """What captures nothing: words stay as they are, since they tell one route from another."""
    shown = [_simplify(part) for part in _split(text)]
    if len(shown) == 1:
        return shown[0]
    joined = f"({'|'.join(shown)})"
    is_plain = len(joined) <= _LONGEST_ALTERNATIVES and all(map(_WORDS.fullmatch, shown))
    return joined if is_plain else _UNNAMED


def _split(text: str) -> list[str]:
    """The alternatives of a group: what stands between the `|` that are in no group of their own."""
    parts, start, at = [], 0, 0
    while at < len(text):
        char = text[at]
        if char == "|":
            parts.append(text[start:at])
            start = at + 1
        if char == "\\":
            at += 2
        elif char == "[":
            at = _end_of_class(text, at)
        elif char == "(":
            at = _end_of_group(text, at)
        else:
            at += 1
    return [*parts, text[start:]]


def _end_of_class(pattern: str, at: int) -> int:
    at += 2 if pattern[at + 1 : at + 2] == "^" else 1
    at += 1  # the first character is one of the class, even if it is a bracket
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return min(at + 1, len(pattern))


def _end_of_group(pattern: str, at: int) -> int:
    depth = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "[":
            at = _end_of_class(pattern, at) - 1
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return len(pattern)
