"""What speaks for and against a suspect, and what that amounts to.

Weights of evidence add up (I. J. Good, "Weight of evidence: a brief survey", Bayesian Statistics 2,
1985): a weight is the logarithm of how much likelier the fact is if the suspect did it. They are
judgements, not measurements; so the words and figures are shown, and the score only ranks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

PRIOR = -1.0
"""What any one suspect starts from."""
LIKELY = 0.5
"""The score from which a suspect fits."""


class Evidence(NamedTuple):
    """A fact in words; above 0 it speaks for the suspect, below 0 against it."""

    text: str
    weight: float


class Suspect(NamedTuple):
    """What may have caused the change."""

    kind: str
    what: str
    evidence: tuple[Evidence, ...]
    under: str | None = None
    """The suspect that this one is a part of."""
    is_news: bool = False
    """Whether it began with the change, so that a deploy may have brought it."""

    @property
    def score(self) -> float:
        """0 to 1; it ranks suspects, it is no probability."""
        weight = PRIOR + sum(item.weight for item in self.evidence)
        return 1 / (1 + math.exp(-weight))

    @property
    def speaks_for(self) -> list[str]:
        """What speaks for it, the strongest first."""
        return self._texts(1)

    @property
    def speaks_against(self) -> list[str]:
        """What speaks against it, the strongest first."""
        return self._texts(-1)

    def _texts(self, sign: int) -> list[str]:
        chosen = [item for item in self.evidence if item.weight * sign > 0]
        return [item.text for item in sorted(chosen, key=lambda item: -item.weight * sign)]


class Cleared(NamedTuple):
    """What it was not, with the figures that say so."""

    kind: str
    what: str


class Unknown(NamedTuple):
    """What cannot be told: it was not measured."""

    kind: str
    what: str


Finding = Suspect | Cleared | Unknown
