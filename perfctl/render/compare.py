"""`endpoints --compare`: before and after side by side, and how much that is."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.answers.compare import ComparedEndpoint
from perfctl.console import Console
from perfctl.model import Window
from perfctl.render.glyphs import cut_middle
from perfctl.render.table import NONE, Cell, Column, Row, draw
from perfctl.render.text import about, cut, empty, footer, heading, join, notes
from perfctl.render.values import cell_count, cell_mean, cell_ms, cell_ratio, say_count, say_window
from perfctl.units import parse_moment

TOO_FEW = "too few"
_WORSE = 1.25
_MUCH_WORSE = 2.0
_BETTER = 0.8
_COLUMNS = (
    Column("endpoint", cut=cut_middle, least=24),
    Column("before", is_right=True, drop=3),
    Column("count", is_right=True, drop=2),
    Column("p50", is_right=True, drop=4),
    Column("p50 ×", is_right=True, drop=5),
    Column("p95", is_right=True),
    Column("p95 ×", is_right=True),
    Column("SQL", is_right=True, drop=1),
    Column("errors", is_right=True, drop=1),
)


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """A row a route; what too few requests cannot tell is said so."""
    found: list[ComparedEndpoint] = answer.data["endpoints"]
    if not found:
        return empty("requests", answer, console, store)
    shown = cut(found, limit)
    longest = max(len(row.method) for row in shown)
    other = answer.data["compared_with"]
    before = Window(parse_moment(other["since"], 0), parse_moment(other["until"], 0))
    deploy = f"before {other['deploy']}" if other["deploy"] else f"{other['what']} earlier"
    pieces = [say_count(answer.coverage.samples, "request"), *about(answer)]
    against = [f"{say_count(other['samples'], 'request')} {deploy}", say_window(before)]
    gone = [f"{row['method']} {row['route']}" for row in answer.data["gone"]]
    return join(
        heading("Endpoints", pieces, console),
        heading("compared with", against, console),
        "\n" + draw(_COLUMNS, [_row(row, longest) for row in shown], console),
        footer(len(shown), len(found), "endpoints", console),
        heading("no longer asked for:", gone, console) if gone else "",
        notes(answer, console),
    )


def _row(row: ComparedEndpoint, longest: int) -> Row:
    name = Cell(f"{row.method:<{longest}} {row.route}")
    before, change = row.before, row.change
    if before is None or change is None:
        cells = [NONE, cell_count(row.count), cell_ms(row.p50_ms), "new", cell_ms(row.p95_ms),
                 "new", cell_mean(row.queries_avg), cell_ratio(row.error_rate)]  # fmt: skip
        return Row((name, *map(Cell, cells)))
    return Row(
        (
            name,
            Cell(cell_count(before.count)),
            Cell(cell_count(row.count)),
            Cell(_pair(cell_ms(before.p50_ms), cell_ms(row.p50_ms))),
            _times(change.p50_ratio, is_few="p50" in change.too_few),
            Cell(_pair(cell_ms(before.p95_ms), cell_ms(row.p95_ms))),
            _times(change.p95_ratio, is_few="p95" in change.too_few),
            Cell(_pair(cell_mean(before.queries_avg), cell_mean(row.queries_avg))),
            Cell(_pair(cell_ratio(before.error_rate), cell_ratio(row.error_rate))),
        )
    )


def _pair(before: str, after: str) -> str:
    return after if before == after else f"{before} → {after}"


def _times(ratio: float | None, *, is_few: bool) -> Cell:
    if is_few:
        return Cell(TOO_FEW, "dim")
    if ratio is None:
        return Cell(NONE)
    style = "green" if ratio <= _BETTER else "yellow" if ratio >= _WORSE else ""
    return Cell(f"{ratio:.2f}", "bold red" if ratio >= _MUCH_WORSE else style)
