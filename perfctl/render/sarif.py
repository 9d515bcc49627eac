"""`ci --format sarif`: what failed and has a line of code, as SARIF 2.1.0 for code scanning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from perfctl import __version__
from perfctl.answers.answer import Answer
from perfctl.gate.verdict import Check, Place, Status, place_of
from perfctl.gating import Gate
from perfctl.visible import visible

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_RULES = {
    "n_plus_one": "A new N+1: a statement that is asked once a row.",
    "queries": "A request asks the database more often than before.",
    "budget_queries": "A request asks the database more often than its budget allows.",
    "budget_n_plus_one": "A route has more N+1 than its budget allows.",
    "new_errors": "A new or returned error.",
}


def render(answer: Answer) -> str:
    """One run; findings without a place are left out, for code scanning has none to show them at."""
    gate: Gate = answer.data
    found = [
        (check, place)
        for check in gate.checks
        if check.status is Status.FAIL and (place := place_of(check.call_site))
    ]
    rules = sorted({check.name for check, _ in found})
    run = {
        "tool": {
            "driver": {
                "name": "perfctl",
                "semanticVersion": __version__,
                "rules": [_rule(name) for name in rules],
            }
        },
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "The top of the repository."}}
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(check, place, gate.files, rules) for check, place in found],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2)


def _rule(name: str) -> dict[str, Any]:
    said = _RULES.get(name, name.replace("_", " "))
    return {
        "id": f"perfctl/{name}",
        "name": "".join(word.capitalize() for word in name.split("_")),
        "shortDescription": {"text": said},
        "defaultConfiguration": {"level": "error"},
    }


def _result(
    check: Check, place: Place, files: Mapping[str, str], rules: list[str]
) -> dict[str, Any]:
    physical = {
        "artifactLocation": {
            "uri": quote(files.get(place.file, place.file)),
            "uriBaseId": "%SRCROOT%",
        },
        "region": {"startLine": max(1, place.line)},
    }
    location: dict[str, Any] = {"physicalLocation": physical}
    if place.function:
        location["logicalLocations"] = [{"name": visible(place.function), "kind": "function"}]
    return {
        "ruleId": f"perfctl/{check.name}",
        "ruleIndex": rules.index(check.name),
        "level": "error",
        "message": {"text": visible(f"{check.subject}: {check.evidence}")},
        "locations": [location],
        "partialFingerprints": {"perfctl/v1": _fingerprint(check, place)},
    }


def _fingerprint(check: Check, place: Place) -> str:
    """Stays while lines move."""
    text = "\0".join((check.name, check.subject, place.file, place.function))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
