"""What a judge remembers of the minutes before."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from perfctl.alerts.minute import Minute
from perfctl.alerts.route_readings import Windows
from perfctl.alerts.rules import Rule
from perfctl.config import Config
from perfctl.model import DAY_MS, MINUTE_MS
from perfctl.store.minutes import Package, StoreSize, Vital


class Past:
    """The trailing windows, the last sample of each host, sizes of a day, the last scans."""

    def __init__(
        self, rules: Sequence[Rule], config: Config, intervals_ms: Mapping[str, int]
    ) -> None:
        self.config = config
        self.windows = Windows(rules, config)
        self.intervals_ms = intervals_ms
        self.last_request: int | None = None
        self.last_sample_ms: dict[str, int] = {}
        self.sizes: deque[StoreSize] = deque()
        self.scans: dict[tuple[str, str], tuple[Package, ...]] = {}
        self.vitals: deque[Vital] = deque()
        self._vitals_ms = max((rule.over_ms for rule in rules), default=0)

    def remember(self, minute: Minute) -> None:
        """One more minute."""
        self.windows.push(minute)
        if minute.routes:
            self.last_request = minute.period
        for sample in minute.samples:
            self.last_sample_ms[sample.row.host] = sample.at_ms
        for scan in minute.scans:
            self.scans[scan[0].host, scan[0].target] = tuple(scan)
        self.sizes.extend(minute.sizes)
        while self.sizes and self.sizes[0].at_ms < minute.end_ms - DAY_MS:
            self.sizes.popleft()
        self.vitals.extend(minute.vitals)
        while self.vitals and self.vitals[0].at_ms < minute.end_ms - self._vitals_ms:
            self.vitals.popleft()

    def interval_ms(self, host: str | None) -> int:
        """How often a host is sampled."""
        return self.intervals_ms.get(host or "", MINUTE_MS)
