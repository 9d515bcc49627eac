"""What an environment holds, read from its metadata."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perfctl.collectors.packages import Environment
from perfctl.deps.inventory import Inventory, read_environment, requirers_of


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An empty site-packages."""
    folder = tmp_path / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    return folder


def install(site: Path, name: str, version: str | None, *requires: str, **files: str) -> None:
    """The metadata of a package."""
    folder = site / f"{name.replace('-', '_')}-{version or '0'}.dist-info"
    folder.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}"]
    lines += [f"Version: {version}"] if version is not None else []
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    (folder / "METADATA").write_text("\n".join(lines) + "\n\n")
    for file, text in files.items():
        (folder / file).write_text(text)


def read(site: Path) -> Inventory:
    """What is installed."""
    return read_environment(Environment(str(site), "named", (str(site),)))


def test_names_versions_and_what_is_required(site: Path) -> None:
    """Normalised; extras and other systems are left out of what is required."""
    install(
        site, "Flask_Thing", "1.0", "werkzeug>=2", "win ; sys_platform == 'win32'",
        "dot ; extra == 'x'",
    )  # fmt: skip
    install(site, "Werkzeug", "2.1+local")
    found = read(site)
    assert [(p.name, p.installed) for p in found.packages] == [
        ("flask-thing", "1.0"),
        ("werkzeug", "2.1+local"),
    ]
    assert (
        str(found.by_name()["werkzeug"].release)
        == "Release(name='werkzeug', version=<Version('2.1')>)"
    )
    assert {n: [p.name for p in by] for n, by in requirers_of(found.packages).items()} == {
        "werkzeug": ["flask-thing"]
    }
    assert (found.python, found.remarks) == ("3.11", ())


def test_what_nobody_requires_is_direct(site: Path) -> None:
    """Unless the installer has noted what was asked for."""
    install(site, "app", "1", "lib")
    install(site, "lib", "1")
    assert {p.name: p.is_direct for p in read(site).packages} == {"app": True, "lib": False}
    install(site, "asked", "1", REQUESTED="")
    assert {p.name for p in read(site).packages if p.is_direct} == {"asked"}


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        ({"url": "file:///x", "dir_info": {"editable": True}}, "installed from a folder, editable"),
        ({"url": "file:///x", "dir_info": {}}, "installed from a folder"),
        ({"url": "https://x", "vcs_info": {"vcs": "git"}}, "installed from a repository"),
        ({"url": "https://x/a.whl", "archive_info": {}}, "installed from a URL"),
    ],
)
def test_what_comes_from_elsewhere_cannot_be_looked_up(
    site: Path, origin: dict[str, object], problem: str
) -> None:
    """Its version says nothing of what it holds."""
    install(site, "own", "1.0", **{"direct_url.json": json.dumps(origin)})
    (package,) = read(site).packages
    assert (package.problem, package.release, package.installed) == (problem, None, "1.0")


@pytest.mark.parametrize("version", ["2004d-dev-x", "unknown", None])
def test_a_version_that_is_none_is_a_problem(site: Path, version: str | None) -> None:
    """Never looked up as something else."""
    install(site, "odd", version)
    (package,) = read(site).packages
    assert package.problem is not None
    assert package.release is None


def test_metadata_without_a_name_is_told(site: Path) -> None:
    """It is a package that is not audited."""
    (site / "broken-1.0.dist-info").mkdir()
    (site / "broken-1.0.dist-info" / "METADATA").write_text("Version: 1.0\n\n")
    install(site, "fine", "1")
    found = read(site)
    assert [p.name for p in found.packages] == ["fine"]
    assert found.remarks == ("1 packages without a name or version",)
