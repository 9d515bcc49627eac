"""A whole scan with the real pip-audit and services on loopback: what is never called clean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from perfctl.deps import pip_audit
from perfctl.deps.ignores import Ignore
from perfctl.deps.inventory import Inventory, Package, pinned
from perfctl.deps.pip_audit import AuditFailed
from perfctl.deps.pipconfig import Indexes
from perfctl.deps.report import PackageRow, Scan, exit_code
from perfctl.deps.scan import Wanted, scan
from perfctl.deps.severity import Severity
from perfctl.errors import NoDataError, UsageError
from perfctl.model import DAY_MS
from tests.deps.doubles import DATA, Index, Osv, serving, slice_of_records

NOW_MS = 1_728_500_000_000
"""A day after the slice of advisories was made."""


def inventory(*packages: Package) -> Inventory:
    """A target with these packages."""
    return Inventory("/venv", "named", packages, "3.11")


WEB = inventory(pinned("jinja2", "3.1.2"), pinned("six", "1.16.0"), pinned("urllib3", "1.26.5"))
CLEAN = inventory(pinned("six", "1.16.0"))


def files(*names: str) -> dict[str, object]:
    """A page of an index."""
    return {"files": [{"filename": name, "url": name, "hashes": {}} for name in names]}


@pytest.fixture
def osv() -> Iterator[Osv]:
    """An advisory service."""
    with serving(Osv(records=slice_of_records())) as double:
        assert isinstance(double, Osv)
        yield double


@pytest.fixture
def index() -> Iterator[Index]:
    """An index that has all of them."""
    projects = {
        "jinja2": files("Jinja2-3.1.2-py3-none-any.whl", "Jinja2-3.1.6-py3-none-any.whl"),
        "six": files("six-1.16.0-py2.py3-none-any.whl", "six-1.17.0-py2.py3-none-any.whl"),
        "urllib3": files("urllib3-1.26.5-py2.py3-none-any.whl"),
    }
    with serving(Index(projects=projects)) as double:  # type: ignore[arg-type]  # pages
        assert isinstance(double, Index)
        yield double


@pytest.fixture
def wanted(osv: Osv, index: Index) -> Wanted:
    """Scan by both."""
    return Wanted(osv_url=osv.url, indexes=Indexes((index.url,)))


def row(found: Scan, name: str) -> PackageRow:
    """One package of a scan."""
    return next(row for row in found.packages if row.name == name)


def test_what_is_wrong_and_what_is_newer(wanted: Wanted) -> None:
    """With the severity that gates, the fix, and the kind of move."""
    found = scan(WEB, wanted, NOW_MS)
    assert {r.name: r.status for r in found.packages} == {
        "jinja2": "vulnerable",
        "six": "outdated",
        "urllib3": "vulnerable",
    }
    jinja, six = row(found, "jinja2"), row(found, "six")
    assert (jinja.latest, jinja.update_type) == ("3.1.6", "PATCH")
    assert (six.latest, six.update_type) == ("1.17.0", "MINOR")
    assert [(v.id, v.severity, v.fixed_in) for v in row(found, "urllib3").vulnerabilities] == [
        ("CVE-2023-43804", "high", ["1.26.17"]),
        ("CVE-2024-37891", "medium", ["1.26.19"]),
        ("CVE-2023-45803", "medium", ["1.26.18"]),
    ]
    assert (found.audited, found.total, found.is_complete) == (3, 3, True)
    assert (found.tool or "").startswith("pip-audit 2.")
    assert exit_code(found, Severity.LOW) == exit_code(found, Severity.HIGH) == 1
    assert exit_code(found, Severity.CRITICAL) == exit_code(found, None) == 0


@pytest.mark.parametrize("fault", ["500", "429", "html", "cut", "refused"])
def test_a_service_that_fails_is_exit_3(wanted: Wanted, osv: Osv, fault: str) -> None:
    """Nothing was audited, and nothing is clean; what is newer is known all the same."""
    osv.fault = fault
    if fault == "refused":
        wanted = wanted._replace(osv_url="http://127.0.0.1:1")
    found = scan(CLEAN, wanted, NOW_MS)
    (six,) = found.packages
    assert (six.status, six.latest) == ("unverified", "1.17.0")
    assert "127.0.0.1" in (six.problem or "")
    assert (found.audited, found.total, found.is_complete) == (0, 1, False)
    assert found.advisories_as_of is None
    assert exit_code(found, Severity.LOW) == exit_code(found, None) == 3


@pytest.mark.parametrize("fault", ["500", "429", "html", "cut"])
def test_an_index_that_fails_is_exit_3(wanted: Wanted, index: Index, fault: str) -> None:
    """It is not known whether something is newer; a finding is a finding."""
    index.fault = fault
    found = scan(WEB, wanted, NOW_MS)
    assert {r.name: r.status for r in found.packages} == {
        "jinja2": "vulnerable",
        "six": "unverified",
        "urllib3": "vulnerable",
    }
    assert exit_code(found, None) == 3
    assert exit_code(scan(CLEAN, wanted._replace(indexes=None), NOW_MS), Severity.LOW) == 0


def test_what_no_index_has_is_unverified_unless_that_is_allowed(wanted: Wanted) -> None:
    """As packages of one's own; an audit alone does not ask for it."""
    own = inventory(pinned("six", "1.16.0"), pinned("own-thing", "1.0"))
    found = scan(own, wanted, NOW_MS)
    assert row(found, "own-thing").problem == "no index has it"
    assert exit_code(found, Severity.LOW) == 3
    allowed = wanted._replace(allowed=frozenset({canonicalize_name("own.thing")}))
    found = scan(own, allowed, NOW_MS)
    assert (row(found, "own-thing").status, row(found, "own-thing").allowed) == ("unverified", True)
    assert exit_code(found, Severity.LOW) == 0


