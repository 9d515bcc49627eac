"""Requests of a window by endpoint, summed from rollup cells: what several answers begin with."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from perfctl import sketch
from perfctl.answers.answer import Question
from perfctl.answers.window import plan
from perfctl.config import Retention
from perfctl.model import EndpointKind, Window
from perfctl.store import cells, endpoints
from perfctl.store.cells import Cell
from perfctl.store.endpoints import Endpoint


class Traffic(NamedTuple):
    """All requests of one endpoint in a window."""

    endpoint: Endpoint
    cell: Cell
    by_class: dict[int, int]
    """Requests by status class: {2: 120, 5: 1}."""

    @property
    def counts(self) -> list[int]:
        """The sketch of durations, decoded; as costly as it is long."""
        return sketch.decode(self.cell.sketch)


def read(question: Question, retention: Retention | None = None) -> tuple[list[Traffic], Window]:
    """The traffic of every endpoint in the window, and the window really used."""
    spans, used = plan(question.window, question.now_ms, retention=retention)
    names = endpoints.by_id(question.con)
    groups: dict[int, list[cells.EndpointSums]] = {}
    for sums in cells.select(question.con, spans, question.filters):
        groups.setdefault(sums.endpoint_id, []).append(sums)
    return [_traffic(names[number], group) for number, group in groups.items()], used


def _traffic(endpoint: Endpoint, group: list[cells.EndpointSums]) -> Traffic:
    by_class: dict[int, int] = {}
    for sums in group:
        by_class[sums.status_class] = by_class.get(sums.status_class, 0) + sums.cell.requests
    cell = add([sums.cell for sums in group])
    return Traffic(endpoint, cell, dict(sorted(by_class.items())))


def add(group: list[Cell]) -> Cell:
    """The sum of cells; their sketches stand one behind the other."""
    columns = list(zip(*group, strict=True))
    numbers: list[Any] = [sum(column) for column in columns[:-1]]
    numbers[3] = max(columns[3])
    numbers[8] = max(columns[8])
    return Cell._make([*numbers, b"".join(columns[-1])])


def quantiles_us(
    blob: bytes, max_us: int, shares: Sequence[float] = (0.5, 0.95, 0.99)
) -> list[float | None]:
    """The quantiles of a sketch, none above the largest value that was seen."""
    found = sketch.quantiles(sketch.decode(blob), shares)
    return [None if value is None else min(value, max_us) for value in found]


def is_counted(traffic: Traffic) -> bool:
    """Whether it belongs in totals: probes do not."""
    return traffic.endpoint.kind != EndpointKind.PROBE


def is_timed(traffic: Traffic) -> bool:
    """Whether its durations belong in percentiles and in slow: long polls do not."""
    return traffic.endpoint.kind == EndpointKind.PLAIN
