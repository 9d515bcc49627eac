"""Which indexes pip is configured for: its files and environment variables, in pip's own order.

See https://pip.pypa.io/en/stable/topics/configuration/. pip itself is not asked: that would take half
a second, and run what the target's environment holds.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

DEFAULT_INDEX = "https://pypi.org/simple"
_SECTIONS = ("global", "list", "install")


class Indexes(NamedTuple):
    """Where packages come from."""

    urls: tuple[str, ...] = (DEFAULT_INDEX,)
    """Simple indexes, the main one first; also `file:` ones and folders."""
    find_links: tuple[str, ...] = ()
    """Folders and pages that list files themselves."""
    cert: str | None = None
    """A bundle of certificates to trust in place of the usual ones."""
    trusted_hosts: tuple[str, ...] = ()
    """Hosts, or `host:port`, whose certificate is not looked at."""
    proxy: str | None = None


def read_indexes(environ: Mapping[str, str], prefix: Path | None) -> Indexes:
    """The indexes of pip where `prefix` is its environment's folder.

    Files that cannot be read, or are none, are passed over, as pip passes over those that are not there.
    """
    said: dict[str, str] = {}
    for path in _files(environ, prefix):
        said |= _read(path)
    for name in ("index-url", "extra-index-url", "find-links", "cert", "trusted-host", "proxy"):
        value = environ.get(f"PIP_{name.upper().replace('-', '_')}")
        if value:
            said[name] = value
    no_index = environ.get("PIP_NO_INDEX") or said.get("no-index", "")
    urls = [said.get("index-url", DEFAULT_INDEX), *said.get("extra-index-url", "").split()]
    return Indexes(
        () if _is_true(no_index) else tuple(dict.fromkeys(url.rstrip("/") for url in urls)),
        tuple(said.get("find-links", "").split()),
        said.get("cert") or environ.get("REQUESTS_CA_BUNDLE") or None,
        tuple(said.get("trusted-host", "").split()),
        said.get("proxy") or None,
    )


def _files(environ: Mapping[str, str], prefix: Path | None) -> Iterable[Path]:
    """Global, the user's, the environment's; `PIP_CONFIG_FILE` comes last, or says that none counts."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    folders = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    yield from (Path(folder) / "pip/pip.conf" for folder in folders.split(":") if folder)
    yield Path("/etc/pip.conf")
    home = environ.get("HOME")
    if home:
        yield Path(home) / ".pip/pip.conf"
        yield Path(environ.get("XDG_CONFIG_HOME") or Path(home) / ".config") / "pip/pip.conf"
    if prefix is not None:
        yield prefix / "pip.conf"
    if named:
        yield Path(named)


def _read(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return {}
    said: dict[str, str] = {}
    for section in _SECTIONS:
        if parser.has_section(section):
            said |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    return said


def _is_true(text: str) -> bool:
    return text.strip().lower() in ("y", "yes", "t", "true", "on", "1")
