"""`prune`: what went of each table, or would, and what stayed for whom."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.prune_report import Report, TableRow
from perfctl.render.glyphs import wrap
from perfctl.render.style import paint
from perfctl.render.table import NONE, Cell, Column, Row, draw
from perfctl.render.text import heading, join, notes
from perfctl.render.values import say_count, say_moment
from perfctl.units import format_bytes
from perfctl.visible import visible

_SAID = {
    "performance_metric": "requests",
    "test_request": "requests of tests",
    "system_metric": "system samples",
    "error_log": "errors",
    "frontend_metric": "front end",
    "system_hour": "system hours",
    "performance_prediction": "predictions",
    "performance_alert": "resolved alerts",
    "error_group": "groups of errors",
    "api_performance_metric": "rollup by origin",
    "endpoint_total": "rollup of endpoints",
    "query_metric": "rollup of queries",
    "cache_metric": "rollup of caches",
    "span_metric": "rollup of spans",
    "names": "unused names",
    "thinned": "thinned requests",
}


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """The tables of which something goes or stays; all of them, whatever the limit."""
    report: Report = answer.data
    shown = [row for row in report.tables if row.rows or row.protected]
    return join(
        heading("Prune", [store, *_verdict(report)], console),
        _refusal(report, console),
        "\n" + draw(_columns(report), [_row(row) for row in shown], console) if shown else "",
        notes(answer, console),
    )


def _verdict(report: Report) -> list[str]:
    total = sum(row.rows for row in report.tables)
    rows = say_count(total, "row")
    size = format_bytes(report.size_bytes)
    if report.refused:
        return ["refused", size]
    if report.dry_run:
        return [f"{rows} would go", f"{size} now"]
    return [f"{rows} deleted", f"{format_bytes(report.freed_bytes or 0)} given back", f"{size} now"]


def _refusal(report: Report, console: Console) -> str:
    if not report.refused:
        return ""
    lines = wrap(f"✖ Nothing was deleted: {visible(report.refused)}", console.width)
    return "\n".join(paint(line, "red", console) for line in lines)


def _columns(report: Report) -> list[Column]:
    goes = "would go" if report.dry_run or report.refused else "deleted"
    return [
        Column("of"),
        Column(goes, is_right=True),
        Column("protected", is_right=True),
        Column("older than", drop=1),
    ]


def _row(row: TableRow) -> Row:
    return Row(
        (
            _SAID.get(row.table, row.table),
            Cell(f"{row.rows:,}", "bold"),
            f"{row.protected:,}" if row.protected else NONE,
            say_moment(row.older_than) if row.older_than else NONE,
        )
    )
