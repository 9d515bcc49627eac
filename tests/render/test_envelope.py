"""The JSON document of an answer."""

from __future__ import annotations

import json

import pytest

from perfctl.model import Coverage
from perfctl.render.envelope import to_json
from tests.render import faces, samples


def test_the_whole_document() -> None:
    """Its schema, when it was made, the window, on what it stands, the data, warnings."""
    found = samples.answer(
        "cache",
        {"caches": [samples.caches().data["caches"][0]]},
        coverage=Coverage(12_345, ("web1", "web2"), 3, 4096, 4.2),
        warnings=("the spool is half full",),
    )

    assert json.loads(to_json(found, samples.NOW_MS)) == {
        "schema": "perfctl.cache/1",
        "generated_at": "2026-11-24T12:00:00.000Z",
        "window": {
            "since": "2026-11-23T12:00:00.000Z",
            "until": "2026-11-24T12:00:00.000Z",
            "tz": "UTC",
        },
        "coverage": {
            "samples": 12_345,
            "hosts": ["web1", "web2"],
            "dropped": 3,
            "pending_bytes": 4096,
            "newest_age_s": 4.2,
        },
        "data": {
            "caches": [
                {
                    "alias": "default",
                    "prefix": "items",
                    "requests": 900,
                    "ops": 12_000,
                    "hits": 10_900,
                    "misses": 900,
                    "writes": 200,
                    "hit_rate": 0.9237,
                    "avg_ms": 0.21,
                    "total_ms": 2520.0,
                }
            ]
        },
        "warnings": ["the spool is half full"],
    }


def test_without_a_window() -> None:
    """Null, as of `doctor`."""
    assert json.loads(to_json(samples.doctor(), 0))["window"] is None


def test_health_has_its_checks() -> None:
    """With what was not measured as null."""
    data = json.loads(to_json(samples.health(), 0))["data"]

    assert data["status"] == "critical"
    assert data["checks"][4] == {
        "name": "queue_time",
        "value": None,
        "unit": "ms",
        "target": 100,
        "threshold": 500,
        "status": "not_measured",
        "since": None,
        "trend": [],
        "detail": None,
    }


@pytest.mark.parametrize("name", faces.ANSWERS)
def test_it_is_printable_ascii(name: str) -> None:
    """Safe in every terminal, log and encoding."""
    text = to_json(faces.ANSWERS[name](), samples.NOW_MS)

    assert text.replace("\n", "").isascii()
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize(("limit", "count"), [(None, 3), (0, 3), (2, 2), (9, 3)])
def test_limit(limit: int | None, count: int) -> None:
    """All rows unless a limit is given, and 0 is all."""
    document = json.loads(to_json(samples.endpoints(), samples.NOW_MS, limit))

    assert len(document["data"]["endpoints"]) == count
