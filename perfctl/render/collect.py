"""The text of `collect`: what the round brought, a line a subject."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.render.style import paint
from perfctl.render.text import join, notes
from perfctl.units import format_bytes, format_ratio
from perfctl.visible import visible

_MOST_IDS = 5


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """Sample, records, what was tidied away; the store's path behind."""
    data = answer.data
    system = data.system
    records = f"{data.ingested:,} requests"
    if data.rejected:
        records += f", {data.rejected:,} lines rejected"
    pruned = ", ".join(f"{table} {n:,}" for table, n in data.pruned.items())
    lines = [
        ("system", _system(system)),
        ("traffic", _traffic(system)),
        ("brought in", records),
        ("alerts", _alerts(data.alerts_opened, data.alerts_resolved)),
        ("pruned", pruned),
    ]
    for process in system["largest"]:
        share = "" if process["cpu"] is None else f"cpu {format_ratio(process['cpu'])}  "
        memory = "" if process["rss_bytes"] is None else format_bytes(process["rss_bytes"])
        lines.append(("process", f"{process['name']} ({process['pid']})  {share}{memory}"))
    return join(
        paint(f"Collected into {visible(store)}", "bold", console),
        *(f"{name:<10}  {visible(text)}" for name, text in lines if text),
        notes(answer, console),
    )


def _alerts(opened: list[str], resolved: list[str]) -> str:
    parts = [
        f"{len(ids)} {word} ({', '.join(ids[:_MOST_IDS])}{', …' if ids[_MOST_IDS:] else ''})"
        for word, ids in (("opened", opened), ("resolved", resolved))
        if ids
    ]
    return ", ".join(parts)


def _system(system: dict[str, object]) -> str:
    parts = []
    for name in ("cpu", "memory", "disk", "swap"):
        share = system[name]
        if isinstance(share, float | int):
            parts.append(f"{name} {format_ratio(share)}")
    if system["load1"] is not None:
        parts.append(f"load {system['load1']:.2f}")
    if system["scope"] != "machine":
        parts.append(f"of the {system['scope']}")
    return "   ".join(parts)


def _traffic(system: dict[str, object]) -> str:
    parts = []
    for name, key in (
        ("net in", "net_in_bps"),
        ("net out", "net_out_bps"),
        ("disk read", "disk_read_bps"),
        ("disk write", "disk_write_bps"),
    ):
        rate = system[key]
        if isinstance(rate, float | int):
            parts.append(f"{name} {format_bytes(rate)}/s")
    return "   ".join(parts)
