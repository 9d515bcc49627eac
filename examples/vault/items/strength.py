"""How good a secret is, judged without knowing it."""

from dataclasses import dataclass

from django.core.cache import cache
from django.utils import timezone

from .models import Item

OLD_DAYS = 365
KEEP_SECONDS = 300


@dataclass(frozen=True)
class Strength:
    """The browser's estimate (0 to 4), how often the secret is used, and its age."""

    score: int
    uses: int
    age_days: int

    @property
    def advice(self):
        """What the user should do, in one sentence."""
        if self.uses > 1:
            return f"Used for {self.uses} items: give each a secret of its own."
        if self.score < 3:
            return "Easy to guess: let the generator make a longer one."
        if self.age_days > OLD_DAYS:
            return "Unchanged for more than a year: change it."
        return "Good."


def strength_of(item):
    """The strength of an item's secret, from the cache where it was judged lately."""
    return cache.get_or_set(f"strength:{item.pk}", lambda: _judge(item), KEEP_SECONDS)


def _judge(item):
    return Strength(
        score=item.strength,
        uses=Item.objects.filter(
            vault__owner=item.vault.owner_id, secret_mac=item.secret_mac
        ).count(),
        age_days=(timezone.now() - item.changed_at).days,
    )
