"""One round of `collect`: a sample, the spool, the alerts, what retention has passed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from perfctl import alerting, ingest, notify, retention
from perfctl.alerts.rules import parse_rules
from perfctl.answers.answer import Answer, Question, coverage
from perfctl.capping import cap_of
from perfctl.collectors import deploys
from perfctl.collectors.system import Counters, SystemSample, sample_system
from perfctl.config import Config
from perfctl.model import Window
from perfctl.settings import host_name
from perfctl.store import systems
from perfctl.store.connection import reading, transaction, writing


class Collected(NamedTuple):
    """What a round brought in and cleared away."""

    system: dict[str, object]
    ingested: int
    rejected: int
    alerts_opened: list[str]
    alerts_resolved: list[str]
    pruned: dict[str, int]


def run(store: Path, config: Config, now_ms: int, interval_ms: int | None) -> Answer:
    """Take a sample, bring in all that waits, judge the alerts, prune once an hour."""
    parse_rules(config)  # what is wrong with a setting is said before anything is done
    notify.check(config)
    host, _ = host_name(os.environ)
    sample = _sample(store, config, host, interval_ms)
    alerting.note_sizes(store, now_ms)
    drained = ingest.drain(store, max(now_ms, sample.at_ms), retention=config.retention)
    deploys.note_seen(store)
    deploys.note_packages(store, host, now_ms, os.environ, deploys.places(store, Path.cwd()))
    judged = alerting.evaluate(store, config, now_ms)
    told = notify.tell(store, config, now_ms, host)
    pruned = retention.prune_hourly(store, config.retention, now_ms, cap_of(config))
    collected = Collected(
        _shown(sample),
        drained.requests,
        drained.rejected,
        judged.opened,
        judged.resolved,
        pruned.rows,
    )
    warnings = (*drained.remarks, *judged.remarks, *pruned.remarks, *told)
    with reading(store) as con:
        window = Window(now_ms, sample.at_ms)
        found = coverage(
            Question(con, now_ms, window, pending_bytes=ingest.pending_bytes(store)),
            drained.requests,
        )
    return Answer("collect", None, found, collected, warnings)


def _sample(store: Path, config: Config, host: str, interval_ms: int | None) -> SystemSample:
    interval_s = None if interval_ms is None else interval_ms / 1000
    with reading(store) as con:
        known = {collector.host: collector for collector in systems.collectors(con)}
    previous = Counters.from_json(known[host].state) if host in known else None
    sample = sample_system(previous, config.thresholds)
    with writing(store) as con, transaction(con):
        systems.insert(con, sample.at_ms, sample.to_row(host))
        systems.note_collector(con, host, sample.at_ms, interval_s, sample.counters.to_json())
    return sample


def _shown(sample: SystemSample) -> dict[str, object]:
    return {
        "cpu": sample.cpu,
        "memory": sample.memory,
        "swap": sample.swap,
        "disk": sample.disk,
        "disk_mount": sample.disk_mount,
        "load1": sample.loads[0] if sample.loads else None,
        "net_in_bps": sample.net_in_bps,
        "net_out_bps": sample.net_out_bps,
        "disk_read_bps": sample.disk_read_bps,
        "disk_write_bps": sample.disk_write_bps,
        "open_files": sample.open_files,
        "processes": sample.processes,
        "scope": sample.scope,
        "largest": [process._asdict() for process in sample.largest],
    }
