"""The hash that stands for a user is the same for the hook that writes and the command that forgets."""

from __future__ import annotations

import subprocess
import sys

import pytest

from perfctl.recording.users import hash_user

_HASH = """
from django.conf import settings
settings.configure(SECRET_KEY={secret!r})
from django_hook.users import _hash
print(_hash("42"))
"""


@pytest.mark.parametrize("secret", ["s3cret", b"s3cret"])
def test_the_hook_and_the_command_agree(secret: str | bytes) -> None:
    """Under the project's SECRET_KEY, text or bytes."""
    code = _HASH.format(secret=secret)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hash_user("42", b"s3cret")


def test_keys_and_secrets_make_a_difference() -> None:
    """16 hex digits."""
    found = {hash_user(key, secret) for key in ("42", "43") for secret in (b"a", b"b")}
    assert len(found) == 4
    assert all(len(text) == 16 and set(text) <= set("0123456789abcdef") for text in found)