def test_what_cannot_be_looked_up_is_unverified(wanted: Wanted) -> None:
    """An editable package, a version that is none: named, counted, not audited."""
    editable = replace(pinned("own", "1.0"), problem="installed from a folder, editable")
    found = scan(inventory(editable, pinned("odd", "2004d")), wanted, NOW_MS)
    assert {r.name: r.problem for r in found.packages} == {
        "own": "installed from a folder, editable",
        "odd": "'2004d' is no version of PEP 440",
    }
    assert (found.audited, found.total) == (0, 2)
    assert exit_code(found, None) == 3


def test_a_target_without_packages_says_nothing(wanted: Wanted) -> None:
    """Exit 3: there is nothing that could be fine."""
    assert exit_code(scan(inventory(), wanted, NOW_MS), Severity.LOW) == 3


@pytest.mark.parametrize("said", ["failed", "other ids", "no ids"])
def test_a_pip_audit_that_says_otherwise_is_not_believed(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """Neither it nor the records then."""

    def audit(known: object) -> pip_audit.Report:
        if said == "failed":
            raise AuditFailed("a traceback")
        ids = ("CVE-1",) if said == "other ids" else ()
        return pip_audit.Report({p.release: ids for p in WEB.packages if p.release}, "2.10.1")

    monkeypatch.setattr("perfctl.deps.scan.pip_audit.audit", audit)
    found = scan(WEB, wanted, NOW_MS)
    assert row(found, "urllib3").status == "unverified"
    assert exit_code(found, None) == 3


def test_what_is_ignored_is_shown_and_does_not_gate(wanted: Wanted) -> None:
    """Until its end; an ignore without a finding is told."""
    jinja = inventory(pinned("jinja2", "3.1.2"))
    names = ("CVE-2024-22195", "GHSA-h75v-3vvj-5mfj", "CVE-0")
    ignores = tuple(Ignore(name, None, "no users", NOW_MS + 1) for name in names)
    found = scan(jinja, wanted._replace(ignores=ignores), NOW_MS)
    assert (row(found, "jinja2").status, found.ignores_unused) == ("outdated", ["CVE-0"])
    assert {v.ignored for v in row(found, "jinja2").vulnerabilities} == {"no users"}
    assert exit_code(found, Severity.LOW) == 0
    later = scan(jinja, wanted._replace(ignores=ignores), NOW_MS + 1)
    assert [v.ignore_ended for v in row(later, "jinja2").vulnerabilities] == [True, True]
    assert exit_code(later, Severity.LOW) == 1


def test_what_has_no_known_severity_fails(wanted: Wanted) -> None:
    """Whatever is asked for but never: nobody knows that it is harmless."""
    found = scan(inventory(pinned("django", "4.2.15")), wanted._replace(indexes=None), NOW_MS)
    assert {v.severity for v in row(found, "django").vulnerabilities} == {"unknown"}
    assert exit_code(found, Severity.CRITICAL) == exit_code(found, Severity.UNKNOWN) == 1
    assert exit_code(found, None) == 0


def test_a_quarantined_project_fails(wanted: Wanted, index: Index) -> None:
    """Whatever its advisories."""
    index.projects["six"]["project-status"] = {"status": "quarantined"}
    found = scan(CLEAN, wanted, NOW_MS)
    assert row(found, "six").project_status == "quarantined"
    assert exit_code(found, Severity.CRITICAL) == 1


def test_a_database_in_place_of_the_service(wanted: Wanted, osv: Osv) -> None:
    """Nothing is asked; its age is told, and may be too much."""
    offline = wanted._replace(offline=DATA, max_age_ms=2 * DAY_MS)
    found = scan(WEB, offline, NOW_MS)
    assert [r.vulnerabilities for r in found.packages] == [
        r.vulnerabilities for r in scan(WEB, wanted, NOW_MS).packages
    ]
    assert found.advisories_as_of == "2024-10-08T19:19:01.400Z"
    with pytest.raises(NoDataError, match="old"):
        scan(WEB, offline, NOW_MS + 2 * DAY_MS)
    with pytest.raises(UsageError):
        scan(WEB, wanted._replace(offline=Path("/nowhere")), NOW_MS)
