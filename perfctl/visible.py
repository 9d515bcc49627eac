"""Makes text from outside safe to print: whatever could steer a terminal becomes visible."""

from __future__ import annotations

import re

# C0 and DEL, C1, soft hyphen and zero-width, line and paragraph separators, bidirectional controls,
# byte order mark, interlinear anchors, lone surrogates, tags.
_UNSAFE = (
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""The text with control, bidirectional and zero-width characters written as `\x1b`, `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_UNSAFE, _escape, text)  # compiled once, by the first text that needs it


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
