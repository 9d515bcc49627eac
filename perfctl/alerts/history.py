"""Reads the recorded history minute by minute, as a judge wants it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypeVar

from perfctl.alerts.metrics import Scope
from perfctl.alerts.minute import Minute, Route
from perfctl.alerts.readings import RETIRED_MS
from perfctl.alerts.route_readings import merge
from perfctl.alerts.rules import Rule
from perfctl.model import DAY_MS, MINUTE_MS, EndpointKind
from perfctl.store import minutes, systems
from perfctl.store.cells import Slot
from perfctl.store.minutes import Package, RouteMinute, StoreSize, Vital
from perfctl.store.systems import Sampled

CHUNK = 360
"""Minutes that are read at once: a quarter of a day."""
_OF_REQUESTS = (Scope.ROUTE, Scope.TOTAL, Scope.TRAFFIC)
_Timed = TypeVar("_Timed", Sampled, Vital, StoreSize)


class History:
    """The recorded minutes; from `cells_from` on by minute cells, before by single requests."""

    def __init__(self, con: sqlite3.Connection, rules: Iterable[Rule], cells_from: int = 0) -> None:
        rules = tuple(rules)
        self._con = con
        self._scopes = {rule.metric.scope for rule in rules}
        self._over_ms = {
            scope: max(rule.over_ms for rule in rules if rule.metric.scope is scope)
            for scope in self._scopes
        }
        self._cells_from = cells_from

    def before(self, first: int) -> Iterator[Minute]:
        """What a judge must know who begins with the minute `first`."""
        first_ms = first * MINUTE_MS
        over_ms = max(self._over_ms.get(scope, 0) for scope in (Scope.ROUTE, Scope.TOTAL))
        begin = first - over_ms // MINUTE_MS
        yield Minute(
            begin - 1,
            samples=self._last_samples(first_ms),
            vitals=self._vitals(first_ms - self._over_ms.get(Scope.PAGE, 0), first_ms),
            sizes=self._sizes(first_ms - DAY_MS, first_ms),
            scans=self._scans(0, first_ms),
        )
        routes = self._routes(begin, first) if self._wants(*_OF_REQUESTS) else {}
        for period in range(begin, first):
            yield Minute(period, routes.get(period, {}))

    def last_request(self, first: int) -> int | None:
        """The last minute before this one that had a request."""
        return minutes.last_request_minute(self._con, first)

    def minutes(self, first: int, until: int) -> Iterator[Minute]:
        """The minutes `[first, until)`, also those in which nothing was recorded."""
        for begin in range(first, until, CHUNK):
            yield from self._read(begin, min(begin + CHUNK, until))

    def _read(self, first: int, until: int) -> Iterator[Minute]:
        edges = (first * MINUTE_MS, until * MINUTE_MS)
        routes = self._routes(first, until) if self._wants(*_OF_REQUESTS) else {}
        samples = _by_minute(self._samples(*edges))
        vitals = _by_minute(self._vitals(*edges))
        sizes = _by_minute(self._sizes(*edges))
        scans: dict[int, list[tuple[Package, ...]]] = {}
        for scan in self._scans(*edges):
            scans.setdefault(scan[0].at_ms // MINUTE_MS, []).append(scan)
        for period in range(first, until):
            yield Minute(
                period,
                routes.get(period, {}),
                samples.get(period, ()),
                vitals.get(period, ()),
                sizes.get(period, ()),
                scans.get(period, ()),
            )

    def _wants(self, *scopes: Scope) -> bool:
        return not self._scopes.isdisjoint(scopes)

    def _samples(self, since_ms: int, until_ms: int) -> list[Sampled]:
        if not self._wants(Scope.MACHINE, Scope.COLLECTOR):
            return []
        return systems.select(self._con, since_ms, until_ms, None)

    def _last_samples(self, before_ms: int) -> list[Sampled]:
        """The newest of each host that is not retired yet."""
        if not self._wants(Scope.COLLECTOR):
            return []
        recent = systems.select(self._con, before_ms - 2 * RETIRED_MS, before_ms, None)
        return list({sample.row.host: sample for sample in recent}.values())

    def _vitals(self, since_ms: int, until_ms: int) -> list[Vital]:
        if not self._wants(Scope.PAGE):
            return []
        return minutes.select_vitals(self._con, since_ms, until_ms)

    def _sizes(self, since_ms: int, until_ms: int) -> list[StoreSize]:
        if not self._wants(Scope.STORE):
            return []
        return minutes.select_sizes(self._con, since_ms, until_ms)

    def _scans(self, since_ms: int, until_ms: int) -> list[tuple[Package, ...]]:
        if not self._wants(Scope.DEPENDENCY):
            return []
        rows = minutes.select_packages(self._con, until_ms)
        groups = groupby(rows, key=lambda row: (row.at_ms, row.host, row.target))
        return [tuple(group) for (at_ms, _, _), group in groups if at_ms >= since_ms]

    def _routes(self, first: int, until: int) -> dict[int, dict[Route, Slot]]:
        edge = min(max(first, self._cells_from), until)
        rows = minutes.select_raw_routes(self._con, first, edge) if first < edge else []
        rows += minutes.select_routes(self._con, edge, until) if edge < until else []
        found: dict[int, dict[Route, Slot]] = {}
        for row in rows:
            route, slots = (row.method, row.route), found.setdefault(row.period, {})
            slot = _slot(row)
            slots[route] = merge([slots[route], slot]) if route in slots else slot
        return found


def _by_minute(items: Iterable[_Timed]) -> dict[int, list[_Timed]]:
    found: dict[int, list[_Timed]] = {}
    for item in items:
        found.setdefault(item.at_ms // MINUTE_MS, []).append(item)
    return found


def _slot(row: RouteMinute) -> Slot:
    return Slot(row.cell, row.cell.sketch if row.kind == EndpointKind.PLAIN else b"")
