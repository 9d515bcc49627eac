"""Operations of caches: what counts as a hit, a miss and a write."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.core.cache.backends.locmem import LocMemCache

from perfctl.recording.state import STATE, RequestState
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


class OwnCache(LocMemCache):
    """A backend with signatures of its own, which it keeps under the hook."""

    def get(self, key: Any, default: Any = 0, **kw: Any) -> Any:
        return super().get(key, default, **kw)

    def get_many(self, keys: Any, *, fresh: bool = False) -> Any:
        return None if fresh else super().get_many(keys)

    def touch(self, name: Any, **kw: Any) -> Any:
        return sorted(kw)

    def has_key(self, key: Any, version: Any = None) -> Any:
        return Unsure()

    def get_or_set(self, key: Any, timeout: Any, default: Any) -> Any:
        return super().get_or_set(key, default, timeout)


class Unsure:
    """Says neither yes nor no."""

    def __bool__(self) -> bool:
        raise ValueError


class Dropping(LocMemCache):
    """A backend that knows no default."""

    def get(self, key: Any) -> Any:  # type: ignore[override]
        return super().get(key)


def keys_then_fail() -> Iterator[str]:
    """Keys that the project fails to make."""
    yield "many:1"
    raise LookupError("the project's own")


@contextlib.contextmanager
def request_running(*, is_running: bool) -> Iterator[RequestState]:
    """A request that watches caches, or none."""
    state = RequestState()
    state.watches_caches = True
    token = STATE.set(state if is_running else None)
    try:
        yield state
    finally:
        STATE.reset(token)


def _use(recorded: Recorded, backend: type[LocMemCache]) -> None:
    configured = {"BACKEND": f"{__name__}.{backend.__name__}"}
    recorded.use(CACHES={"default": configured, "other": configured})
    recorded.get("/plain/")


@pytest.mark.parametrize("is_running", [True, False])
def test_arguments_come_as_they_were_given(recorded: Recorded, *, is_running: bool) -> None:
    """A backend's own signatures and defaults hold, within a request and outside."""
    _use(recorded, OwnCache)
    with request_running(is_running=is_running):
        assert cache.get("own:1") == 0
        assert cache.get(key="own:1") == 0
        assert cache.get("own:1", default=5) == 5
        assert cache.get("own:1", 6, version=2) == 6
        assert cache.touch("own:1", key=3) == ["key"]
        assert cache.touch(name="own:1") == []
        assert cache.get_many(["own:1"], fresh=True) is None
        assert cache.get_many(k for k in ["own:1"]) == {}
        assert isinstance(cache.has_key("own:1"), Unsure)
        assert cache.get_or_set("own:2", 5, lambda: 7) == 7
        assert cache.get_or_set("own:2", default=8, timeout=5) == 7
        assert cache.get("own:2") == 7


@pytest.mark.parametrize("is_running", [True, False])
def test_errors_are_those_of_the_backend(recorded: Recorded, *, is_running: bool) -> None:
    """A wrong call fails in the project's words, not in the hook's."""
    _use(recorded, OwnCache)
    with request_running(is_running=is_running):
        for call in (cache.delete_many, cache.get, cache.get_or_set, cache.set):
            with pytest.raises(TypeError, match=r"missing \d required positional argument"):
                call()
        with pytest.raises(TypeError, match="unexpected keyword"):
            cache.set_many(keys=[])
        with pytest.raises(LookupError, match="the project's own"):
            cache.get_many(keys_then_fail())
        with pytest.raises(LookupError, match="the project's own"):
            cache.delete_many(keys=keys_then_fail())


def test_a_backend_without_a_default(recorded: Recorded) -> None:
    """What is not None was found."""
    _use(recorded, Dropping)
    with request_running(is_running=True) as state:
        cache.set("own:1", 5)
        assert cache.get("own:1") == 5
        assert cache.get("own:2") is None
    assert state.caches is not None
    use = state.caches["default", "own"]
    assert (use.hits, use.misses, use.writes) == (1, 1, 1)


def test_keys_of_an_iterator_are_counted(recorded: Recorded) -> None:
    """What can be read once is read by the backend, and counted."""
    recorded.get("/plain/")
    with request_running(is_running=True) as state:
        assert cache.get_many(keys=iter(["many:1", "many:2"])) == {}
        cache.delete_many(f"many:{n}" for n in range(3))
    assert state.caches is not None
    use = state.caches["default", "many"]
    assert (use.misses, use.writes) == (2, 3)
