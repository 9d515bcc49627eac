"""How often each host is sampled: what makes silence long."""

from __future__ import annotations

import sqlite3

from perfctl.store import systems

_USUAL_S = 60.0


def intervals_ms(con: sqlite3.Connection) -> dict[str, int]:
    """By host: as its collector means to, else the median gap, at least a minute."""
    found = {}
    for collector in systems.collectors(con):
        gaps_s = systems.gaps_s(con, collector.host)
        usual_s = max(_USUAL_S, gaps_s[len(gaps_s) // 2]) if gaps_s else _USUAL_S
        found[collector.host] = round(1000 * (collector.interval_s or usual_s))
    return found
