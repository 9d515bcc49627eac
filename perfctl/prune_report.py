"""A pruning as an answer: what went of each table, or would."""

from __future__ import annotations

from dataclasses import dataclass

from perfctl.answers.answer import Answer, Question, coverage
from perfctl.capping import Cap
from perfctl.config import Retention
from perfctl.retention import Plan, Pruned, plan_for
from perfctl.store import pruning, thinning
from perfctl.units import iso_utc


@dataclass(frozen=True, slots=True)
class TableRow:
    """What went of a table, or would."""

    table: str
    rows: int
    protected: int
    """Old enough to go, but an open alert or an unresolved error refers to them."""
    older_than: str | None
    """Null for rollup cells, whose levels differ, and for what goes by other reasons."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a pruning did, or would do; unknown before it was done is None."""

    dry_run: bool
    refused: str | None
    tables: list[TableRow]
    freed_bytes: int | None
    size_bytes: int
    max_size_bytes: int | None
    over_bytes: int


def report(
    question: Question, pruned: Pruned, retention: Retention, cap: Cap | None, *, dry_run: bool
) -> Answer:
    """A pruning table by table."""
    before = _edges(plan_for(question.con, retention, question.now_ms))
    tables = [
        TableRow(table, pruned.rows.get(table, 0), pruned.protected.get(table, 0), before[table])
        for table in before
    ]
    found = Report(
        dry_run=dry_run,
        refused=pruned.refused,
        tables=tables,
        freed_bytes=None if dry_run else pruned.freed_bytes,
        size_bytes=thinning.used_bytes(question.con),
        max_size_bytes=None if cap is None else cap.max_bytes,
        over_bytes=pruned.over_bytes,
    )
    samples = sum(row.rows for row in tables)
    covered = coverage(question, samples)
    remarks = () if dry_run or pruned.refused else pruned.remarks
    warnings = (*question.warnings, *remarks)
    return Answer("prune", None, covered, found, warnings)


def _edges(plan: Plan) -> dict[str, str | None]:
    """Each table and before when its rows go."""
    edges: dict[str, str | None] = {part.table: iso_utc(part.before_ms) for part in plan.timed}
    small = plan.small._asdict()
    del small["forgotten"]
    edges |= {table: iso_utc(before_ms) for table, before_ms in small.items()}
    return edges | dict.fromkeys((*pruning.CELL_TABLES, "names", "thinned"))
