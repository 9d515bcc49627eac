"""How severe an advisory is: CVSS v2 to v4 vectors as scores, and scores as bands.

Bands as FIRST has them for v3 and v4 (https://www.first.org/cvss/v3.1/specification-document, table
14); v2 has none for critical, and NVD's three are taken (https://nvd.nist.gov/vuln-metrics/cvss).
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Severity(IntEnum):
    """In the order in which they gate; `UNKNOWN` may be anything."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4
    UNKNOWN = 5

    @property
    def word(self) -> str:
        """As people and JSON have it."""
        return self.name.lower()


class Rating(NamedTuple):
    """What one source says: a score where it gives a vector, else its word alone."""

    source: str
    severity: Severity
    score: float | None
    vector: str | None


_WORDS = {
    "none": Severity.NONE,
    "low": Severity.LOW,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "important": Severity.HIGH,
    "high": Severity.HIGH,
    "critical": Severity.CRITICAL,
}


def of_word(word: str) -> Severity:
    """What a database's own word means; UNKNOWN for one that is not known."""
    return _WORDS.get(word.strip().lower(), Severity.UNKNOWN)


def of_vector(vector: str) -> tuple[Severity, float] | None:
    """The band and the base score of a CVSS vector; None for what is none."""
    from cvss import CVSS2, CVSS3, CVSS4
    from cvss.exceptions import CVSSError

    try:
        if vector.startswith("CVSS:4"):
            score = float(CVSS4(vector).base_score)
        elif vector.startswith("CVSS:3"):
            score = float(CVSS3(vector).base_score)
        else:
            score = float(CVSS2(vector).base_score)
            return _band_of_v2(score), score
    except (CVSSError, ArithmeticError, ValueError, LookupError):
        return None
    return _band(score), score


def highest(ratings: list[Rating]) -> Rating | None:
    """The rating that gates: the highest that is known, of equals the one with the higher score."""
    known = [rating for rating in ratings if rating.severity is not Severity.UNKNOWN]
    return max(known, key=lambda r: (r.severity, r.score or 0.0), default=None)


def _band(score: float) -> Severity:
    if score >= 9:
        return Severity.CRITICAL
    if score >= 7:
        return Severity.HIGH
    if score >= 4:
        return Severity.MEDIUM
    return Severity.LOW if score > 0 else Severity.NONE


def _band_of_v2(score: float) -> Severity:
    return min(_band(score), Severity.HIGH) if score > 0 else Severity.LOW
