"""Advisories of OSV: which versions they are about, how severe they are, which are one flaw."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from perfctl.deps.advisories import Advisory, parse_advisory
from perfctl.deps.severity import Severity, of_vector, of_word
from perfctl.deps.vulnerabilities import vulnerabilities_of

DEMO = canonicalize_name("demo")


def record(name: str = "PYSEC-1", **changes: Any) -> dict[str, Any]:
    """A record about demo before 1.4."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.4"}]}]
    affected = [{"package": {"ecosystem": "PyPI", "name": "Demo"}, "ranges": ranges}]
    return {"id": name, "modified": "2026-01-01T00:00:00Z", "affected": affected} | changes


def branches(*events: list[dict[str, str]], versions: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What a record affects, a range a branch."""
    ranges = [{"type": "ECOSYSTEM", "events": list(span)} for span in events]
    package = {"ecosystem": "PyPI", "name": "demo"}
    return [{"package": package, "ranges": ranges, "versions": list(versions)}]


def parsed(**changes: Any) -> Advisory:
    """That record, read."""
    found = parse_advisory(record(**changes))
    assert found is not None
    return found


TWO_BRANCHES = branches(
    [{"introduced": "2.0"}, {"fixed": "2.0.6"}], [{"introduced": "0"}, {"fixed": "1.26.17"}]
)


@pytest.mark.parametrize(
    ("affected", "version", "is_affected"),
    [
        (TWO_BRANCHES, "1.26.16", True),
        (TWO_BRANCHES, "1.26.17", False),
        (TWO_BRANCHES, "2.0", True),
        (TWO_BRANCHES, "2.0.6", False),
        (branches([{"introduced": "1.0"}, {"last_affected": "1.2"}]), "1.2", True),
        (branches([{"introduced": "1.0"}, {"last_affected": "1.2"}]), "1.2.1", False),
        (branches([{"introduced": "1.0"}]), "99", True),
        (branches([{"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "1.5"}]), "1.2", False),
        (branches([{"fixed": "1.0"}, {"introduced": "0"}]), "0.9", True),
        (branches(versions=("1.0",)), "1.0.0", True),
        (branches([{"introduced": "0"}, {"fixed": "1.0"}]), "1.0rc1", True),
        (branches([{"introduced": "0"}, {"fixed": "1.0"}]), "0.0.dev1", True),
        (branches([{"introduced": "no version"}, {"fixed": "2"}]), "1.0", True),
    ],
)
def test_versions_that_are_affected(
    affected: list[dict[str, Any]], version: str, is_affected: bool
) -> None:
    """By the evaluation algorithm of OSV; what cannot be read makes no range smaller."""
    assert parsed(affected=affected).affects(DEMO, Version(version)) is is_affected


def test_names_are_those_of_the_index() -> None:
    """`Demo`, `demo` and `de_mo` as PEP 503 has them."""
    assert parsed().affects(DEMO, Version("1.3"))


@pytest.mark.parametrize(
    "changes",
    [{"withdrawn": "2026-02-01T00:00:00Z"}, {"affected": []}],
)
def test_what_is_withdrawn_or_of_another_ecosystem_is_none(changes: dict[str, Any]) -> None:
    """A withdrawn record was wrong; one about npm is for others."""
    assert parse_advisory(record(**changes)) is None
    other = [{"package": {"ecosystem": "npm", "name": "demo"}}]
    assert parse_advisory(record(affected=other)) is None


@pytest.mark.parametrize("text", [{}, {"id": "X"}, {"id": "X", "affected": [1]}])
def test_what_is_no_record_is_an_error(text: dict[str, Any]) -> None:
    """Never taken for one that is about nothing."""
    with pytest.raises(ValueError, match="not a record"):
        parse_advisory(text)


@pytest.mark.parametrize(
    ("vector", "severity", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Severity.CRITICAL, 9.8),
        ("CVSS:3.0/AV:N/AC:H/PR:H/UI:N/S:U/C:H/I:H/A:N", Severity.MEDIUM, 5.9),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Severity.CRITICAL, 9.3),
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", Severity.HIGH, 10.0),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", Severity.HIGH, 7.5),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Severity.NONE, 0.0),
    ],
)
def test_vectors(vector: str, severity: Severity, score: float) -> None:
    """Bands of FIRST for v3 and v4, of NVD for v2."""
    assert of_vector(vector) == (severity, score)


@pytest.mark.parametrize("vector", ["", "CVSS:3.1/AV:N", "CVSS:9.9/AV:N", "high", "CVSS:3.1/"])
def test_what_is_no_vector(vector: str) -> None:
    """Unknown, never zero."""
    assert of_vector(vector) is None


def test_words() -> None:
    """GitHub says moderate, Red Hat important."""
    words = ["LOW", "Moderate", "important", "CRITICAL", "whatever"]
    assert [of_word(word).word for word in words] == [
        "low",
        "medium",
        "high",
        "critical",
        "unknown",
    ]


V3_HIGH = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"


def test_records_of_one_flaw_are_one() -> None:
    """Also through the alias of a third; the highest rating gates, all are kept."""
    pysec = record("PYSEC-1", aliases=["CVE-1"], severity=[{"type": "CVSS_V3", "score": V3_HIGH}])
    word = {"severity": "MODERATE"}
    ghsa = record("GHSA-1", aliases=["CVE-1"], database_specific=word, summary="A flaw.\nMore.")
    other = record("PYSEC-2")
    third = record("X-1", aliases=["GHSA-1"])
    advisories = [found for r in (other, pysec, third, ghsa) if (found := parse_advisory(r))]

    first, second = vulnerabilities_of(DEMO, Version("1.3"), advisories)

    assert (second.id, second.severity) == ("CVE-1", Severity.HIGH)
    assert (second.aliases, second.score) == (("GHSA-1", "PYSEC-1", "X-1"), 7.5)
    assert [(r.source, r.severity.word) for r in second.ratings] == [
        ("PYSEC-1", "high"),
        ("GHSA-1", "medium"),
    ]
    assert second.summary == "A flaw."
    assert (first.id, first.severity, first.score) == ("PYSEC-2", Severity.UNKNOWN, None)


def test_the_fix_is_one_that_no_record_is_about() -> None:
    """Of its branch, and of the later where two differ; a version that another range holds is none."""
    narrow = record("A-1", affected=TWO_BRANCHES)
    wide = record(
        "B-1", aliases=["A-1"], affected=branches([{"introduced": "0"}, {"fixed": "1.26.18"}])
    )
    advisories = [found for r in (narrow, wide) if (found := parse_advisory(r))]
    (only,) = vulnerabilities_of(DEMO, Version("1.26.5"), advisories)
    assert only.fixed_in == Version("1.26.18")

    (only,) = vulnerabilities_of(
        DEMO, Version("1.0"), [parsed(affected=branches([{"introduced": "0"}]))]
    )
    assert only.fixed_in is None
