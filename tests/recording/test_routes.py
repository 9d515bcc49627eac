"""URL patterns as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.recording.routes import readable, with_language_prefix, without_format_suffix


@pytest.mark.parametrize(
    ("route", "shown"),
    [
        ("", "/"),
        ("^$", "/"),
        ("fast/<int:k>/", "/fast/<int:k>/"),
        ("robots.txt", "/robots.txt"),
        (r"^robots\.txt$", "/robots.txt"),
        (r"^articles/(?P<year>[0-9]{4})/(?P<month>\d+)/$", "/articles/<year>/<month>/"),
        (r"api/^items/(?P<pk>[^/.]+)/$", "/api/items/<pk>/"),
        (r"^(\d+)/x/?$", "/<var>/x/"),
        (r"^a(?:b|c)/(?:de)/(?:fg)?h$", "/a(b|c)/de/h"),
        (
            r"^(?:legacy|old)/(\d+)/(?P<slug>[\w-]+)/$",
            "/(legacy|old)/<var>/<slug>/",
        ),
        (r"^(?:new|fresh)/(\d+)/$", "/(new|fresh)/<var>/"),
        (r"^(?:v1\.0|v(?:2|3)/x)/$", "/(v1.0|v(2|3)/x)/"),
        (r"^(?:a|\d+)/(?:b|(?P<c>x))/(b|c)/$", "/<var>/<var>/<var>/"),
        (r"^(?:a|b)?/(?:[(|]|c)/(?:d\|e)/$", "/<var>/d|e/"),
        (rf"^(?:{'long|' * 40}x)/$", "/<var>/"),
        (r"^static/(?P<path>.*)$", "/static/<path>"),
        (r"^x/.*$", "/x/<var>"),
        (r"^i/(?P<s>(x|y)[)]+)/$", "/i/<s>/"),
        (r"^[\w-]+/\d+/$", "/<var>/<var>/"),
        (r"^\Ax\Z", "/x"),
        ("a+b/", "/a+b/"),
        ("<path:path>", "/<path:path>"),
    ],
)
def test_readable(route: str, shown: str) -> None:
    """Groups by name, nothing that only a regex needs, a leading slash."""
    assert readable(route) == shown


@given(st.text(alphabet=r"ab/<>()?:P[]{}\^$.*+|,0", max_size=60))
def test_any_pattern_is_readable(route: str) -> None:
    """No pattern is too much."""
    assert readable(route).startswith("/")


@pytest.mark.parametrize(
    ("route", "plain"),
    [
        ("/items/<int:pk><drf_format_suffix:format>", ("/items/<int:pk>", True)),
        ("/items<drf_format_suffix_json_html:format>", ("/items", True)),
        ("/items/<pk>.<format>/", ("/items/<pk>/", False)),
        ("/items/<pk>/", ("/items/<pk>/", False)),
    ],
)
def test_format_suffix(route: str, plain: tuple[str, bool]) -> None:
    """The suffix goes; of one by `path()` the slash is open."""
    assert without_format_suffix(route) == plain


@pytest.mark.parametrize(
    ("route", "shown"),
    [
        ("/en/about/", "/<lang>/about/"),
        ("/en-us/", "/<lang>/"),
        ("/english/", "/english/"),
        ("/en", "/en"),
    ],
)
def test_language_prefix(route: str, shown: str) -> None:
    """The language is one segment of its own."""
    assert with_language_prefix(route, {"en", "de"}) == shown
