"""The `PERFCTL` settings: where records go, and what they say of the process."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from . import spooled
from .site import Site

_PAGE = """
    @page("")
    def view(request):
        connection.cursor().execute("SELECT 1")
        cache.get("k:1")
        return HttpResponse("x")
"""
_VISIT = _PAGE + "    assert get().status == 200\n"
_INSTALLED = {"INSTALLED_APPS": ["django_hook"]}


def _check(site: Site, text: str = "", **settings: Any) -> dict[str, str]:
    """What `manage.py check` says, by id; a failed check too."""
    outcome = site.run(
        _PAGE
        + text
        + """
    from django.core import checks
    sys.argv = ["manage.py", "check"]
    for message in checks.run_checks():
        tell([message.id, str(message.msg), str(message.hint), message.level])
    """,
        **(_INSTALLED | settings),
    )
    return {
        name: f"{level} {text} {hint}"
        for name, text, hint, level in outcome.told
        if name.startswith("django_hook")
    }


def test_records_go_to_base_dir_by_default(site: Site) -> None:
    """`.perfctl/perfctl.db` there, never in the folder where the process was started."""
    site.run(_VISIT)
    assert (site.folder / ".perfctl" / "perfctl.db.spool").is_dir()
    assert os.listdir(site.folder / "elsewhere") == []
    assert len(site.requests) == 1


@pytest.mark.parametrize("kind", ["str", "path"])
def test_db_in_the_settings_comes_first(kind: str, site: Site) -> None:
    """Before `PERFCTL_DB`, and before BASE_DIR."""
    site.run(
        f"    settings.PERFCTL = {{'DB': {'str' if kind == 'str' else ''}(FOLDER / 'a' / 'p.db')}}\n"
        + _VISIT,
        env={"PERFCTL_DB": str(site.folder / "b" / "p.db")},
    )
    assert len(spooled.read(site.folder / "a" / "p.db.spool").requests) == 1
    assert not (site.folder / "b").exists()
    assert not (site.folder / ".perfctl").exists()


def test_a_relative_db_in_the_settings_is_below_base_dir(site: Site) -> None:
    """Not below wherever the server was started."""
    site.run(_VISIT, PERFCTL={"DB": "var/p.db"})
    assert len(spooled.read(site.folder / "var" / "p.db.spool").requests) == 1


def test_perfctl_db_comes_second(site: Site) -> None:
    """Before BASE_DIR; a relative one is below the folder where the process started."""
    moved = _PAGE + "    handler(); os.chdir('/'); assert get().status == 200\n"
    site.run(moved, env={"PERFCTL_DB": "b/p.db"})
    assert len(spooled.read(site.folder / "elsewhere" / "b" / "p.db.spool").requests) == 1
    assert not (site.folder / ".perfctl").exists()


def test_without_any_place_nothing_is_recorded_and_it_is_said(site: Site) -> None:
    """No BASE_DIR, no DB: one ERROR in the log, an error of the check, and requests go on."""
    text = "    del settings.BASE_DIR\n"
    outcome = site.run(text + _VISIT + "    get()\n")
    assert [level for level, _ in outcome.logs] == ["ERROR"]
    assert "BASE_DIR" in outcome.logs[0][1]
    assert list(site.folder.rglob("*.spool")) == []
    found = _check(site, text)
    assert any("BASE_DIR" in message for message in found.values())


def test_the_check_tells_which_store(site: Site) -> None:
    """And which setting says so."""
    assert any(str(site.store) in m and "BASE_DIR" in m for m in _check(site).values())
    found = _check(site, PERFCTL={"DB": "/srv/x/p.db"}).values()
    assert any("/srv/x/p.db" in m and 'PERFCTL["DB"]' in m for m in found)


def test_an_unknown_name_is_an_error_of_the_check(site: Site) -> None:
    """`manage.py check` fails and names the nearest."""
    outcome = site.run(
        _PAGE
        + """
    from django.core.management import call_command
    from django.core.management.base import SystemCheckError
    try:
        call_command("check")
    except SystemCheckError as exc:
        tell(str(exc))
    """,
        PERFCTL={"RELASE": "1"},
        **_INSTALLED,
    )
    [message] = outcome.told
    assert "RELASE" in message
    assert "RELEASE" in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB", 7),
        ("ENABLED", "no"),
        ("GROUP", ["web"]),
        ("HOST", 1),
        ("RELEASE", 1.5),
        ("ENVIRONMENT", {}),
        ("PROBES", "healthz"),
        ("IGNORE", [1]),
        ("LONG", 1),
        ("ERROR_MESSAGES", "all"),
        ("ERROR_MESSAGES", True),
        ("HASH_USERS", "yes"),
        ("N_PLUS_ONE_IGNORE", "/x/"),
        ("N_PLUS_ONE_IGNORE", {"/x/": 5}),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error_and_is_not_used(
    name: str, value: object, site: Site
) -> None:
    """The check names the setting; a server logs it, takes the default and records."""
    found = _check(site, "    get()\n", PERFCTL={name: value})
    assert any(name in message and message.startswith("40") for message in found.values())
    outcome = json.loads((site.folder / "outcome.json").read_text())
    assert [(level, name in text) for level, text in outcome["logs"]] == [("ERROR", True)]
    assert len(site.requests) == 1


def test_settings_that_are_no_dict_are_an_error(site: Site) -> None:
    """And are not used."""
    found = _check(site, "    get()\n", PERFCTL=["DB"])
    assert any("dict" in message for message in found.values())
    assert len(site.requests) == 1


def test_an_unknown_name_is_logged_and_ignored_when_serving(site: Site) -> None:
    """Once a process, however many middlewares and handlers; requests are recorded."""
    outcome = site.run(
        _VISIT + "    get(), aget()\n", PERFCTL={"RELASE": "1", "ENVIRONMENT": "production"}
    )
    assert [(level, "RELASE" in text) for level, text in outcome.logs] == [("ERROR", True)]
    assert len(site.requests) == 3
    assert {header.environment for header in site.spool.headers} == {"production"}


def test_all_settings_at_once_are_known(site: Site) -> None:
    """Every name of the reference is taken without a word."""
    found = _check(
        site,
        "    get()\n",
        PERFCTL={
            "DB": str(site.store),
            "ENABLED": True,
            "GROUP": None,
            "HOST": "web1",
            "RELEASE": "2026.1",
            "ENVIRONMENT": "production",
            "PROBES": ["healthz"],
            "IGNORE": ["/x/*"],
            "LONG": ["/events/"],
            "ERROR_MESSAGES": "redacted",
            "HASH_USERS": True,
            "N_PLUS_ONE_IGNORE": ["/x/"],
        },
    )
    assert all(int(message.split()[0]) < 30 for message in found.values()), found
    assert len(site.requests) == 1


def test_switched_off_it_costs_nothing(site: Site) -> None:
    """No middleware in the chain, no wrapper, no replaced method, no file, no header."""
    outcome = site.run(
        _PAGE
        + """
    from django.core.cache.backends.locmem import LocMemCache
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.signals import got_request_exception
    from django.db.backends.signals import connection_created
    from django.test import override_settings
    before = [LocMemCache.get, LocMemCache.set, LocMemCache.aget]

    with override_settings(MIDDLEWARE=[]):
        bare = WSGIHandler()._middleware_chain
    chain = handler()._middleware_chain
    assert chain.__wrapped__.__func__ is bare.__wrapped__.__func__
    answer = get()
    tell("X-Request-ID" in answer.headers)
    tell(len(connection.execute_wrappers))
    tell([LocMemCache.get, LocMemCache.set, LocMemCache.aget] == before)
    tell([receiver for signal in (connection_created, got_request_exception)
          for receiver in signal.receivers if "django_hook" in str(receiver)])
    """,
        PERFCTL={"ENABLED": False},
    )
    assert outcome.told == [False, 0, True, []]
    assert outcome.logs == []
    assert not (site.folder / ".perfctl").exists()


def test_the_header_says_who_records(site: Site) -> None:
    """Host, release and environment as set, the process, source `live`."""
    outcome = site.run(
        _VISIT + "    tell(os.getpid())\n",
        PERFCTL={"HOST": "web1", "RELEASE": "2026.11", "ENVIRONMENT": "production"},
    )
    [header] = site.spool.headers
    assert header._replace(started_ms=0) == spooled.Header(
        1, "web1", None, outcome.told[0], "2026.11", "production", "live", 0
    )


def test_what_is_not_set_is_null_in_the_header(site: Site) -> None:
    """Release and environment; the host is the machine's name."""
    outcome = site.run(_VISIT + "    import socket; tell(socket.gethostname())\n")
    [header] = site.spool.headers
    assert (header.release, header.environment) == (None, None)
    machine = outcome.told[0]
    is_container = len(machine) in (12, 64) and set(machine) <= set("0123456789abcdef")
    assert (header.host, header.instance) == (
        ("local", machine) if is_container else (machine, None)
    )


