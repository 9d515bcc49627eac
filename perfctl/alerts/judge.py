"""Judges minute by minute: the one machine that live evaluation and replay share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from perfctl.alerts import readings, route_readings
from perfctl.alerts.book import Book
from perfctl.alerts.machine import Reading
from perfctl.alerts.metrics import Scope
from perfctl.alerts.minute import Minute
from perfctl.alerts.past import Past
from perfctl.alerts.rules import Rule
from perfctl.model import MINUTE_MS

AFTER_MS = MINUTE_MS
"""A minute is judged so long after its end: by then its requests have come in."""
_Reader = Callable[[Rule, Minute, Past, Book], Iterator[Reading]]


class Judge:
    """Feeds what each minute brought to the alerts in a book, rule by rule."""

    def __init__(self, book: Book, past: Past) -> None:
        self._book = book
        self._past = past

    def prime(self, minutes: Iterable[Minute]) -> None:
        """What lay before the first minute to judge."""
        for minute in minutes:
            self._past.remember(minute)

    def judge(self, minute: Minute) -> None:
        """One more minute."""
        self._past.remember(minute)
        for rule in self._book.rules.values():
            for reading in _READERS[rule.metric.scope](rule, minute, self._past, self._book):
                self._book.take(rule, reading)
        self._book.close_minute(minute.end_ms, self._gap_ms)

    def _gap_ms(self, rule: Rule, host: str | None) -> int | None:
        """How often a subject is measured; None where its silence means nothing."""
        match rule.metric.scope:
            case Scope.ROUTE | Scope.TOTAL | Scope.PAGE:
                return rule.over_ms
            case Scope.MACHINE:
                return self._past.interval_ms(host)
            case Scope.STORE:
                return max(self._past.intervals_ms.values(), default=MINUTE_MS)
            case _:
                return None


_READERS: dict[Scope, _Reader] = {
    Scope.ROUTE: lambda rule, minute, past, book: route_readings.of_routes(
        rule, minute, past.windows, book.claims(rule)
    ),
    Scope.TOTAL: lambda rule, minute, past, _: route_readings.of_total(
        rule, minute, past.windows, had_requests=past.last_request is not None
    ),
    Scope.MACHINE: readings.of_machine,
    Scope.PAGE: readings.of_pages,
    Scope.TRAFFIC: readings.of_traffic,
    Scope.COLLECTOR: readings.of_collectors,
    Scope.STORE: readings.of_store,
    Scope.DEPENDENCY: readings.of_dependencies,
    Scope.N_PLUS_ONE: readings.of_new_things,
    Scope.ERROR_GROUP: readings.of_new_things,
}
