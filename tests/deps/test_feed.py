"""Advisories looked up: at a service on loopback, and in a database on disk."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from perfctl.deps import feed
from perfctl.deps.feed import Feed, NoDatabase, Release
from tests.deps.doubles import DATA, Osv, serving, slice_of_records


def release(name: str, version: str) -> Release:
    """A package in a version."""
    return Release(canonicalize_name(name), Version(version))


OLD = [
    release("Django", "4.2.0"),
    release("requests", "2.28.0"),
    release("urllib3", "1.26.5"),
    release("Jinja2", "3.1.2"),
    release("sqlparse", "0.4.4"),
    release("six", "1.16.0"),
]


def ids(found: Feed) -> dict[str, list[str]]:
    """The ids of advisories by package."""
    return {r.name: sorted(x.advisory.id for x in records) for r, records in found.known.items()}


@pytest.fixture
def osv() -> Iterator[Osv]:
    """An advisory service."""
    double = Osv(records=slice_of_records())
    with serving(double):
        yield double


def test_one_question_for_all_packages(osv: Osv) -> None:
    """Then each record once, whichever packages it is about; what is not affected is known too."""
    found = feed.ask_service(osv.url, OLD)
    assert found.failed == {}
    assert found.known[release("six", "1.16.0")] == []
    assert len(found.known[release("django", "4.2.0")]) == 18
    assert osv.asked.count("POST /v1/querybatch") == 1
    assert len(osv.asked) == len(set(osv.asked)) == 1 + sum(map(len, ids(found).values()))


def test_an_address_with_and_without_its_version(osv: Osv) -> None:
    """`https://api.osv.dev` and `…/v1` are the same service."""
    assert ids(feed.ask_service(f"{osv.url}/v1/", OLD)) == ids(feed.ask_service(osv.url, OLD))


def test_pages_are_read_to_their_end(osv: Osv) -> None:
    """One id a page: all the same."""
    whole = ids(feed.ask_service(osv.url, OLD))
    osv.page = 1
    assert ids(feed.ask_service(osv.url, OLD)) == whole


def test_many_packages_are_asked_for_in_parts(osv: Osv, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service takes a thousand at once."""
    monkeypatch.setattr("perfctl.deps.feed.BATCH", 4)
    assert len(feed.ask_service(osv.url, OLD).known) == 6
    assert osv.asked.count("POST /v1/querybatch") == 2


@pytest.mark.parametrize("fault", ["500", "429", "html", "cut"])
def test_a_service_that_fails_leaves_nothing_known(osv: Osv, fault: str) -> None:
    """Each package with the reason; never clean."""
    osv.fault = fault
    found = feed.ask_service(osv.url, OLD)
    assert found.known == {}
    assert set(found.failed) == set(OLD)
    assert all("127.0.0.1" in reason for reason in found.failed.values())


def test_a_service_that_refuses_connections(osv: Osv) -> None:
    """The same."""
    assert set(feed.ask_service("http://127.0.0.1:1", OLD).failed) == set(OLD)


def test_a_record_that_cannot_be_had_leaves_its_packages_unknown(osv: Osv) -> None:
    """The others are known."""
    lost = next(r for r in osv.records if "jinja2" in json.dumps(r["affected"]))
    real = osv.answer

    def answer(method: str, path: str, body: object, accept: str) -> tuple[int, str, object]:
        return (
            (404, "text/html", b"")
            if path.endswith(lost["id"])
            else real(method, path, body, accept)
        )

    osv.answer = answer  # type: ignore[method-assign,assignment]
    found = feed.ask_service(osv.url, [*OLD, release("jinja2", "2.0")])
    assert {r.name for r in found.failed} == {"jinja2"}
    assert lost["id"] in " ".join(found.failed.values())


def test_a_service_that_recovers_is_believed(osv: Osv) -> None:
    """Asked again after a pause."""
    osv.fault, osv.faults_left = "500", 2
    assert len(feed.ask_service(osv.url, OLD).known) == 6


def test_a_folder_and_a_zip_say_the_same_as_the_service(osv: Osv, tmp_path: Path) -> None:
    """And how old they are."""
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for record in slice_of_records():
            file.writestr(f"{record['id']}.json", json.dumps(record))
    asked = feed.ask_service(osv.url, OLD)
    for place in (DATA, archive):
        found = feed.ask_database(place, OLD)
        assert ids(found) == ids(asked)
        assert found.as_of_ms == 1_728_415_141_400


def test_records_in_yaml(tmp_path: Path) -> None:
    """As the advisory database of PyPA keeps them."""
    (tmp_path / "PYSEC-1.yaml").write_text(
        "id: PYSEC-1\nmodified: 2024-01-01T00:00:00Z\naffected:\n- package:\n    ecosystem: PyPI\n"
        "    name: six\n  ranges:\n  - type: ECOSYSTEM\n    events:\n    - introduced: '0'\n"
    )
    found = feed.ask_database(tmp_path, OLD)
    assert ids(found)["six"] == ["PYSEC-1"]
    assert found.as_of_ms == 1_704_067_200_000


@pytest.mark.parametrize("kind", ["missing", "empty", "no zip", "no json", "no record"])
def test_what_is_no_database(tmp_path: Path, kind: str) -> None:
    """Never one that knows of nothing."""
    place = tmp_path / "db"
    if kind == "no zip":
        place.write_text("no zip")
    elif kind != "missing":
        place.mkdir()
    if kind == "no json":
        (place / "a.json").write_text("{")
    if kind == "no record":
        (place / "a.json").write_text('{"hello": 1}')
    with pytest.raises(NoDatabase):
        feed.ask_database(place, OLD)