@pytest.mark.parametrize(
    ("settings", "env", "machine", "expected"),
    [
        ({}, {}, "web1.example.com", ("web1.example.com", None)),
        ({}, {}, "0123456789ab", ("local", "0123456789ab")),
        ({}, {}, "f" * 64, ("local", "f" * 64)),
        ({}, {}, "0123456789abc", ("0123456789abc", None)),
        ({}, {}, "0123456789AB", ("0123456789AB", None)),
        ({}, {"PERFCTL_HOST": "set"}, "web1", ("set", None)),
        ({}, {"PERFCTL_HOST": "set"}, "0123456789ab", ("set", "0123456789ab")),
        ({"HOST": "mine"}, {"PERFCTL_HOST": "set"}, "web1", ("mine", None)),
    ],
)
def test_the_host_is_set_or_the_machines_and_never_a_containers_id(
    settings: dict[str, str],
    env: dict[str, str],
    machine: str,
    expected: tuple[str, str | None],
    site: Site,
) -> None:
    """`PERFCTL["HOST"]`, `PERFCTL_HOST`, the machine's name; an id is kept as the instance."""
    site.run(
        f"    import socket; socket.gethostname = lambda: {machine!r}\n" + _VISIT,
        env=env,
        PERFCTL=settings,
    )
    [header] = site.spool.headers
    assert (header.host, header.instance) == expected


