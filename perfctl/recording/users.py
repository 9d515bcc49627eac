"""How a user stands in the records where a project keeps no primary keys (HASH_USERS)."""

from __future__ import annotations

import hashlib
import hmac

_DIGITS = 16


def hash_user(key: str, secret: bytes) -> str:
    """The hash of a primary key under the project's SECRET_KEY, 16 hex digits."""
    salted = b"perfctl.user" + secret
    return hmac.new(salted, key.encode(), hashlib.sha256).hexdigest()[:_DIGITS]
