"""The project's `PERFCTL` settings."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings

from perfctl.hostname import name_host

PROBES = ("healthz", "livez", "readyz", "health", "ping")
REDACTED = "redacted"
ENV_DB = "PERFCTL_DB"
ENV_TEST_DB = "PERFCTL_TEST_DB"
ENV_HOST = "PERFCTL_HOST"


_NO_GROUP = 2**32 - 1


def _started_in() -> Path:
    try:
        return Path.cwd()
    except OSError:  # removed under the process
        return Path("/")


# A relative PERFCTL_DB is meant from where the process was started, not from where it is now.
_STARTED_IN = _started_in()


class Place(NamedTuple):
    """Where records go, and which setting says so."""

    path: Path
    origin: str


@dataclass(frozen=True, slots=True)
class HookSettings:
    """`PERFCTL` with its defaults; `problems` says what in it cannot be used."""

    place: Place | None = None
    test_place: Place | None = None
    enabled: bool = True
    group: str | None = None
    host: str = "local"
    instance: str | None = None
    release: str | None = None
    environment: str | None = None
    probes: tuple[str, ...] = PROBES
    ignore: tuple[str, ...] = ()
    long: tuple[str, ...] = ()
    keeps_messages: bool = False
    hash_users: bool = False
    n_plus_one_ignore: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=(), compare=False)


def load_settings(environ: Mapping[str, str] = os.environ) -> HookSettings:
    """The settings of the project as they are now."""
    reader = _Reader(getattr(settings, "PERFCTL", {}))
    host, instance = name_host(
        reader.text("HOST") or environ.get(ENV_HOST, ""), socket.gethostname()
    )
    loaded = HookSettings(
        place=_find_place(reader.path("DB"), environ),
        test_place=_from_environ(ENV_TEST_DB, environ),
        enabled=reader.flag("ENABLED", default=True),
        group=reader.group("GROUP"),
        host=host,
        instance=instance,
        release=reader.text("RELEASE"),
        environment=reader.text("ENVIRONMENT"),
        probes=reader.texts("PROBES", PROBES),
        ignore=reader.texts("IGNORE"),
        long=reader.texts("LONG"),
        keeps_messages=reader.choice("ERROR_MESSAGES", REDACTED),
        hash_users=reader.flag("HASH_USERS", default=False),
        n_plus_one_ignore=reader.texts("N_PLUS_ONE_IGNORE"),
    )
    object.__setattr__(loaded, "problems", tuple(reader.finish()))
    return loaded


def _find_place(configured: Path | None, environ: Mapping[str, str]) -> Place | None:
    base = getattr(settings, "BASE_DIR", None)
    root = Path(base).absolute() if base else None
    if configured is not None:
        if not configured.is_absolute() and root is None:
            return None  # relative to nothing: never to the working folder
        return Place((root or Path()) / configured, 'PERFCTL["DB"]')
    named = _from_environ(ENV_DB, environ)
    if named is not None:
        return named
    return Place(root / ".perfctl" / "perfctl.db", "BASE_DIR") if root else None


def _from_environ(name: str, environ: Mapping[str, str]) -> Place | None:
    value = environ.get(name)
    return Place(_STARTED_IN / value, name) if value else None


class _Reader:
    """Takes settings by name and type; what it was not asked for in the end is unknown."""

    def __init__(self, given: Any) -> None:
        self.problems: list[str] = []
        if not isinstance(given, Mapping):
            self.problems.append(f"PERFCTL is a {type(given).__name__}, not a dict")
            given = {}
        self._given: dict[Any, Any] = dict(given)
        self._asked: list[str] = []

    def flag(self, name: str, *, default: bool) -> bool:
        return bool(self._take(name, (bool,), "True or False", default))

    def text(self, name: str) -> str | None:
        value = self._take(name, (str,), "a text", None)
        return str(value) if value else None

    def group(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and value.isdecimal() and int(value) >= _NO_GROUP:
            self.problems.append(f'PERFCTL["{name}"] must be the name or number of a group')
            return None
        return value

    def path(self, name: str) -> Path | None:
        value = self._take(name, (str, os.PathLike), "a path", None)
        if not value:
            return None
        text = os.fspath(value)
        if not isinstance(text, str) or "\0" in text:
            self.problems.append(f'PERFCTL["{name}"] must be a path')
            return None
        return Path(text)

    def texts(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self._take(name, (list, tuple, set, frozenset), "a list of texts", default)
        if all(isinstance(item, str) for item in value):
            return tuple(value)
        self.problems.append(f'PERFCTL["{name}"] must be a list of texts')
        return default

    def choice(self, name: str, choice: str) -> bool:
        value = self._take(name, (str,), f'"{choice}" or nothing', None)
        if value not in (None, choice):
            self.problems.append(f'PERFCTL["{name}"] must be "{choice}" or be left out')
        return bool(value == choice)

    def finish(self) -> list[str]:
        """All problems, the unknown names with the nearest known one."""
        for name in self._given:
            if name not in self._asked:
                near = get_close_matches(str(name).upper(), self._asked, 1)
                hint = f'; did you mean "{near[0]}"?' if near else ""
                self.problems.append(f"PERFCTL has no setting {name!r}{hint}")
        return self.problems

    def _take(self, name: str, types: tuple[type, ...], meaning: str, default: Any) -> Any:
        self._asked.append(name)
        value = self._given.get(name)
        if value is None:
            return default
        if not isinstance(value, types):
            self.problems.append(f'PERFCTL["{name}"] must be {meaning}, not {value!r:.60}')
            return default
        return value
