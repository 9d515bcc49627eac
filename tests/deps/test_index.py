"""Indexes asked with the real client, on loopback and on disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from perfctl.deps import index
from perfctl.deps.http import Refused
from perfctl.deps.index import Answer, NotListed
from perfctl.deps.pipconfig import DEFAULT_INDEX, Indexes, read_indexes
from perfctl.deps.releases import File, Page
from tests.deps.doubles import Index, serving

DEMO = canonicalize_name("demo")


def page(*files: dict[str, Any], **said: Any) -> dict[str, Any]:
    """A project's page."""
    return {"name": "demo", "files": list(files), **said}


WHEEL = {"filename": "demo-1.1-py3-none-any.whl", "url": "x", "hashes": {}}


@pytest.fixture
def double() -> Iterator[Index]:
    """An index with one project."""
    found = Index(projects={"demo": page(WHEEL)})
    with serving(found):
        yield found


def ask(*urls: str, **said: Any) -> Answer:
    """What the indexes say of demo."""
    return index.ask(Indexes(tuple(urls), **said), [DEMO])[DEMO]


@pytest.mark.parametrize("is_html", [False, True])
def test_a_page_in_json_and_in_html(double: Index, is_html: bool) -> None:
    """The same either way, but for what HTML has no place for."""
    double.is_html = is_html
    yanked = {**WHEEL, "filename": "demo-1.0.tar.gz", "yanked": "leaks", "requires-python": ">=3.8"}
    double.projects["demo"] = page(WHEEL, yanked)
    assert ask(f"{double.url}/simple") == Page(
        (File("demo-1.1-py3-none-any.whl"), File("demo-1.0.tar.gz", ">=3.8", "leaks"))
    )
    assert double.asked == ["GET /simple/demo/"]


def test_what_a_page_says_of_its_project(double: Index) -> None:
    """PEP 700 and 792: when a file came, and whether anybody cares for the project."""
    file = {**WHEEL, "upload-time": "2026-01-01T00:00:01Z", "yanked": False}
    status = {"status": "quarantined", "reason": "malware"}
    double.projects["demo"] = page(file, **{"project-status": status})
    assert ask(double.url) == Page(
        (File("demo-1.1-py3-none-any.whl", uploaded_ms=1_767_225_601_000),),
        "quarantined",
        "malware",
    )


@pytest.mark.parametrize("fault", ["500", "429", "html", "cut"])
def test_an_index_that_fails_is_no_answer(double: Index, fault: str) -> None:
    """Never "nothing newer"; also where another index answers."""
    double.fault = fault
    with serving(Index(projects={"demo": page(WHEEL)})) as other:
        assert isinstance(ask(double.url), Refused)
        assert isinstance(ask(other.url, double.url), Refused)
        assert isinstance(ask("http://127.0.0.1:1"), Refused)


def test_an_index_that_fails_once_is_asked_again(double: Index) -> None:
    """A page that comes at the second try is as good."""
    double.fault, double.faults_left = "500", 1
    assert isinstance(ask(double.url), Page)


def test_a_slow_index_is_not_waited_for(double: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time limit for each request."""
    monkeypatch.setattr("perfctl.deps.http.TIMEOUT_S", 0.2)
    monkeypatch.setattr("perfctl.deps.http.TRIES", 0)
    double.fault = "slow"
    begun = time.monotonic()
    assert isinstance(ask(double.url), Refused)
    assert time.monotonic() - begun < 20


def test_what_no_index_lists(double: Index) -> None:
    """Told apart from one that did not answer."""
    del double.projects["demo"]
    assert isinstance(ask(double.url), NotListed)


def test_files_of_all_indexes_count(double: Index, tmp_path: Path) -> None:
    """As for pip: of the main one, of extra ones, of folders."""
    folder = tmp_path / "simple" / "demo"
    folder.mkdir(parents=True)
    (folder / "demo-1.2.tar.gz").touch()
    links = tmp_path / "links"
    links.mkdir()
    for name in ("demo-1.3.tar.gz", "demo_other-9.tar.gz", "other-9.tar.gz"):
        (links / name).touch()

    found = ask(double.url, f"file://{tmp_path}/simple", find_links=(str(links),))

    assert isinstance(found, Page)
    assert sorted(file.name for file in found.files) == [
        "demo-1.1-py3-none-any.whl",
        "demo-1.2.tar.gz",
        "demo-1.3.tar.gz",
    ]


def test_secrets_of_an_index_are_not_shown(double: Index) -> None:
    """Nor where it fails."""
    double.fault = "500"
    found = ask(double.url.replace("http://", "http://ana:c4n4ry@"))
    assert isinstance(found, Refused)
    assert "c4n4ry" not in str(found)
    assert "127.0.0.1" in str(found)


def test_the_configuration_of_pip(tmp_path: Path) -> None:
    """The user's file, the environment's, then variables; each later one wins."""
    home, prefix = tmp_path / "home", tmp_path / "venv"
    (home / ".config/pip").mkdir(parents=True)
    prefix.mkdir()
    (home / ".config/pip/pip.conf").write_text(
        "[global]\nindex-url = https://one.invalid/simple/\nextra-index-url =\n  https://b.invalid/s\n"
        "  https://c.invalid/s\ntimeout = 3\n"
    )
    (prefix / "pip.conf").write_text("[install]\nindex-url = https://two.invalid/simple\n")
    environ = {"HOME": str(home), "XDG_CONFIG_DIRS": str(tmp_path / "none")}

    assert read_indexes(environ, None).urls[0] == "https://one.invalid/simple"
    assert read_indexes(environ, prefix).urls == (
        "https://two.invalid/simple",
        "https://b.invalid/s",
        "https://c.invalid/s",
    )
    environ["PIP_INDEX_URL"] = "https://three.invalid/simple"
    assert read_indexes(environ, prefix).urls[0] == "https://three.invalid/simple"
    environ["PIP_NO_INDEX"] = "1"
    assert read_indexes(environ, prefix).urls == ()


def test_without_configuration_it_is_the_public_index(tmp_path: Path) -> None:
    """As pip has it; `PIP_CONFIG_FILE=/dev/null` turns the files off."""
    assert read_indexes({"PIP_CONFIG_FILE": "/dev/null"}, tmp_path).urls == (DEFAULT_INDEX,)
