"""Operations of caches: what counts as a hit, a miss and a write."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache, caches

from tests.django_hook.recorded import Recorded


@pytest.fixture(autouse=True)
def _empty_caches() -> Iterator[None]:
    """Each test begins with empty caches."""
    yield
    cache.clear()
    caches["other"].clear()


def test_by_alias_and_prefix(recorded: Recorded) -> None:
    """Hits, misses and writes stand by alias and prefix; what is no prefix is `(other)`."""
    recorded.get("/caching/")
    assert recorded.only.caches == {
        ("default", "page"): (2, 2, 1),
        ("default", "user"): (0, 1, 0),
        ("default", "(other)"): (0, 1, 0),
        ("other", "lock"): (0, 0, 1),
    }


def test_each_operation_counts_once(recorded: Recorded) -> None:
    """An operation that is built on others counts as what the project called."""
    response = recorded.get("/caching_all/")
    assert response.content == b"default"
    assert recorded.only.caches == {
        ("default", "set_many"): (0, 0, 2),
        ("default", "add"): (0, 0, 1),
        ("default", "incr"): (0, 0, 3),
        ("default", "touch"): (0, 0, 1),
        ("default", "has_key"): (0, 1, 0),
        ("default", "contains"): (0, 1, 0),
        ("default", "delete"): (0, 0, 1),
        ("default", "delete_many"): (0, 0, 2),
        ("default", "with_default"): (0, 1, 0),
        ("default", "by_keyword"): (0, 1, 0),
        ("default", "version"): (0, 0, 2),
        ("default", "none"): (0, 1, 0),
    }


def test_get_or_set(recorded: Recorded) -> None:
    """A miss and a write, then hits; what the value is made of counts for itself."""
    response = recorded.get("/get_or_set/")
    assert response.content == b"[5, 5, 5, 6]"
    assert recorded.only.caches == {
        ("default", "made"): (2, 1, 1),
        ("default", "plain"): (0, 1, 1),
        ("default", "other"): (0, 1, 0),
    }


@pytest.mark.parametrize("way", ["get", "get_async"])
def test_async_operations(recorded: Recorded, way: str) -> None:
    """The async operations count like the others."""
    getattr(recorded, way)("/caching_async/")
    assert recorded.only.caches == {
        ("default", "page"): (1, 2, 2),
        ("default", "made"): (0, 1, 1),
        ("default", "many"): (0, 4, 0),
    }


def test_a_stored_none_is_a_hit(recorded: Recorded) -> None:
    """None can be cached: it is found, and is no default."""
    cache.set("none:1", None)
    response = recorded.get("/caching_all/")
    assert response.content == b"None"
    assert recorded.only.caches["default", "none"] == (1, 0, 0)


def test_outside_of_a_request_caches_are_as_ever() -> None:
    """The methods do what they did."""
    assert cache.get("x") is None
    assert cache.get("x", 5) == 5
    assert cache.get_or_set("x", lambda: 7) == 7
    assert cache.get_many(["x", "y"]) == {"x": 7}
    assert cache.incr("x") == 8
    with pytest.raises(ValueError, match="not found"):
        cache.incr("y")


def test_other_backends(recorded: Recorded, tmp_path: object) -> None:
    """The database's cache counts as a cache, and its statements as queries."""
    from django.core.management import call_command

    recorded.use(
        CACHES={
            "default": {
                "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                "LOCATION": "cache_table",
            },
            "other": {
                "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
                "LOCATION": str(tmp_path),
            },
        }
    )
    call_command("createcachetable", verbosity=0)
    recorded.get("/caching/")
    assert recorded.only.caches == {
        ("default", "page"): (2, 2, 1),
        ("default", "user"): (0, 1, 0),
        ("default", "(other)"): (0, 1, 0),
        ("other", "lock"): (0, 0, 1),
    }
    assert (recorded.only.queries or 0) > 4
