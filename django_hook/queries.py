"""Watches the queries of each database connection."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from django_hook import faults
from django_hook.relations import describe
from django_hook.testing import is_test_environment
from django_hook.whereabouts import make_reader
from perfctl.recording.fingerprint import Dialect
from perfctl.recording.nplus1 import Observer, make_observer
from perfctl.recording.patterns import PatternBook, Texts
from perfctl.recording.state import STATE

Wrapper = Callable[..., Any]

PATTERNS = PatternBook()

_DIALECTS = {"sqlite": Dialect.SQLITE, "mysql": Dialect.MYSQL}
_wrappers: dict[str, Wrapper] = {}


def watch_connections() -> None:
    """Put the wrapper on the connections that are open, and on each that will be."""
    connection_created.connect(_watch, dispatch_uid="django_hook.queries")
    for connection in connections.all(initialized_only=True):
        _watch(connection=connection)
    if is_test_environment():
        _watch_those_of_other_threads()


@functools.cache
def _watch_those_of_other_threads() -> None:
    """Once in a test run, some 10 ms: an async test has its handler and its connection in two threads."""
    classes = frozenset(_family(BaseDatabaseWrapper))
    for found in gc.get_referrers(*classes):
        # Not `isinstance`, which would wake what is lazy; and not while it is being made.
        if type(found) in classes and {"alias", "execute_wrappers"} <= vars(found).keys():
            _watch(connection=found)


def _family(parent: type[Any]) -> Iterator[type[Any]]:
    yield parent
    for child in parent.__subclasses__():
        yield from _family(child)


def _watch(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    wrapper = _wrappers.get(connection.alias)
    if wrapper is None:
        dialect = _DIALECTS.get(connection.vendor, Dialect.STANDARD)
        texts = Texts(PATTERNS, connection.alias, dialect)
        observe = make_observer(texts, make_reader(), describe)
        wrapper = _wrappers.setdefault(connection.alias, _make_wrapper(observe))
    if wrapper not in connection.execute_wrappers:
        # First, so that it also times what other wrappers do.
        connection.execute_wrappers.insert(0, wrapper)


def _make_wrapper(observe: Observer) -> Wrapper:
    get_state = STATE.get

    def count_and_time(
        execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        state = get_state()
        if state is None or not state.watches_queries:
            return execute(sql, params, many, context)
        started_ns = perf_counter_ns()
        try:
            return execute(sql, params, many, context)
        finally:
            took_ns = perf_counter_ns() - started_ns
            try:
                observe(state, sql, params, many, took_ns)
            except Exception:
                faults.count("query")

    return count_and_time
