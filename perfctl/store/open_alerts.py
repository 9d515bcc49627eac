"""Alerts that are open, for `health`: a module of its own, because that must start quickly."""

import sqlite3
from typing import NamedTuple


class OpenAlert(NamedTuple):
    """An alert that has not ended."""

    id: str
    rule: str
    subject: str
    severity: str
    status: str
    value: float | None
    opened_ms: int | None


def select(con: sqlite3.Connection) -> list[OpenAlert]:
    """Alerts that fire, are acknowledged or snoozed, or have lost their data, oldest first."""
    rows = con.execute(
        "SELECT id, rule, subject, severity, status, value, opened_ms FROM performance_alert"
        " WHERE status IN ('firing', 'acknowledged', 'snoozed', 'no_data') ORDER BY opened_ms, id"
    )
    return [OpenAlert(*row) for row in rows]
