"""What happened to an alert: the record that histories show and notifications are made of."""

from typing import NamedTuple


class Transition(NamedTuple):
    """One step in the life of an alert."""

    id: str
    """Stable and unique: the alert's id and the number of the step, `k3x9m2pq-4`."""
    alert_id: str
    rule: str
    subject: str
    host: str | None
    severity: str
    event: str
    """opened, worsened, resolved, reopened, no_data, acknowledged, unacknowledged, snoozed or
    unsnoozed; in a message also repeated or escalated."""
    value: float | None
    threshold: float | None
    unit: str
    at_ms: int
    note: str | None
    detail: str | None
    actor: str | None = None
    """Who took the step; None where perfctl did."""
