"""Fixtures of other folders that the gate's tests use."""

from __future__ import annotations

from tests.commands.conftest import perfctl as perfctl
