"""Colours by name, and status words that carry a mark: colour never tells anything alone."""

from __future__ import annotations

from typing import NamedTuple

from perfctl.console import Console

_SGR = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}


class Mark(NamedTuple):
    """How a status is shown."""

    sign: str
    word: str
    style: str


_MARKS = {
    "ok": Mark("●", "ok", "green"),
    "warning": Mark("▲", "warning", "yellow"),
    "critical": Mark("✖", "critical", "red"),
    "problem": Mark("✖", "problem", "red"),
    "unknown": Mark("?", "unknown", "yellow"),
    "idle": Mark("–", "idle", "dim"),
    "not_measured": Mark("·", "not measured", "dim"),
}


def paint(text: str, style: str, console: Console) -> str:
    """The text in a style, or in several (`bold red`); as it is where there is no colour."""
    if not style or not text or not console.has_color:
        return text
    codes = ";".join(str(_SGR[name]) for name in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m"


def mark(status: str) -> Mark:
    """The mark of a status; a status without one is shown by its word."""
    return _MARKS.get(status) or Mark("·", status.replace("_", " "), "")


def status_text(status: str) -> str:
    """`● ok`, `▲ warning`, `✖ critical`, `? unknown`, `– idle`, `· not measured`."""
    sign, word, _ = mark(status)
    return f"{sign} {word}"
