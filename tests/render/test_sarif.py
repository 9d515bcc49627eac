"""SARIF for code scanning."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from perfctl.gate.verdict import Check, Status
from perfctl.render.sarif import render
from tests.render.samples import HOSTILE
from tests.render.verdicts import CHECKS, verdict


def run(checks: list[Check] | None = None) -> dict[str, Any]:
    """The one run of the document."""
    document = json.loads(render(verdict(checks)))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    (found,) = document["runs"]
    return dict(found)


def test_only_what_failed_at_a_place_is_a_result() -> None:
    """The other checks have no line to be shown at."""
    assert [result["ruleId"] for result in run()["results"]] == [
        "perfctl/n_plus_one",
        "perfctl/queries",
    ]
    no_place = [replace(CHECKS[0], call_site=None), replace(CHECKS[0], status=Status.INCONCLUSIVE)]
    assert run(no_place)["results"] == []


def test_a_result_has_what_the_standard_and_github_ask_for() -> None:
    """Rule, message, a location below the top of the repository, a fingerprint."""
    result = run()["results"][0]
    assert result["message"]["text"].startswith("GET /items/: SELECT")
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "items/views.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 33},
    }
    assert location["logicalLocations"] == [{"name": "item_list", "kind": "function"}]
    template = run()["results"][1]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert template["uri"] == "items/templates/items/list.html"


def test_rules_are_declared_once_and_pointed_at() -> None:
    """By index and id."""
    found = run([*CHECKS, *CHECKS])
    rules = found["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["perfctl/n_plus_one", "perfctl/queries"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in found["results"])
    assert all(rule["shortDescription"]["text"] for rule in rules)


def test_a_fingerprint_outlives_a_moved_line() -> None:
    """And tells functions apart."""

    def fingerprint(call_site: str) -> str:
        found = run([replace(CHECKS[0], call_site=call_site)])["results"][0]
        return str(found["partialFingerprints"]["perfctl/v1"])

    assert fingerprint("a.py:3 in f") == fingerprint("a.py:99 in f")
    assert fingerprint("a.py:3 in f") != fingerprint("a.py:3 in g")


def test_names_of_files_are_uris() -> None:
    """Blanks and more are quoted, and no text is more than text."""
    bad = replace(CHECKS[0], call_site="my app/vi%ews.py:3 in f", evidence=HOSTILE)
    result = run([bad])["results"][0]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "my%20app/vi%25ews.py"
    assert "\x1b" not in result["message"]["text"]
