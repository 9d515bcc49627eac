"""Shows an answer in the face that was asked for, importing what that face needs and no more."""

from __future__ import annotations

from importlib import import_module

from perfctl.answers.answer import Answer
from perfctl.console import Console
from perfctl.errors import UsageError

_OWN_TEXT = {
    "health": "health",
    "summary": "summary",
    "endpoints": "endpoints",
    "requests": "requests",
    "database": "database",
    "cache": "cache",
    "alerts": "alerts",
    "alerts.show": "alert",
    "alerts.test": "replay",
    "ack": "alerts",
    "unack": "alerts",
    "snooze": "alerts",
    "resolve": "alerts",
    "errors": "errors",
    "errors.show": "error",
    "errors.resolve": "errors",
    "errors.ignore": "errors",
    "errors.reopen": "errors",
    "why": "why",
    "deploy": "deploys",
    "deploy.mark": "deploys",
    "ci": "ci",
    "collect": "collect",
    "prune": "prune",
    "forget": "forget",
    "deps": "deps",
    "doctor": "doctor",
    "query.views": "views",
    "db.info": "upkeep",
    "db.check": "upkeep",
}
"""Commands with a module of their own under `perfctl.render`; the others are shown as they are."""
_OF_GATES = ("github", "junit", "sarif")
"""Faces of a verdict, each with its module."""


def show(
    answer: Answer,
    console: Console,
    fmt: str,
    *,
    store: str,
    limit: int | None,
    now_ms: int,
) -> str:
    """The text of an answer; tables show 20 rows unless a limit says otherwise, other faces all."""
    if fmt == "table":
        name = _OWN_TEXT.get(answer.command, "generic")
        text: str = import_module(f"perfctl.render.{name}").render(
            answer, console, store=store, limit=limit
        )
        return text
    if fmt == "json":
        from perfctl.render.envelope import to_json

        return to_json(answer, now_ms, limit)
    if fmt in _OF_GATES:
        return str(import_module(f"perfctl.render.{fmt}").render(answer))
    if fmt == "md" and answer.command == "ci":
        from perfctl.render.ci import render_markdown

        return render_markdown(answer, limit)
    from perfctl.render import rows

    match fmt:
        case "ndjson":
            return rows.to_ndjson(answer, limit)
        case "csv":
            return rows.to_csv(answer, limit)
        case "tsv":
            return rows.to_tsv(answer, limit)
        case "md":
            return rows.to_markdown(answer, limit)
    raise UsageError(f"unknown format {fmt!r}", "table, json, ndjson, csv, tsv or md")
