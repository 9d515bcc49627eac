"""What `manage.py check` says about perfctl: which store, and what keeps it from recording."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from django_hook.conf import HookSettings, load_settings
from perfctl.spool.folder import SpoolRefused, find_group
from perfctl.spool.gate import Refusal
from perfctl.spool.segment import HAS_LOCKS
from perfctl.spool.writer import SpoolWriter

_TAG = "perfctl"
_RECORDS_NOTHING = "django_hook.W003"


def register() -> None:
    """Have Django run the checks; more than once is harmless."""
    checks.register(check_perfctl, _TAG)


def check_perfctl(**kwargs: Any) -> list[checks.CheckMessage]:
    """All that there is to say."""
    loaded = load_settings()
    found: list[checks.CheckMessage] = [
        checks.Error(problem, id="django_hook.E001") for problem in loaded.problems
    ]
    if not loaded.enabled:
        return found
    if not HAS_LOCKS:
        message = "perfctl records nothing: this system has no fcntl"
        return [*found, checks.Warning(message, id="django_hook.W004")]
    order = list(_check_order())
    records = not any(message.id == _RECORDS_NOTHING for message in order)
    return [*found, *_check_place(loaded, is_told=records and _is_asked()), *order]


def _is_asked() -> bool:
    """Whether this is `manage.py check`: any other command would print that issues were identified."""
    return sys.argv[1:2] == ["check"]


def _check_place(loaded: HookSettings, *, is_told: bool) -> Iterator[checks.CheckMessage]:
    place = loaded.place
    if place is None:
        yield checks.Error(
            "perfctl has no place for its records: BASE_DIR is not set.",
            hint='Set PERFCTL = {"DB": "/path/to/perfctl.db"}, an absolute path.',
            id="django_hook.E002",
        )
        return
    refusal = _refusal(loaded, Path(f"{place.path}.spool"))
    if refusal is None and is_told:
        message = f"perfctl records into {place.path} (from {place.origin})."
        yield checks.Info(message, id="django_hook.I001")
    elif refusal is not None:
        yield checks.Warning(
            f"perfctl cannot record into {place.path} (from {place.origin}): {refusal.message}",
            hint=refusal.hint,
            id="django_hook.W002",
        )


def _refusal(loaded: HookSettings, spool: Path) -> Refusal | None:
    """Why nothing could be recorded there. It only looks: a check makes no folder."""
    if os.path.lexists(spool):
        return SpoolWriter(spool, lambda: b"", lambda ordinal: b"", group=loaded.group).refusal
    try:
        if loaded.group is not None:
            find_group(loaded.group)
    except SpoolRefused as refused:
        return Refusal(refused.reason, refused.message, refused.hint)
    above = next(folder for folder in spool.parents if os.path.lexists(folder))
    if not above.is_dir():
        message = f"the spool {spool} cannot be made: {above} is no folder"
    elif not os.access(above, os.W_OK | os.X_OK, effective_ids=True):
        message = f"the spool {spool} cannot be made: {above} cannot be written by this process"
    else:
        return None
    return Refusal("folder_refused", message)


def _check_order() -> Iterator[checks.CheckMessage]:
    names = list(settings.MIDDLEWARE)
    ours = [name for name in names if _is_ours(name)]
    if not ours:
        yield checks.Warning(
            "perfctl records nothing: none of its middlewares is in MIDDLEWARE.",
            hint="Put the four of django_hook.middleware first in MIDDLEWARE.",
            id=_RECORDS_NOTHING,
        )
    elif names[: len(ours)] != ours:
        first = next(name for name in names if name not in ours)
        yield checks.Warning(
            f"{ours[0].rpartition('.')[2]} stands behind {first}, and does not see what that "
            "does or answers.",
            hint="Put the middlewares of django_hook first in MIDDLEWARE, one after the other.",
            id="django_hook.W001",
        )


def _is_ours(name: str) -> bool:
    from django_hook import middleware

    try:
        return import_string(name) in middleware.ALL
    except ImportError:  # Django says so itself
        return False
