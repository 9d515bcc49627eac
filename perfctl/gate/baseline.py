"""The baseline: a file that holds what was measured before, and what has been accepted since.

JSON with one line a test or route, so that a change reads well in a review. A digest tells a file
that was damaged, or mended by hand, from one that perfctl wrote.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from perfctl.errors import NoDataError
from perfctl.gate.counts import Asked, RouteRun
from perfctl.gate.latency import Block
from perfctl.gate.live import LiveSample, QueryBlock, RouteSample

SCHEMA = "perfctl.baseline/1"
_FAMILY = "perfctl.baseline/"
_HINT = "perfctl ci --save-baseline FILE, from a run of the main branch"


class Environment(NamedTuple):
    """In what a measurement was made; counts and times of another one say nothing."""

    python: str | None = None
    django: str | None = None
    database: str | None = None
    """Vendor of each alias: `sqlite`."""


class Accepted(NamedTuple):
    """A finding that somebody took into the baseline."""

    check: str
    subject: str
    value: float | None
    at: str
    by: str
    reason: str


class Baseline(NamedTuple):
    """What a file holds."""

    source: str
    saved_at: str
    perfctl: str
    commit: str | None
    environment: Environment
    requests: int
    run: Mapping[str, RouteRun] = {}
    """Of a test run, by route."""
    durations: Mapping[str, Sequence[Block]] = {}
    """Of a test run: the medians of its processes, by route."""
    live: LiveSample | None = None
    accepted: tuple[Accepted, ...] = ()


def differences(saved: Environment, now: Environment) -> list[str]:
    """What is another: Python and Django by their minor version, the database by its vendor."""
    return [
        f"{name} {old or 'unknown'} then, {new or 'unknown'} now"
        for name, old, new in zip(Environment._fields, saved, now, strict=True)
        if _minor(old) != _minor(new)
    ]


def _minor(version: str | None) -> str | None:
    return version and ".".join(version.split(".")[:2])


def write(baseline: Baseline) -> str:
    """The text of a file."""
    document = {
        "schema": SCHEMA,
        "perfctl": baseline.perfctl,
        "saved_at": baseline.saved_at,
        "source": baseline.source,
        "commit": baseline.commit,
        "environment": baseline.environment._asdict(),
        "requests": baseline.requests,
        "routes": _write_run(baseline) if baseline.live is None else _write_live(baseline.live),
        "errors": dict(sorted(baseline.live.known_errors.items())) if baseline.live else {},
        "accepted": [item._asdict() for item in baseline.accepted],
    }
    return _lay_out({**document, "digest": _digest(document)}) + "\n"


def _write_run(baseline: Baseline) -> dict[str, Any]:
    return {
        subject: {
            "tests": {
                test: [_write_asked(asked) for asked in requests]
                for test, requests in sorted(route.tests.items())
            },
            "n_plus_one": sorted(route.repeats),
            "patterns": dict(sorted(route.patterns.items())),
            "median_ms": _write_blocks(baseline.durations.get(subject, ())),
        }
        for subject, route in sorted(baseline.run.items())
    }


def _write_asked(asked: Asked) -> list[int]:
    """`[queries]`, with the cache's hits and misses where there were any, 0 where not exact."""
    items = [asked.queries, asked.cache_hits, asked.cache_misses, int(asked.is_exact)]
    if asked.is_exact:
        items = items[:3] if asked.cache_hits or asked.cache_misses else items[:1]
    return items


def _write_live(live: LiveSample) -> dict[str, Any]:
    return {
        subject: {
            "requests": route.requests,
            "median_ms": {
                each: _write_blocks(blocks) for each, blocks in sorted(route.durations.items())
            },
            "queries": [[block.requests, round(block.mean, 6)] for block in route.queries],
            "n_plus_one": sorted(route.repeats),
            **({} if route.is_timed else {"is_timed": False}),
        }
        for subject, route in sorted(live.routes.items())
    }


def _write_blocks(blocks: Sequence[Block]) -> list[list[float]]:
    return [_write_block(block) for block in blocks]


def _write_block(block: Block) -> list[float]:
    """`[requests, median]`, with how much slower all routes were then, where that is known."""
    common = round(math.exp(block.common), 6)
    items = [block.requests, round(math.exp(block.log_us) / 1000, 6), common]
    return items if common != 1 else items[:2]


def _read_blocks(blocks: list[list[float]]) -> tuple[Block, ...]:
    return tuple(
        Block(int(n), math.log(median_ms * 1000), math.log(common[0]) if common else 0.0)
        for n, median_ms, *common in blocks
    )


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _lay_out(value: Any, indent: str = "") -> str:
    """Objects of objects and lists of objects over several lines, all else on one."""
    inner = f"{indent} "
    if isinstance(value, dict) and value:
        lines = [
            f"{inner}{json.dumps(key)}: {_lay_out(item, inner)}" for key, item in value.items()
        ]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"{inner}{json.dumps(item)}" for item in value) + f"\n{indent}]"
    return json.dumps(value)


def read(text: str, name: str) -> Baseline:
    """What a file's text holds; NoDataError where it cannot be relied on."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise NoDataError(f"the baseline {name} is damaged: {exc}", _HINT) from exc
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or not schema.startswith(_FAMILY):
        raise NoDataError(f"{name} is no baseline of perfctl", _HINT)
    if schema != SCHEMA:
        raise NoDataError(f"the baseline {name} is of another perfctl ({schema})", _HINT)
    if document.pop("digest", None) != _digest(document):
        raise NoDataError(f"the baseline {name} is damaged, or was changed by hand", _HINT)
    try:
        return _read(document)
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise NoDataError(f"the baseline {name} is damaged: {exc!r}", _HINT) from exc


def _read(document: dict[str, Any]) -> Baseline:
    is_live = document["source"] != "test"
    routes: dict[str, Any] = document["routes"]
    return Baseline(
        source=document["source"],
        saved_at=document["saved_at"],
        perfctl=document["perfctl"],
        commit=document["commit"],
        environment=Environment(**document["environment"]),
        requests=document["requests"],
        run={} if is_live else {name: _read_route(route) for name, route in routes.items()},
        durations={}
        if is_live
        else {name: _read_blocks(route["median_ms"]) for name, route in routes.items()},
        live=_read_live(routes, document["errors"]) if is_live else None,
        accepted=tuple(Accepted(**item) for item in document["accepted"]),
    )


def _read_route(route: dict[str, Any]) -> RouteRun:
    return RouteRun(
        tests={
            test: [_read_asked(items) for items in requests]
            for test, requests in route["tests"].items()
        },
        patterns=route["patterns"],
        repeats={key: {} for key in route["n_plus_one"]},
    )


def _read_asked(items: list[int]) -> Asked:
    queries, hits, misses, is_exact = [*items, *(0, 0, 1)[len(items) - 1 :]]
    return Asked(queries, hits, misses, bool(is_exact))


def _read_live(routes: dict[str, Any], errors: dict[str, str]) -> LiveSample:
    return LiveSample(
        {
            subject: RouteSample(
                route["requests"],
                {each: _read_blocks(blocks) for each, blocks in route["median_ms"].items()},
                tuple(QueryBlock(n, mean) for n, mean in route["queries"]),
                dict.fromkeys(route["n_plus_one"]),
                route.get("is_timed", True),
            )
            for subject, route in routes.items()
        },
        errors,
    )
