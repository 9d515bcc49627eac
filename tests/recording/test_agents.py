"""User agents by family and major version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.recording.agents import family_of

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0", "Firefox 121"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/120.0.0.0 Safari/537.36", "Chrome 120"),
        (f"Mozilla/5.0 {WEBKIT} Chrome/120.0 Safari/537.36 Edg/120.0.1", "Edge 120"),
        (f"Mozilla/5.0 {WEBKIT} HeadlessChrome/120.0 Safari/537.36", "Headless Chrome 120"),
        (
            "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 "
            "Mobile/15E148 Safari/604.1",
            "Safari 17",
        ),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot 2"),
        ("curl/8.4.0", "curl 8"),
        ("python-requests/2.31.0", "python-requests 2"),
        ("Mozilla/5.0", "(other)"),
        ("something else", "(other)"),
        ("", None),
        (None, None),
    ],
)
def test_family(agent: str | None, family: str | None) -> None:
    """The browser that it is, not those that it also claims to be."""
    assert family_of(agent) == family


@given(st.text(max_size=2000))
def test_any_agent_is_short(agent: str) -> None:
    """Nothing longer than a name and a number comes out."""
    assert len(family_of(agent) or "") <= 60
