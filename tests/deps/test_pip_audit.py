"""The real pip-audit behind the loopback service: what it says, and when it is not believed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.version import Version

from perfctl.deps import feed, pip_audit, shim
from perfctl.deps.pip_audit import AuditFailed
from perfctl.errors import EnvironmentFault
from tests.deps.doubles import DATA
from tests.deps.test_feed import OLD, release


@pytest.fixture(scope="module")
def known() -> feed.Feed:
    """What the slice knows of old packages."""
    return feed.ask_database(DATA, OLD)


def test_it_finds_what_the_records_say(known: feed.Feed) -> None:
    """Each package that it was asked about, those without a finding too."""
    found = pip_audit.audit(known.known)
    assert found.ids.keys() == known.known.keys()
    assert {r.name: len(ids) for r, ids in found.ids.items()} == {
        "django": 16,
        "jinja2": 2,
        "requests": 2,
        "six": 0,
        "sqlparse": 1,
        "urllib3": 3,
    }
    assert Version(found.tool) >= pip_audit.LEAST


def test_a_package_that_was_not_looked_up_is_no_clean_one(
    known: feed.Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service does not answer for it, so the whole report is not believed."""
    less = {r: found for r, found in known.known.items() if r.name != "six"}
    monkeypatch.setattr("perfctl.deps.pip_audit.serving", lambda _: shim.serving(less))
    with pytest.raises(AuditFailed, match="without a report"):
        pip_audit.audit(known.known)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"dependencies": []}', "0 of 6"),
        ('{"dependencies": [{"name": "six", "version": "x", "vulns": []}]}', "cannot be read"),
        ('{"dependencies": [{"name": "six", "skip_reason": "no"}]}', "0 of 6"),
        ('{"dependencies": [{"name": "six", "version": "1.15", "vulns": []}]}', "1 of 6"),
    ],
)
def test_a_report_that_is_not_whole_is_not_believed(
    known: feed.Feed, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """Whatever its exit code."""
    monkeypatch.setattr("perfctl.deps.pip_audit._run", lambda *args: text)
    with pytest.raises(AuditFailed, match=said):
        pip_audit.audit(known.known)


def test_nothing_of_the_working_folder_runs(
    known: feed.Feed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor of HOME, nor what Python's variables name."""
    for name in ("pip", "pip_audit", "sitecustomize", "usercustomize", "requests"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "pypi")
    assert len(pip_audit.audit(known.known).ids) == 6
    assert not (tmp_path / "ran").exists()


def test_without_pip_audit_it_says_what_to_install(
    known: feed.Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 4; also for one that is too old."""
    for found in (None, "2.9.0"):
        monkeypatch.setattr("perfctl.deps.pip_audit.find_tool", lambda found=found: found)
        with pytest.raises(EnvironmentFault) as raised:
            pip_audit.audit(known.known)
        assert raised.value.hint == "pip install 'perfctl[audit]'"


def test_it_is_ended_when_it_takes_too_long(
    known: feed.Feed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And is then no report."""
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    monkeypatch.setattr("perfctl.deps.pip_audit.TIMEOUT_S", 0.2)
    with pytest.raises(AuditFailed, match="did not end"):
        pip_audit.audit({release("six", "1.16.0"): known.known[release("six", "1.16.0")]})
