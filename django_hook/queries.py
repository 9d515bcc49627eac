"""Watches the queries of each database connection."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from django_hook import faults
from django_hook.relations import describe
from django_hook.whereabouts import make_reader
from perfctl.recording.fingerprint import Dialect, Kind, without_offset
from perfctl.recording.nplus1 import count_query
from perfctl.recording.patterns import PatternBook, Texts
from perfctl.recording.stack import PathReader
from perfctl.recording.state import STATE

Wrapper = Callable[..., Any]

PATTERNS = PatternBook()

_DIALECTS = {"sqlite": Dialect.SQLITE, "mysql": Dialect.MYSQL}
_wrappers: dict[str, Wrapper] = {}
_unlike_any = itertools.count()


def watch_connections() -> None:
    """Put the wrapper on the connections that are open here, and on each that will be."""
    connection_created.connect(_watch, dispatch_uid="django_hook.queries")
    for connection in connections.all(initialized_only=True):
        _watch(connection=connection)


def _watch(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    wrapper = _wrappers.get(connection.alias)
    if wrapper is None:
        dialect = _DIALECTS.get(connection.vendor, Dialect.STANDARD)
        texts = Texts(PATTERNS, connection.alias, dialect)
        wrapper = _wrappers.setdefault(connection.alias, _make_wrapper(texts, make_reader()))
    if wrapper not in connection.execute_wrappers:
        # First, so that it also times what other wrappers do.
        connection.execute_wrappers.insert(0, wrapper)


def _make_wrapper(texts: Texts, paths: PathReader) -> Wrapper:
    known = texts.get
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
                if type(sql) is not str:
                    sql = _as_text(sql)
                pattern = known(sql)
                if pattern is None:
                    pattern, sql = texts.learn(sql)
                batch = None
                if pattern.kind is Kind.CONTROL:
                    path = pattern.nowhere
                else:
                    for path in pattern.recent:
                        if path.leads_here():
                            if path.batch is not None:
                                batch = path.batch_frame()
                            break
                    else:
                        path, batch = paths.read(pattern, sys._getframe())
                identity = variant = hash(sql) ^ _identity(params, many) if params else hash(sql)
                if pattern.reads_pages:
                    variant ^= hash(sql) ^ hash(without_offset(sql))
                if count_query(state, path, took_ns, identity, variant, batch):
                    describe(path, sys._getframe())
            except Exception:
                faults.count("query")

    return count_and_time


def _identity(params: Any, many: bool) -> int:
    """Tells one set of parameters from another; no value is kept."""
    if many:
        return next(_unlike_any)  # may be an iterator, and its reading is the driver's
    try:
        if type(params) is tuple:
            return hash(params)
        return hash(tuple(params.items() if isinstance(params, dict) else params))
    except TypeError:  # a list or a JSON value among them
        return hash(repr(params))


def _as_text(sql: Any) -> str:
    """The text of what a driver composes: bytes, psycopg's `sql.Composed`."""
    if isinstance(sql, bytes):
        return sql.decode("utf-8", "replace")
    if isinstance(sql, str):  # a lazy translation, a safe string
        return str(sql)
    compose = getattr(sql, "as_string", None)
    try:
        return str(compose(None)) if compose is not None else str(sql)
    except Exception:  # a driver that composes for a connection only
        return f"({type(sql).__name__})"
