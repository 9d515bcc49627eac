"""Series of requests, queries and the machine, a slot a row: what `why` looks for changes in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perfctl import sketch
from perfctl.model import HOUR_MS, Filters
from perfctl.store.cells import LONG_SKETCH_BYTES, SUMS, Cell, Slot, Span, merge
from perfctl.store.requests import TIE_BITS

_ORIGINS = """
  o.source = :source AND (:host IS NULL OR o.host = :host)
  AND (:release IS NULL OR o.release = :release)
  AND (:environment IS NULL OR o.environment = :environment)
"""


def _chosen(column: str, endpoint_ids: Sequence[int] | None) -> str:
    """The endpoints that are asked about; all but probes where none is named."""
    if endpoint_ids is None:
        return "e.kind != 1"
    return f"{column} IN ({', '.join(str(int(number)) for number in endpoint_ids)})"


def select_slots(
    con: sqlite3.Connection,
    span: Span,
    width: int,
    origins: Filters,
    endpoint_ids: Sequence[int] | None,
) -> dict[int, Slot]:
    """The sums of each `width` periods, by their number; slices without requests are missing.

    Long polls are only in the sketch where one is asked for by its number.
    """
    found: dict[int, list[tuple[bool, Cell]]] = {}
    statement = f"""
        SELECT c.period / :width, e.kind = 2, {SUMS}
        FROM api_performance_metric c JOIN origin o ON o.id = c.origin_id
        JOIN endpoint e ON e.id = c.endpoint_id
        WHERE c.level = :level AND c.period >= :first AND c.period < :last AND {_ORIGINS}
          AND {_chosen("c.endpoint_id", endpoint_ids)}
        GROUP BY 1, 2
    """
    values = {**span._asdict(), **origins._asdict(), "width": width}
    for slot, is_long, *numbers in con.execute(statement, values):
        is_timed = not is_long or endpoint_ids is not None
        found.setdefault(slot, []).append((is_timed, Cell._make(numbers)))
    return {slot: _slot(parts) for slot, parts in sorted(found.items())}


def _slot(parts: Sequence[tuple[bool, Cell]]) -> Slot:
    timed = b"".join([cell.sketch for is_timed, cell in parts if is_timed])
    if len(timed) > LONG_SKETCH_BYTES:
        timed = sketch.compact(timed)
    return Slot(merge([cell._replace(sketch=b"") for _, cell in parts]), timed)


def add_slots(slots: Sequence[Slot]) -> Slot:
    """The sum of several slots; their sketches stand one behind the other."""
    if len(slots) == 1:
        return slots[0]
    counted = merge([slot.counted._replace(sketch=b"") for slot in slots])
    return Slot(counted, b"".join([slot.timed_sketch for slot in slots]))


class OriginSums(NamedTuple):
    """What one host answered of one release in a window."""

    host: str
    release: str
    cell: Cell


def select_origins(
    con: sqlite3.Connection,
    spans: Iterable[Span],
    origins: Filters,
    endpoint_ids: Sequence[int] | None,
) -> list[OriginSums]:
    """The sums of each host and release."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    statement = f"""
        SELECT o.host, o.release, {SUMS}
        FROM api_performance_metric c JOIN origin o ON o.id = c.origin_id
        JOIN endpoint e ON e.id = c.endpoint_id
        WHERE c.level = :level AND c.period >= :first AND c.period < :last AND {_ORIGINS}
          AND {_chosen("c.endpoint_id", endpoint_ids)}
        GROUP BY 1, 2
    """
    for span in spans:
        values = {**span._asdict(), **origins._asdict()}
        for host, release, *numbers in con.execute(statement, values):
            groups.setdefault((host, release), []).append(Cell._make(numbers))
    return [OriginSums(*names, merge(group)) for names, group in sorted(groups.items())]


def first_periods(
    con: sqlite3.Connection, span: Span, origins: Filters, endpoint_ids: Sequence[int] | None
) -> dict[tuple[str, str], int]:
    """The first period in which each pattern (alias, fingerprint) ran."""
    statement = f"""
        SELECT p.alias, p.fingerprint, min(q.period)
        FROM query_metric q JOIN origin o ON o.id = q.origin_id
        JOIN query_pattern p ON p.id = q.pattern_id JOIN endpoint e ON e.id = q.endpoint_id
        WHERE q.level = :level AND q.period >= :first AND q.period < :last AND {_ORIGINS}
          AND {_chosen("q.endpoint_id", endpoint_ids)}
        GROUP BY 1, 2
    """
    values = {**span._asdict(), **origins._asdict()}
    return {(alias, text): period for alias, text, period in con.execute(statement, values)}


class Load(NamedTuple):
    """A host's machine over a slice of time; None is not measured."""

    host: str
    at_ms: int
    samples: int
    cpu: float | None
    memory: float | None
    disk: float | None
    load1: float | None


def select_loads(
    con: sqlite3.Connection, since_ms: int, until_ms: int, host: str | None
) -> list[Load]:
    """Every sample of the window; where samples are gone, every hour (disk and load: its maximum)."""
    window = (since_ms << TIE_BITS, until_ms << TIE_BITS, host, host)
    samples = [
        Load(name, number >> TIE_BITS, 1, *values)
        for name, number, *values in con.execute(
            "SELECT host, id, cpu, memory, disk, load1 FROM system_metric"
            " WHERE id >= ? AND id < ? AND (? IS NULL OR host = ?) ORDER BY id",
            window,
        )
    ]
    oldest = samples[0].at_ms // HOUR_MS if samples else until_ms // HOUR_MS
    hours = con.execute(
        "SELECT host, period * 3600000, max(cpu_samples, memory_samples),"
        " CASE WHEN cpu_samples THEN cpu_sum / cpu_samples END,"
        " CASE WHEN memory_samples THEN memory_sum / memory_samples END, disk_max, load1_max"
        " FROM system_hour WHERE period >= ? AND period < ? AND (? IS NULL OR host = ?)"
        " ORDER BY period",
        (since_ms // HOUR_MS, oldest, host, host),
    )
    return [*(Load(*row) for row in hours), *samples]


def endpoint_ids(con: sqlite3.Connection, route: str, method: str | None) -> list[int]:
    """The numbers of a route, of all its methods or of one."""
    rows = con.execute(
        "SELECT id FROM endpoint WHERE route = ? AND (? IS NULL OR method = ?)",
        (route, method, method),
    )
    return [row[0] for row in rows]
