"""What is taken out of messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.redact import LONGEST, redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("division by zero", "division by zero"),
        ("no such table: items_item", "no such table: items_item"),
        ("UNIQUE constraint failed: auth_user.email", "UNIQUE constraint failed: auth_user.email"),
        ("invalid literal for int(): 'hunter2'", "invalid literal for int(): '[…]'"),
        ("don't know 'abc'", "don't know '[…]'"),
        ("'it's me' or so", "'[…]' or so"),
        ("unclosed 'secret", "unclosed '[…]'"),
        ("b'secret'", "'[…]'"),
        ("of bob.smith@example.co.uk", "of […]"),
        ("GET https://u:pw@x.com/a?b=c#d failed", "GET https://[…]@x.com/a?[…] failed"),
        ("at /reset/?token=abc", "at /reset/?[…]"),
        ("password=hunter2, user", "password=[…], user"),
        ('{"api_key": "x y z"}', "{'[…]': […]}"),
        ("Authorization: Bearer abc.def", "Authorization: […] […]"),
        ("sent Bearer abcdef1234", "sent Bearer […]"),
        ("card 4111 1111 1111 1111 refused", "card […] refused"),
        ("call +49 (30) 901820", "call […]"),
        ("10.1.2.3 refused, port 5432", "[…] refused, port 5432"),
        ("fe80::1:2:3 refused", "[…] refused"),
        ("key 123e4567-e89b-12d3-a456-426614174000", "key […]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjg", "[…]"),
        ("Key (email)=(bob) already exists.", "Key (email)=([…]) already exists."),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc", "[…]"),
        ("a\n  b\tc", "a b c"),
    ],
)
def test_redacted(text: str, shown: str) -> None:
    """What may be a person's or opens a door goes, the sense stays."""
    assert redact(text) == shown


SECRET = "q7Zk2mPw9XvR4tLs8bNd"


@given(before=st.text(max_size=60), after=st.text(max_size=60))
def test_a_quoted_value_goes_whatever_stands_around(before: str, after: str) -> None:
    """A token does not come through, whatever stands before and behind it."""
    assert SECRET not in redact(f"{before} {SECRET} {after}")


@given(st.text(max_size=5000))
def test_bounded(text: str) -> None:
    """What comes out is short and on one line."""
    shown = redact(text)
    assert len(shown) <= LONGEST
    assert "\n" not in shown


def test_what_is_cut_leaves_no_half_token() -> None:
    """A long text is cut at a blank, since half a token would not look like one."""
    text = " ".join(["word"] * 198) + " " + SECRET * 3
    assert SECRET[:8] not in redact(text, longest=5000)
