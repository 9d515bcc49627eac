"""Finds the store and the configuration, and knows where each value came from."""

import functools
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from perfctl import config
from perfctl.config import Config
from perfctl.errors import ConfigError, EnvironmentFault, UsageError
from perfctl.hostname import name_host
from perfctl.store.ownership import find_owner

FOLDER_NAME = ".perfctl"
STORE_NAME = "perfctl.db"
SYSTEM_FILE = Path("/etc/perfctl.toml")
_FILE_NAMES = ("perfctl.toml", "pyproject.toml")
_MOST_BYTES = 1 << 20
# Most pyproject.toml that name perfctl only depend on it; reading one as TOML takes some 10 ms.
_HAS_TABLE = rb"""^[ \t]*\[*[ \t]*["']?tool["']?[ \t]*(\.[ \t]*["']?perfctl|\]|=)"""


class Located(NamedTuple):
    """Where the store is, who says so, and the configuration file that does, if one does."""

    path: Path
    origin: str
    config: Path | None = None


class Origin(NamedTuple):
    """A value and where it came from: a file, or `default`."""

    value: object
    origin: str


class Settings(NamedTuple):
    """The configuration that holds, from which files, and what was not taken from them."""

    config: Config
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    origins: Mapping[str, str] = {}

    def explain(self) -> dict[str, Origin]:
        """Every setting by its dotted name, as it would be written, with its origin."""
        return {
            name: Origin(value, self.origins.get(name, "default"))
            for name, value in config.describe(self.config).items()
        }


class _Source(NamedTuple):
    """What one file sets."""

    path: Path
    data: dict[str, object]
    owner_uid: int


def find_store(explicit: str | None, environ: Mapping[str, str], cwd: Path) -> Located:
    """The store: `--db`, PERFCTL_DB, the nearest place upwards, /etc/perfctl.toml, else the user's.

    In each folder upwards a `.perfctl/` with a store or a spool goes before a file that names one.
    """
    if explicit is not None:
        return Located(_place(explicit, cwd, "--db", environ), "--db")
    if environ.get("PERFCTL_DB"):
        return Located(_place(environ["PERFCTL_DB"], cwd, "PERFCTL_DB", environ), "PERFCTL_DB")
    for folder in (cwd, *cwd.parents):
        store = folder / FOLDER_NAME / STORE_NAME
        if _is_place(store):
            return Located(store, str(store.parent))
        for source in _read_folder(folder):
            if "db" in source.data:
                return _named_by(source, environ)
    for source in _system_source():
        if "db" in source.data:
            return _named_by(source, environ)
    return Located(state_folder(environ) / "perfctl" / STORE_NAME, "default")


def load_config(
    explicit: Path | str | None,
    environ: Mapping[str, str],
    cwd: Path,
    *,
    store: Located | None = None,
) -> Settings:
    """The settings: of `--config`, else of the nearest file upwards over /etc/perfctl.toml.

    For a `store` given by `--db` or PERFCTL_DB, upwards begins at its folder: its thresholds are
    the same wherever one stands. Of a file that belongs neither to root nor to who works on the
    store (as root, its owner) only data is taken, and the warnings say so.
    """
    if explicit is not None:
        named = cwd / explicit
        source = _read(named, required=True)
        sources = [] if source is None else [source]
    else:
        folders = [cwd, *cwd.parents]
        if store is not None and store.origin in ("--db", "PERFCTL_DB"):
            folders = [*store.path.parents, *folders]
        sources = [*_system_source(), *_nearest_source(folders)]
    return _settle(sources, _works_as(store))


