"""`cache`: hit rate, operations and time of each cache alias and key prefix."""

from __future__ import annotations

from typing import NamedTuple

from perfctl.answers.answer import Answer, Question, answer
from perfctl.answers.window import plan_details
from perfctl.config import Config
from perfctl.stats import ratio
from perfctl.store import details


class CacheSummary(NamedTuple):
    """One key prefix of a cache alias."""

    alias: str
    prefix: str
    requests: int
    ops: int
    hits: int
    misses: int
    writes: int
    hit_rate: float | None
    avg_ms: float
    total_ms: float


def summarise_caches(question: Question, config: Config) -> Answer:
    """Prefixes by the number of their operations."""
    spans, used = plan_details(question.window, question.now_ms, config.retention)
    groups: dict[tuple[str, str], list[details.CacheCell]] = {}
    for alias, prefix, cell in details.select_caches(question.con, spans, question.filters):
        groups.setdefault((alias, prefix), []).append(cell)
    rows = [_summary(*name, group) for name, group in groups.items()]
    rows.sort(key=lambda row: (-row.ops, row.alias, row.prefix))
    return answer(question, "cache", {"caches": rows}, sum(row.ops for row in rows), used)


def _summary(alias: str, prefix: str, group: list[details.CacheCell]) -> CacheSummary:
    requests, hits, misses, writes, sum_us = map(sum, zip(*group, strict=True))
    ops = hits + misses + writes
    return CacheSummary(
        alias=alias,
        prefix=prefix,
        requests=requests,
        ops=ops,
        hits=hits,
        misses=misses,
        writes=writes,
        hit_rate=ratio(hits, hits + misses),
        avg_ms=sum_us / ops / 1000 if ops else 0.0,
        total_ms=sum_us / 1000,
    )
