"""The fake people and secrets of the example, the same in each run.

Everything here follows from a number, so that the traffic knows what exists without a look into the
database. The secrets are noise: nothing was ever encrypted.
"""

import base64
import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")

USERS = ("alice", "bob", "carol", "dave", "erin")
PASSWORD = "correct horse battery staple"

VAULTS = ("Personal", "Work")
FOLDERS = ("Banking", "Shops", "Servers")
TAGS = ("2fa", "family", "legacy", "personal", "shared", "team", "travel", "urgent")
SITES = (
    "archive", "bakery", "cinema", "dentist", "energy", "florist", "garage", "hotel", "insurance",
    "journal", "kiosk", "library", "museum", "news", "opera", "parcel", "quiz", "railway", "school",
    "theatre", "university", "vineyard", "weather", "zoo",
)  # fmt: skip

ITEMS_A_USER = 40
SHARES_A_USER = 10
SEEDED_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def user_id(user: str) -> int:
    """The primary key of a user: 1 and up."""
    return USERS.index(user) + 1


def vault_ids(user: str) -> range:
    """The primary keys of a user's vaults."""
    return _block(user, len(VAULTS))


def item_ids(user: str) -> range:
    """The primary keys of a user's items."""
    return _block(user, ITEMS_A_USER)


def share_ids(user: str) -> range:
    """The primary keys of what others share with a user."""
    return _block(user, SHARES_A_USER)


def shared_item_ids(user: str) -> list[int]:
    """The primary keys of the items shared with a user, by each of the others in turn."""
    others = [other for other in USERS if other != user]
    return [item_ids(others[at % len(others)])[at] for at in range(SHARES_A_USER)]


def share_ends(share_id: int) -> bool:
    """Whether a share has an end: each third has none."""
    return share_id % 3 != 0


def title(item_id: int) -> str:
    """What an item is called."""
    return f"{_pick(SITES, item_id, 'title').capitalize()} {item_id}"


def website(item_id: int) -> str:
    """The address that an item is for."""
    return f"https://{_pick(SITES, item_id, 'title')}.example/"


def kind(item_id: int) -> str:
    """Mostly logins."""
    return _pick(("login", "login", "login", "card", "note"), item_id, "kind")


def tags(item_id: int) -> list[str]:
    """One to three tags of an item."""
    return sorted(_noise(item_id, "tags").sample(TAGS, 1 + item_id % 3))


def strength(item_id: int) -> int:
    """The browser's estimate of an item's secret, 0 to 4."""
    return _pick((1, 2, 3, 3, 4, 4), item_id, "strength")


def secret_mac(item_id: int) -> str:
    """The MAC of an item's secret; each seventh item has the secret of the one before."""
    secret = item_id - 1 if item_id % 7 == 0 else item_id
    return hashlib.sha256(b"mac:%d" % secret).hexdigest()


def changed_at(item_id: int) -> datetime:
    """When an item's secret was last changed: within two years before the seed."""
    return SEEDED_AT - timedelta(hours=_noise(item_id, "changed").randrange(2 * 365 * 24))


def ends_at(share_id: int) -> datetime | None:
    """When a share ends, if it does."""
    return SEEDED_AT + timedelta(days=365 + share_id) if share_ends(share_id) else None


def blob(what: str, number: int, size: int = 96) -> str:
    """Base64 of noise, in the place of a ciphertext or a wrapped key."""
    return base64.b64encode(_noise(number, what).randbytes(size)).decode()


def _block(user: str, size: int) -> range:
    first = (user_id(user) - 1) * size + 1
    return range(first, first + size)


def _noise(number: int, what: str) -> random.Random:
    return random.Random(f"{what}:{number}")


def _pick(choices: Sequence[T], number: int, what: str) -> T:
    return _noise(number, what).choice(choices)
