"""Whose a request was, where the project has asked for its user; never by asking for it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from perfctl.recording.users import hash_user


def loaded_user(request: HttpRequest, *, hashed: bool) -> str | None:
    """The primary key of the user that this request has loaded, or its hash."""
    user = getattr(request, "user", None)
    if user is None:
        return None
    if isinstance(user, LazyObject) and _is_unloaded(user):
        user = getattr(request, "_acached_user", None)
    key = getattr(user, "pk", None)
    if key is None:
        return None
    return _hash(str(key)) if hashed else str(key)


def _is_unloaded(user: LazyObject[Any]) -> bool:
    return object.__getattribute__(user, "_wrapped") is empty


def _hash(key: str) -> str:
    secret = settings.SECRET_KEY
    return hash_user(key, secret if isinstance(secret, bytes) else str(secret).encode())