def host_name(environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The host that records of this machine are of, and the container's id if it is one."""
    return name_host(environ.get("PERFCTL_HOST", ""), os.uname().nodename)


def _works_as(store: Located | None) -> int:
    """Root becomes the owner of the store before it runs anything."""
    uid = os.geteuid()
    return find_owner(store.path).uid if uid == 0 and store is not None else uid


def _settle(sources: list[_Source], uid: int) -> Settings:
    """Each file over those before it."""
    settings = Settings(Config())
    for path, data, owner_uid in sources:
        dropped: tuple[str, ...] = ()
        if owner_uid not in (0, uid):
            data, dropped = config.only_data(data)
        settings = Settings(
            config.parse(data, str(path), settings.config),
            (*settings.files, path),
            settings.warnings + _warning(path, owner_uid, dropped),
            {**settings.origins, **{name: str(path) for name, _ in config.leaves(data)}},
        )
    return settings


def _warning(path: Path, owner_uid: int, dropped: tuple[str, ...]) -> tuple[str, ...]:
    if not dropped:
        return ()
    names = ", ".join(dropped)
    return (f"{path} belongs to another user ({owner_uid}), so it may not set {names}",)


def _system_source() -> Iterator[_Source]:
    source = _read(SYSTEM_FILE)
    if source is not None:
        yield source


def _nearest_source(folders: list[Path]) -> list[_Source]:
    for folder in folders:
        for source in _read_folder(folder):
            return [source]
    return []


def _read_folder(folder: Path) -> Iterator[_Source]:
    """The folder's perfctl.toml, and its pyproject.toml where that has `[tool.perfctl]`."""
    for name in _FILE_NAMES:
        source = _read(folder / name)
        if source is not None:
            yield source


def _read(path: Path, *, required: bool = False) -> _Source | None:
    """What the file sets; None where there is none, or where it is not about perfctl."""
    found = _read_bytes(path, required=required)
    if found is None:
        return None
    content, status = found
    data = _parsed(content, path)
    if path.name == "pyproject.toml" and not data and not required:
        return None
    if status.st_mode & stat.S_IWOTH:
        raise ConfigError(f"everyone can write to {path}", f"chmod o-w {path}")
    return _Source(path, data, status.st_uid)


@functools.lru_cache(maxsize=8)
def _parsed(content: bytes, path: Path) -> dict[str, object]:
    """Not to be changed: the store and then the settings are looked for in the same files."""
    table: tuple[str, ...] = ()
    if path.name == "pyproject.toml":
        if not re.search(_HAS_TABLE, content, re.MULTILINE):
            return {}
        table = ("tool", "perfctl")
    try:
        return config.parse_toml(content.decode(), str(path), table)
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path} is not valid TOML: it is not UTF-8") from exc


def _read_bytes(path: Path, *, required: bool) -> tuple[bytes, os.stat_result] | None:
    """The content, and whose the very file was that it was read from."""
    try:
        # A pipe in place of the file must not make every command wait.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise ConfigError(f"there is no configuration {path}") from None
        return None
    except OSError as exc:
        if path.name == "pyproject.toml" and not required:
            return None  # most are not about perfctl
        raise EnvironmentFault(f"{path} cannot be read: {exc.strerror}") from exc
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path} is not a file")
        if status.st_size > _MOST_BYTES:
            raise ConfigError(f"{path} is too large for a configuration")
        return os.read(fd, _MOST_BYTES), status
    finally:
        os.close(fd)


def _named_by(source: _Source, environ: Mapping[str, str]) -> Located:
    """The store that a file names, relative to the file."""
    named = config.parse({"db": source.data["db"]}, str(source.path)).db or ""
    path = _place(named, source.path.parent, str(source.path), environ)
    return Located(path, str(source.path), source.path)


def _place(text: str, folder: Path, origin: str, environ: Mapping[str, str]) -> Path:
    if "://" in text:
        raise UsageError(
            f"{origin}: a store on a server is not supported yet: {text.partition('://')[0]}://…",
            "give the path of a file",
        )
    if not text.strip() or "\0" in text:
        raise UsageError(f"{origin} names no file: {text!r}", f"{origin} PATH")
    if text == "~" or text.startswith("~/"):
        text = str(_home(environ)) + text[1:]
    return Path(os.path.normpath(folder / text))


def _is_place(store: Path) -> bool:
    """True where there is a store or a spool, or a folder that is closed to us: one is another's."""
    for path in (store, store.with_name(f"{STORE_NAME}.spool")):
        try:
            path.lstat()
        except PermissionError:
            return True
        except OSError:
            continue
        return True
    return False


def state_folder(environ: Mapping[str, str]) -> Path:
    """$XDG_STATE_HOME; a relative one is not valid, as its specification says."""
    given = Path(environ.get("XDG_STATE_HOME", ""))
    return given if given.is_absolute() else _home(environ) / ".local" / "state"


def _home(environ: Mapping[str, str]) -> Path:
    """$HOME, or the account's where there is none, as under cron."""
    given = Path(environ.get("HOME", ""))
    if given.is_absolute():
        return given
    import pwd

    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        raise UsageError(
            f"user {os.geteuid()} has no home folder to keep a store in", "--db PATH, or PERFCTL_DB"
        ) from None
