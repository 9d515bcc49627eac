"""Who acts: the name that the history of alerts and errors keeps."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

from perfctl.errors import UsageError
from perfctl.visible import visible

_LONGEST = 100
_LONGEST_NOTE = 1000


def actor(said: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The name given with `--as`, else the login name, behind sudo that of the person who called it.

    To be asked before perfctl becomes the owner of the store. Cron sets LOGNAME; where nothing names
    anybody, as in `docker exec`, the user that the process runs as is named.
    """
    if said is not None:
        name = said.strip()
        if not name or len(name) > _LONGEST:
            raise UsageError(f"--as takes a name of 1 to {_LONGEST} characters, not {said!r}")
        return visible(name)
    candidates = (environ.get(name, "").strip() for name in ("SUDO_USER", "LOGNAME", "USER"))
    return visible(next(filter(None, candidates), "") or _user_name())[:_LONGEST]


def note(said: str | None) -> str | None:
    """The reason given with `-m`; UsageError for one that is no longer one."""
    if said is not None and len(said) > _LONGEST_NOTE:
        raise UsageError(f"-m takes {_LONGEST_NOTE:,} characters at most, not {len(said):,}")
    return said.strip() or None if said is not None else None


def _user_name() -> str:
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container may run as a number without a name
        return f"uid {uid}"
