"""Tells people what happened to alerts: at least once, one message a cycle, kept until delivered."""

from __future__ import annotations

from pathlib import Path

from perfctl.config import Config


def check(config: Config) -> None:
    """ConfigError for what is wrong in `[notify]`. Costs nothing unless it is set up."""
    if config.notify:
        from perfctl.notify.plan import parse_plan

        parse_plan(config)


def tell(store: Path, config: Config, now_ms: int, host: str) -> tuple[str, ...]:
    """Tell what is to be told; what went wrong with it. Costs nothing unless it is set up."""
    if not config.notify:
        return ()
    from perfctl.notify import dispatch

    told = dispatch.notify(store, config, now_ms, host)
    missed = dispatch.ping_after(config)
    return (*told.failures, *([missed] if missed else []))
