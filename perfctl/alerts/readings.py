"""What a minute says of machines, pages, the store, packages, and of what is new or silent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from perfctl.alerts.book import Book
from perfctl.alerts.machine import Reading
from perfctl.alerts.minute import Minute
from perfctl.alerts.past import Past
from perfctl.alerts.rules import Rule, Severity
from perfctl.model import HOUR_MS, MINUTE_MS
from perfctl.stats import nearest_rank
from perfctl.store.minutes import Package
from perfctl.store.systems import Sampled
from perfctl.thresholds import Limits
from perfctl.units import format_duration, write_duration

MOST_PROCESSES = 5
RETIRED_MS = HOUR_MS
_CLS_SCALE = 10_000


def of_machine(rule: Rule, minute: Minute, past: Past, book: Book) -> Iterator[Reading]:
    """A reading of each sample of each host; of disks, one of each mount."""
    limits = rule.limits(past.config.thresholds)
    for sample in minute.samples:
        host = sample.row.host
        for subject, value in _measured(rule, sample):
            if rule.matches(host, subject):
                yield Reading(
                    subject=subject,
                    host=host,
                    at_ms=sample.at_ms,
                    begins_ms=sample.at_ms - _covered_ms(sample),
                    since_ms=sample.at_ms,
                    value=value,
                    limits=limits,
                    severity=rule.severity or Severity.WARNING,
                    detail=_largest(rule, sample) if rule.is_over(value, limits) else None,
                )


def of_pages(rule: Rule, minute: Minute, past: Past, book: Book) -> Iterator[Reading]:
    """The 75th percentile of each page over the window, as Google rates them."""
    name = rule.metric.name.removesuffix("_ms").upper()
    since_ms = minute.end_ms - rule.over_ms
    pages: dict[str, list[float]] = {}
    for vital in past.vitals:
        if vital.name == name and vital.at_ms >= since_ms and rule.matches(vital.page):
            pages.setdefault(vital.page, []).append(vital.value)
    for page, values in sorted(pages.items()):
        # nearest_rank takes whole numbers, and of CLS four decimals count
        p75 = nearest_rank(sorted(round(value * _CLS_SCALE) for value in values), 0.75)
        if p75 is not None and len(values) >= rule.samples:
            detail = f"75th percentile of {len(values):,} in {write_duration(rule.over_ms)}"
            limits = rule.limits(past.config.thresholds)
            yield _at_end(
                minute, rule, page, p75 / _CLS_SCALE, limits, since_ms=since_ms, detail=detail
            )


def of_traffic(rule: Rule, minute: Minute, past: Past, book: Book) -> Iterator[Reading]:
    """Seconds without a request, where some are expected."""
    expected_ms = past.config.expect_traffic_ms
    if past.last_request is None or (rule.limit is None and expected_ms is None):
        return
    limit_s = rule.limit if rule.limit is not None else (expected_ms or 0) / 1000
    silent_s = (minute.period - past.last_request) * MINUTE_MS / 1000
    since_ms = past.last_request * MINUTE_MS
    limits = Limits(limit_s, limit_s)
    yield _at_end(minute, rule, "requests", silent_s, limits, since_ms=since_ms)


def of_collectors(rule: Rule, minute: Minute, past: Past, book: Book) -> Iterator[Reading]:
    """Intervals since the last sample of each host, while others bring theirs.

    Where none does, nobody was there to judge: that is for the dead-man ping, and for `health`.
    """
    limits = rule.limits(past.config.thresholds)
    silent_ms = {host: minute.end_ms - at_ms for host, at_ms in past.last_sample_ms.items()}
    ages = {host: silent / past.interval_ms(host) for host, silent in silent_ms.items()}
    if all(age > limits.threshold for age in ages.values()):
        return
    for host, age in sorted(ages.items()):
        is_retired = silent_ms[host] > RETIRED_MS  # taken away, not stale
        detail = f"last sample {format_duration(silent_ms[host] * 1000)} ago"
        if rule.matches(host):
            value = 0.0 if is_retired else age
            yield _at_end(minute, rule, host, value, limits, host=host, detail=detail)


def of_store(rule: Rule, minute: Minute, past: Past, book: Book) -> Iterator[Reading]:
    """What the store grew by in a day, and what waited in the spool when `collect` came."""
    if not minute.sizes:
        return
    newest, oldest = minute.sizes[-1], past.sizes[0]
    if rule.metric.name == "store_growth_bytes":
        subject, value = "store", float(newest.store_bytes - oldest.store_bytes)
        detail = f"in {format_duration((newest.at_ms - oldest.at_ms) * 1000)}"
    else:
        subject, value = "spool", float(newest.spool_bytes)
        detail = "waited when collect came"
    limits = rule.limits(past.config.thresholds)
    yield _at_end(minute, rule, subject, max(0.0, value), limits, detail=detail)


def of_dependencies(rule: Rule, minute: Minute, past: Past, book: Book) -> Iterator[Reading]:
    """The vulnerabilities of each package in the last complete scans of a host."""
    limits = rule.limits(past.config.thresholds)
    for host in sorted({host for host, _ in past.scans}):
        scans = [scan for (of_host, _), scan in past.scans.items() if of_host == host]
        found = _vulnerable(scans)
        at_ms = max(scan[0].at_ms for scan in scans)
        for name in sorted(found.keys() | set(book.subjects(rule, host))):
            count, severity, detail = found.get(name, (0, Severity.WARNING, None))
            if rule.matches(name):
                reading = _at_end(
                    minute, rule, name, count, limits, host=host, since_ms=at_ms, detail=detail
                )
                yield reading._replace(severity=rule.severity or severity)


def of_new_things(rule: Rule, minute: Minute, past: Past, book: Book) -> Iterator[Reading]:
    """Each time something was seen that a rule for new things looks for."""
    limits = rule.limits(past.config.thresholds)
    for seen in minute.occurrences:
        if seen.rule == rule.name and rule.matches(seen.subject):
            yield Reading(
                subject=seen.subject,
                host=None,
                at_ms=seen.at_ms,
                begins_ms=seen.at_ms,
                since_ms=seen.since_ms,
                value=float(seen.times),
                limits=limits,
                severity=rule.severity or Severity.WARNING,
                is_news=seen.is_news,
                detail=seen.detail,
            )


def _at_end(
    minute: Minute,
    rule: Rule,
    subject: str,
    value: float,
    limits: Limits,
    *,
    host: str | None = None,
    since_ms: int | None = None,
    detail: str | None = None,
) -> Reading:
    return Reading(
        subject=subject,
        host=host,
        at_ms=minute.end_ms,
        begins_ms=minute.begin_ms,
        since_ms=minute.begin_ms if since_ms is None else since_ms,
        value=value,
        limits=limits,
        severity=rule.severity or Severity.WARNING,
        detail=detail,
    )


def _measured(rule: Rule, sample: Sampled) -> Iterator[tuple[str, float]]:
    row, name = sample.row, rule.metric.name
    if name == "disk":
        disks = {str(disk["mount"]): float(disk["used"]) for disk in _detail(row.detail, "disks")}
        if not disks and row.disk is not None:
            disks = {row.disk_mount or "/": row.disk}
        yield from ((f"{row.host}:{mount}", used) for mount, used in disks.items())
        return
    value = getattr(row, name)
    if value is not None:
        yield row.host, float(value)


def _covered_ms(sample: Sampled) -> int:
    """How long the sample speaks for: CPU is a mean since the one before."""
    return round((sample.row.interval_s or 0) * 1000)


def _largest(rule: Rule, sample: Sampled) -> str | None:
    """The largest processes of that time, those by memory where it is memory that is short."""
    found = _detail(sample.row.detail, "largest")
    by = "rss_bytes" if rule.metric.name in ("memory", "swap") else "cpu"
    ranked = sorted(found, key=lambda process: -(process.get(by) or 0))[:MOST_PROCESSES]
    return json.dumps({"processes": ranked}, separators=(",", ":")) if ranked else None


def _detail(text: str, name: str) -> Sequence[Mapping[str, Any]]:
    found = json.loads(text or "{}").get(name) if text.startswith("{") else None
    return found if isinstance(found, list) else ()


def _vulnerable(
    scans: Sequence[Sequence[Package]],
) -> dict[str, tuple[int, Severity, str | None]]:
    """By package: how many vulnerabilities, the worst severity, and which."""
    found: dict[str, tuple[int, Severity, str | None]] = {}
    for package in (package for scan in scans for package in scan):
        if package.name is None:
            continue
        known = [v for v in json.loads(package.vulnerabilities or "[]") if not v.get("ignored")]
        names = ", ".join(str(item.get("id")) for item in known[:3])
        is_severe = any(str(v.get("severity")).lower() in ("critical", "high") for v in known)
        severity = Severity.CRITICAL if is_severe else Severity.WARNING
        detail = f"{package.installed or '?'}: {names}" if names else package.installed
        found[package.name] = (max(1, len(known)), severity, detail)
    return found
