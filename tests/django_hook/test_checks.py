"""What `manage.py check` says."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.checks import CheckMessage, run_checks

from tests.django_hook.recorded import CACHE, DATABASE, HOOK, Recorded

SECURITY = "django.middleware.security.SecurityMiddleware"


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody runs `manage.py check`."""
    monkeypatch.setattr(sys, "argv", ["manage.py", "check"])


def check() -> dict[str | None, CheckMessage]:
    """The messages of perfctl, by id."""
    messages = run_checks(tags=["perfctl"])
    return {message.id: message for message in messages}


@contextlib.contextmanager
def without_roots_rights() -> Iterator[None]:
    """As somebody whom modes bind."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_tells_the_store(recorded: Recorded) -> None:
    """The place of the records, and which setting says so."""
    assert set(check()) == {"django_hook.I001"}
    assert check()["django_hook.I001"].msg == (
        f'perfctl records into {recorded.store} (from PERFCTL["DB"]).'
    )


@pytest.mark.parametrize("command", ["runserver", "migrate", "test"])
def test_other_commands_say_nothing_where_nothing_is_wrong(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Each would print that issues were identified."""
    monkeypatch.setattr(sys, "argv", ["manage.py", command, "check"])
    assert check() == {}
    recorded.use(MIDDLEWARE=[SECURITY])
    assert set(check()) == {"django_hook.W003"}


def test_unknown_setting_is_an_error(recorded: Recorded) -> None:
    """A misspelt setting stops a deploy."""
    recorded.use(PERFCTL={"PROBE": []})
    message = check()["django_hook.E001"]
    assert message.level == 40
    assert "'PROBE'" in message.msg


def test_order(recorded: Recorded) -> None:
    """The middlewares belong first, and together."""
    recorded.use(MIDDLEWARE=[SECURITY, *HOOK])
    assert "behind django.middleware.security" in check()["django_hook.W001"].msg
    recorded.use(MIDDLEWARE=[DATABASE, SECURITY, CACHE])
    assert "django_hook.W001" in check()
    recorded.use(MIDDLEWARE=[CACHE, DATABASE, SECURITY])
    assert "django_hook.W001" not in check()


def test_no_middleware(recorded: Recorded) -> None:
    """The app alone records nothing."""
    recorded.use(MIDDLEWARE=[SECURITY])
    assert set(check()) == {"django_hook.W003"}


def test_no_place(recorded: Recorded) -> None:
    """Without BASE_DIR and DB there is no place."""
    recorded.use(BASE_DIR=None)
    recorded._settings[0].options["PERFCTL"]
    from django.test.utils import override_settings

    with override_settings(PERFCTL={}, BASE_DIR=None):
        assert "django_hook.E002" in check()


def test_spool_that_cannot_be_written(recorded: Recorded) -> None:
    """A spool that is open to others is refused, and said so with what to do."""
    spool = Path(f"{recorded.store}.spool")
    spool.mkdir()
    spool.chmod(0o777)
    message = check()["django_hook.W002"]
    assert str(recorded.store) in message.msg
    assert message.hint == f"chmod 700 {spool}"


def test_a_check_only_looks(recorded: Recorded) -> None:
    """No folder is made, neither the spool nor what is missing above it."""
    place = recorded.store.parent / "not" / "yet" / "perfctl.db"
    recorded.use(PERFCTL={"DB": str(place)})
    assert set(check()) == {"django_hook.I001"}
    assert not (recorded.store.parent / "not").exists()


def test_spool_that_cannot_be_made(recorded: Recorded) -> None:
    """A file in the way, and a group that does not exist, are said before the server starts."""
    in_the_way = recorded.store.parent / "file"
    in_the_way.touch()
    recorded.use(PERFCTL={"DB": str(in_the_way / "perfctl.db")})
    assert f"{in_the_way} is no folder" in check()["django_hook.W002"].msg
    recorded.use(PERFCTL={"GROUP": "no-such-group"})
    assert "no group 'no-such-group'" in check()["django_hook.W002"].msg


def test_spool_whose_place_is_read_only(recorded: Recorded) -> None:
    """What this user may not write is said without trying."""
    above = recorded.store.parent / "theirs"
    above.mkdir(mode=0o555)
    recorded.use(PERFCTL={"DB": str(above / "perfctl.db")})
    with without_roots_rights():
        message = check()["django_hook.W002"]
    assert "cannot be written by this process" in message.msg
    assert list(above.iterdir()) == []


def test_disabled(recorded: Recorded) -> None:
    """What is switched off needs no place."""
    recorded.use(PERFCTL={"ENABLED": False})
    assert check() == {}


def test_refused_records_are_logged_once_an_hour(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """A spool that refuses is one line in the log, however many requests it costs."""
    spool = Path(f"{recorded.store}.spool")
    spool.mkdir()
    os.chmod(spool, 0o777)
    recorded.use(PERFCTL={"RELEASE": "refused"})
    for _ in range(5):
        assert recorded.get("/plain/").status_code == 200
    logged = [r for r in caplog.records if r.name == "django_hook"]
    assert [r.levelname for r in logged] == ["ERROR"]
    assert "open to other users" in logged[0].getMessage()


def test_unknown_setting_is_logged_and_ignored(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    """When serving, a misspelt setting is logged, and requests are recorded."""
    recorded.use(PERFCTL={"PROBE": [], "RELEASE": "misspelt"})
    recorded.get("/plain/")
    assert len(recorded.requests) == 1
    assert any("'PROBE'" in r.getMessage() for r in caplog.records)
