"""Lists of what is exploited, and of what is likely to be."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from perfctl.deps.threats import Threats, read_threats, with_threats
from perfctl.errors import UsageError
from tests.deps.test_keeping import FLAW, package, scan

KEV = {"title": "CISA Catalog", "vulnerabilities": [{"cveID": "CVE-1"}, {"cveID": "CVE-9"}]}
EPSS = "#model_version:v2025.03.14,score_date:2026-11-24\ncve,epss,percentile\nCVE-1,0.94,0.99\n"


def test_both_lists_in_their_kinds(tmp_path: Path) -> None:
    """KEV as JSON and CSV, EPSS packed and not."""
    kev, epss = tmp_path / "kev", tmp_path / "epss"
    for kev_text in (json.dumps(KEV), "cveID,vendorProject\nCVE-1,x\nCVE-9,y\n"):
        for data in (EPSS.encode(), gzip.compress(EPSS.encode())):
            kev.write_text(kev_text)
            epss.write_bytes(data)
            found = read_threats(kev, epss)
            assert found == Threats(frozenset({"CVE-1", "CVE-9"}), {"CVE-1": 0.94})
    assert read_threats(None, None) == Threats()


def test_what_they_say_of_a_scan() -> None:
    """By any name; without a list it is not known, which is not no."""
    alias = replace(FLAW, id="GHSA-1", aliases=["CVE-1"], epss=None)
    other = replace(FLAW, id="CVE-2", aliases=[], epss=None)
    found = scan(package(vulnerabilities=[alias, other]))
    marked = with_threats(found, Threats(frozenset({"CVE-1"}), {"CVE-1": 0.94}))
    assert [(v.exploited, v.epss) for v in marked.packages[0].vulnerabilities] == [
        (True, 0.94),
        (False, None),
    ]
    unmarked = with_threats(found, Threats()).packages[0].vulnerabilities
    assert [(v.exploited, v.epss) for v in unmarked] == [(None, None)] * 2


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "a,b\n1,2\n", "cveID\n", "cve,epss\n", "cve,epss\nCVE-1,x\n"]
)
def test_what_is_no_list_is_wrong_usage(tmp_path: Path, text: str) -> None:
    """Never one that names nothing."""
    path = tmp_path / "list"
    path.write_text(text)
    with pytest.raises(UsageError, match="list"):
        read_threats(path, None)
    with pytest.raises(UsageError, match="list"):
        read_threats(None, path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_threats(tmp_path / "missing", None)
