"""The `PERFCTL` settings: places, hosts, types, and names that do not exist."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test.utils import override_settings

from django_hook import conf
from django_hook.conf import HookSettings, Place, load_settings


def load(environ: dict[str, str] | None = None, **perfctl: object) -> HookSettings:
    """The settings with these values of `PERFCTL`."""
    with override_settings(PERFCTL=perfctl):
        return load_settings(environ or {})


def test_defaults() -> None:
    """Without settings records go below BASE_DIR."""
    loaded = load()
    here = Path(__file__).parent
    assert loaded.place == Place(here / ".perfctl" / "perfctl.db", "BASE_DIR")
    assert loaded.enabled
    assert loaded.problems == ()
    assert loaded.probes == ("healthz", "livez", "readyz", "health", "ping")


def test_place_by_setting_first() -> None:
    """The setting outranks the environment."""
    loaded = load({"PERFCTL_DB": "/e.db"}, DB="/s.db")
    assert loaded.place == Place(Path("/s.db"), 'PERFCTL["DB"]')


def test_place_by_environment() -> None:
    """The environment outranks BASE_DIR."""
    assert load({"PERFCTL_DB": "/e.db"}).place == Place(Path("/e.db"), "PERFCTL_DB")


def test_relative_setting_is_below_base_dir() -> None:
    """A relative path in the settings is meant from the project, wherever it is started."""
    place = load(DB="var/p.db").place
    assert place is not None
    assert place.path == Path(__file__).parent / "var/p.db"


def test_relative_environment_is_from_where_it_was_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A relative path in the environment is meant from where the process was started."""
    started = conf._STARTED_IN
    monkeypatch.chdir(tmp_path)
    place = load({"PERFCTL_DB": "p.db"}).place
    assert place is not None
    assert place.path == started / "p.db"


@pytest.mark.parametrize("perfctl", [{}, {"DB": "var/p.db"}])
def test_no_place_without_base_dir(perfctl: dict[str, object]) -> None:
    """Never the working folder: without BASE_DIR and an absolute path there is no place."""
    with override_settings(BASE_DIR=None):
        assert load(**perfctl).place is None


def test_test_place() -> None:
    """The project's tests record only where the environment says so."""
    assert load().test_place is None
    assert load({"PERFCTL_TEST_DB": "/t.db"}).test_place == Place(Path("/t.db"), "PERFCTL_TEST_DB")


@pytest.mark.parametrize(
    ("environ", "host", "expected"),
    [
        ({}, "web1", ("web1", None)),
        ({"PERFCTL_HOST": "web2"}, None, ("web2", None)),
        ({"PERFCTL_HOST": "web2"}, "web1", ("web1", None)),
        ({}, "0123456789ab", ("local", "0123456789ab")),
        ({"PERFCTL_HOST": "a" * 64}, None, ("local", "a" * 64)),
    ],
)
def test_host(environ: dict[str, str], host: str | None, expected: tuple[str, str | None]) -> None:
    """The host by setting, by environment; a container's id is an instance of `local`."""
    loaded = load(environ, **({"HOST": host} if host else {}))
    assert (loaded.host, loaded.instance) == expected


def test_unknown_name_with_the_nearest() -> None:
    """A misspelt setting is named, with what may be meant."""
    assert load(IGNROE=["/x"]).problems == (
        "PERFCTL has no setting 'IGNROE'; did you mean \"IGNORE\"?",
    )


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ENABLED", "no", "must be True or False"),
        ("PROBES", "healthz", "must be a list of texts"),
        ("IGNORE", [1], "must be a list of texts"),
        ("HOST", 5, "must be a text"),
        ("DB", 5, "must be a path"),
        ("ERROR_MESSAGES", "all", 'must be "redacted"'),
    ],
)
def test_wrong_type(name: str, value: object, problem: str) -> None:
    """A value of the wrong type is named, and the default stands."""
    loaded = load(**{name: value})
    assert len(loaded.problems) == 1
    assert problem in loaded.problems[0]
    assert loaded == load()


def test_settings_that_are_no_dict() -> None:
    """`PERFCTL` that is no dict is a problem, not a fault."""
    with override_settings(PERFCTL=["DB"]):
        assert load_settings({}).problems == ("PERFCTL is a list, not a dict",)
