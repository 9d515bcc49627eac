"""What can go wrong, each with the exit code of DESIGN §7 and a hint that is a command to run."""

from __future__ import annotations


class PerfctlError(Exception):
    """A failure that a person can act on; `hint` is the next command or setting to try."""

    exit_code = 4

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(PerfctlError):
    """Wrong options, a window that cannot be read, an id or a route that does not exist."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file that cannot be used as it stands."""


class NoDataError(PerfctlError):
    """The question cannot be answered from what is recorded."""

    exit_code = 3


class EnvironmentFault(PerfctlError):
    """The machine does not allow it: a missing extra, rights, a file system, another user's store."""


class StoreError(EnvironmentFault):
    """The store cannot be opened, is damaged, or is newer than this perfctl."""
