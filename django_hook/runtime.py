"""On what a test run was made: another Python, Django or database asks otherwise."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator

import django
from django.db import connections
from django.db.utils import load_backend

_DUMMY = "django.db.backends.dummy"


def declare(count: Callable[[str, int], None]) -> None:
    """Count this process under what it runs on: `runtime:django=5.2.8`."""
    for name, value in _facts():
        count(f"runtime:{name}={value}", 1)


def _facts() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    yield "django", django.get_version()
    vendors = sorted({_vendor(connections.settings[alias]["ENGINE"]) for alias in connections})
    if any(vendors):
        yield "database", "+".join(filter(None, vendors))


def _vendor(engine: str) -> str:
    """`postgresql`, also of an engine built on Django's; of one that cannot be loaded its name."""
    if engine == _DUMMY:
        return ""
    try:
        return str(load_backend(engine).DatabaseWrapper.vendor)
    except Exception:  # a driver that this run does not need may be missing
        return engine.rpartition(".")[2]
