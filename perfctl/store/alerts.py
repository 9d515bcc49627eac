"""Alerts that are open."""

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


def select_open(con: sqlite3.Connection) -> list[OpenAlert]:
    """Alerts that fire, are acknowledged or snoozed, oldest first."""
    rows = con.execute(
        "SELECT id, rule, subject, severity, status, value, opened_ms FROM performance_alert"
        " WHERE status IN ('firing', 'acknowledged', 'snoozed') ORDER BY opened_ms, id"
    )
    return [OpenAlert(*row) for row in rows]