def test_the_spool_is_private(site: Site) -> None:
    """0700 and 0600, whatever the umask."""
    site.run("    os.umask(0)\n" + _VISIT)
    modes = {path.name: _mode(path) for path in (site.store.parent, site.spool_folder)}
    assert modes == {".perfctl": 0o700, "perfctl.db.spool": 0o700}
    assert {_mode(path) for path in site.spool_folder.iterdir()} == {0o600}


def test_a_group_shares_the_spool(site: Site) -> None:
    """`PERFCTL["GROUP"]`: 2770 and 0660, for web and cron under different users."""
    site.run("    os.umask(0o077)\n" + _VISIT, PERFCTL={"GROUP": "daemon"})
    import grp

    daemon = grp.getgrnam("daemon").gr_gid
    assert _mode(site.spool_folder) == 0o2770
    assert {_mode(path) for path in site.spool_folder.iterdir()} == {0o660}
    assert {path.stat().st_gid for path in site.spool_folder.rglob("*")} == {daemon}


def test_a_group_that_does_not_exist_is_said(site: Site) -> None:
    """Nothing is recorded for everybody to read instead."""
    outcome = site.run(_VISIT, PERFCTL={"GROUP": "no-such-group"})
    assert [(level, "no-such-group" in text) for level, text in outcome.logs] == [("ERROR", True)]
    assert list(site.folder.rglob("*.spool")) == []


def test_it_records_without_being_installed_and_with_it(site: Site) -> None:
    """INSTALLED_APPS matters for the checks alone."""
    site.run(_VISIT)
    site.run(_VISIT, INSTALLED_APPS=["django_hook"])
    assert len(site.requests) == 2


def test_the_check_warns_where_they_do_not_stand_first(site: Site) -> None:
    """Further in they would not see what the others do and answer."""
    middle = "django.middleware.common.CommonMiddleware"
    first = _check(site, MIDDLEWARE=["Performance", "Cache", middle])
    behind = _check(site, MIDDLEWARE=[middle, "Performance", "Cache"])
    split = _check(site, MIDDLEWARE=["Performance", middle, "Cache"])
    assert {name for name, text in first.items() if text.startswith("30")} == set()
    for found in (behind, split):
        [warning] = [text for text in found.values() if text.startswith("30")]
        assert "CommonMiddleware" in warning


def test_the_check_warns_where_none_is_there(site: Site) -> None:
    """Installed, and forgotten in MIDDLEWARE: nothing would be recorded."""
    found = _check(site, MIDDLEWARE=["django.middleware.common.CommonMiddleware"])
    assert [text.startswith("30") for text in found.values() if "MIDDLEWARE" in text] == [True]


def test_the_check_sees_subclasses_of_ours_and_misspelt_ones(site: Site) -> None:
    """A middleware that cannot be imported is Django's to complain about."""
    found = _check(site, MIDDLEWARE=["Performance", "no.such.Middleware"])
    assert {text for text in found.values() if text.startswith("30")} == set()


def test_a_check_leaves_nothing_behind(site: Site) -> None:
    """`manage.py migrate` of the deploying user checks too: a spool of that user locks the server out."""
    site.run(
        """
    from django.core import checks
    page("")(lambda request: HttpResponse())
    tell([message.id for message in checks.run_checks()])
    """,
        INSTALLED_APPS=["django_hook"],
    )
    assert not (site.folder / ".perfctl").exists()


def test_without_fcntl_it_does_nothing_and_warns_once(site: Site) -> None:
    """As on Windows: no middleware, no file, one warning."""
    outcome = site.run(
        """
    sys.modules["fcntl"] = None
"""
        + _VISIT
        + "    aget(), get()\n"
    )
    assert [level for level, _ in outcome.logs] == ["WARNING"]
    assert "fcntl" in outcome.logs[0][1]
    assert list(site.folder.rglob("*.spool")) == []


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("name", "value"), [("GROUP", "99999999999"), ("GROUP", "4294967295"), ("DB", "a\0b")]
)
def test_a_setting_that_no_system_takes_is_a_problem(name: str, value: str, site: Site) -> None:
    """Told and left out; the server starts and serves."""
    found = _check(site, PERFCTL={name: value})
    assert name in found["django_hook.E001"]
    site.run(_VISIT, PERFCTL={name: value})


def test_what_fails_at_the_start_does_not_keep_the_server_from_starting(site: Site) -> None:
    """It serves without; the log says why."""
    outcome = site.run(
        """
    from django_hook import middleware
    middleware.load_settings = lambda: 1 / 0
    """
        + _VISIT
    )
    assert [level for level, _ in outcome.logs] == ["WARNING"] * len(outcome.logs) != []
