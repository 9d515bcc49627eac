"""Takes out of a text what it may say about a person, or what opens a door."""

from __future__ import annotations

import re
from collections.abc import Callable

LONGEST = 300
_MOST_READ = 1000
_MARK = "[…]"

Replacement = str | Callable[[re.Match[str]], str]


def _unless_a_word(match: re.Match[str]) -> str:
    """Long and with digits, or longer than words are: a token. Dotted names and paths stay."""
    text = match[0]
    longest = max(map(len, re.split(r"[./_-]", text)))
    has_both = any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
    return _MARK if longest >= 32 or (has_both and len(text) >= 16) else text


_KEY = (
    r"pass(?:word|wd|phrase)?|secret|token|api[_-]?key|auth|session(?:id)?|cookie|credential"
    r"|signature|csrf"
)

# In this order: a URL before the address in it, the value of a key before the digits in that.
# All repetitions are bounded, so that no text takes long.
_RULES: tuple[tuple[re.Pattern[str], Replacement], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]{1,40}-----.*?(?:-----END [A-Z ]{1,40}-----|\Z)", re.S), _MARK),
    # scheme://user:password@host/path?query#fragment: host and path stay
    (re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@'\"]{1,200}@", re.I), rf"\1{_MARK}@"),
    (
        re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s?#'\"]{0,300})[?#][^\s'\"]*", re.I),
        rf"\1?{_MARK}",
    ),
    (re.compile(r"(?<=[\w/])\?[\w.\[\]%+-]{1,80}=[^\s'\"]*"), f"?{_MARK}"),
    (re.compile(r"\b(basic|bearer|token|digest)\s+[\w.~+/=-]{6,}", re.I), rf"\1 {_MARK}"),
    (
        re.compile(
            rf"\b([\w-]{{0,40}}?(?:{_KEY})[\w-]{{0,40}}[\"']?\s{{0,3}}[=:]\s{{0,3}})"
            r"(?:\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z)|[^\s,;&)}\]]+)",
            re.I,
        ),
        rf"\1{_MARK}",
    ),
    # Key (email)=(bob@example.com) already exists.
    (re.compile(r"(\([\w\", ]{1,200}\))=\((?:[^()]|\([^()]*\))*(?:\)|\Z)"), rf"\1=({_MARK})"),
    # What stands in quotes, up to the end where they do not close; an apostrophe opens none.
    (
        re.compile(
            r"(?<!\w)[bBrRuU]{0,2}'(?:[^'\\]|\\.|'(?=\w))*(?:'|\Z)"
            r"|\b[bBrRuU]{0,2}\"(?:[^\"\\]|\\.)*(?:\"|\Z)|\"(?:[^\"\\]|\\.)*(?:\"|\Z)"
            r"|«[^»]*(?:»|\Z)|“[^”]*(?:”|\Z)|‘[^’]*(?:’|\Z)|`[^`]*(?:`|\Z)",
            re.S,
        ),
        f"'{_MARK}'",
    ),
    (re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), _MARK),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"), _MARK),
    (re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}(?!\w)", re.I), _MARK),
    (re.compile(r"[\w+/=.~-]{16,}"), _unless_a_word),
    (re.compile(r"\+?\d(?:[ ().-]{0,2}\d){5,}"), _MARK),
)


def redact(text: str, longest: int = LONGEST) -> str:
    """The text without tokens, addresses, long numbers, queries of URLs and quoted values."""
    if len(text) > _MOST_READ:
        text = text[:_MOST_READ]
        text = text[: max(text.rfind(" "), 0)] + " …"  # half a token would not look like one
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
