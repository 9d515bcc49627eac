"""`db info` and `db check`: the store in figures, and what is wrong with it."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.answers.upkeep import StoreCheck, StoreInfo
from perfctl.console import Console
from perfctl.render.style import mark, paint, status_text
from perfctl.render.text import flow, join, notes, render_pairs
from perfctl.render.values import say_count, say_moment
from perfctl.units import local_zone, parse_moment
from perfctl.visible import visible


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """Everything, whatever the limit."""
    if isinstance(answer.data, StoreCheck):
        return join(_check(answer.data, console), notes(answer, console))
    return join(_info(answer.data, console), notes(answer, console))


def _info(info: StoreInfo, console: Console) -> str:
    pairs = info._asdict()
    path, tables, counters = (pairs.pop(name) for name in ("path", "tables", "counters"))
    for name in ("oldest_request", "newest_request"):
        if pairs[name] is not None:
            pairs[name] = _local(pairs[name])
    filled = {name: n for name, n in tables.items() if n}
    return join(
        render_pairs(path, pairs, console),
        "\n" + render_pairs("rows", filled, console, is_raw=True),
        "\n" + render_pairs("counted on the way", counters, console, is_raw=True)
        if counters
        else "",
    )


def _local(iso: str) -> str:
    return f"{say_moment(iso)} {local_zone(parse_moment(iso, 0))}"


def _check(check: StoreCheck, console: Console) -> str:
    status = "ok" if check.is_whole else "problem"
    said = paint(status_text(status), f"bold {mark(status).style}", console)
    found = [*check.damage, *check.mismatches]
    what = say_count(len(found), "fault") if found else "whole"
    lines = [f"{said}  {line}" for line in flow([f"{check.path}: {what}"], None, "")]
    return "\n".join([*lines, *(f"  {visible(fault)}" for fault in found)])
