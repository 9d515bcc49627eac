"""`perfctl deps` as its users run it, with an environment of its own and services on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from perfctl.store import connection
from tests.commands.conftest import Perfctl
from tests.deps.doubles import DATA, Index, Osv, serving, slice_of_records


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment with two packages, one of them vulnerable."""
    folder = tmp_path / "venv"
    site = folder / "lib" / "python3.11" / "site-packages"
    for name, version in (("Jinja2", "3.1.2"), ("six", "1.16.0")):
        place = site / f"{name}-{version}.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n\n")
    return folder


@pytest.fixture
def osv() -> Iterator[Osv]:
    """An advisory service."""
    with serving(Osv(records=slice_of_records())) as double:
        assert isinstance(double, Osv)
        yield double


def test_a_finding_is_exit_1(perfctl: Perfctl, venv: Path, osv: Osv) -> None:
    """With the keys that scripts read, and the coverage in every face."""
    line = ("deps", "--venv", venv, "--osv-url", osv.url, "--no-outdated")
    done = perfctl(*line, "--format", "json")
    assert done.code == 1
    data = done.json["data"]
    assert (data["audited"], data["total"], data["target"]) == (2, 2, str(venv))
    first, second = data["packages"]
    assert (first["name"], first["installed"], first["status"]) == ("jinja2", "3.1.2", "vulnerable")
    assert first["vulnerabilities"][0]["id"] == "CVE-2024-22195"
    assert first["vulnerabilities"][0]["fixed_in"] == ["3.1.3"]
    assert (second["name"], second["status"]) == ("six", "ok")
    text = perfctl(*line).out
    assert "audited 2 of 2 by pip-audit" in text
    assert "CVE-2024-22195 medium 5.4 · fixed in 3.1.3" in text
    assert perfctl(*line, "--fail-on", "high").code == 0
    assert perfctl(*line, "--fail-on", "never").code == 0


def test_what_nobody_answered_is_exit_3(perfctl: Perfctl, venv: Path, osv: Osv) -> None:
    """Nothing is called clean, and nothing saved as such."""
    osv.fault = "html"
    store = venv.parent / "store" / "perfctl.db"
    line = ("deps", "--venv", venv, "--osv-url", osv.url, "--no-outdated")
    done = perfctl(*line, "--save", "--format", "json", db=store)
    assert done.code == 3
    assert {row["status"] for row in done.json["data"]["packages"]} == {"unverified"}
    assert "audited 0 of 2" in perfctl(*line).out
    kept = perfctl("query", "SELECT count(*) AS n FROM v_dependencies", "--format", "csv", db=store)
    assert kept.out == "n\n2\n"
    with connection.reading(store) as con:
        assert con.execute("SELECT complete, audited FROM dependency_scan").fetchall() == [(0, 0)]
    assert perfctl(*line, "--allow-unverified", "six", "--allow-unverified", "jinja2").code == 0


def test_a_scan_is_saved_and_shown_again(perfctl: Perfctl, venv: Path) -> None:
    """And what is new since then."""
    store = venv.parent / "store" / "perfctl.db"
    line = ("deps", "--venv", venv, "--offline", DATA, "--no-outdated")
    assert perfctl("deps", "--last", db=store).code == 3
    first = perfctl(*line, "--save", "--format", "json", db=store)
    assert first.code == 1
    last = perfctl("deps", "--last", "--format", "json", db=store)
    assert (last.code, last.json["data"]) == (1, first.json["data"])
    again = perfctl(*line, "--format", "json", db=store).json["data"]
    assert {v["is_new"] for row in again["packages"] for v in row["vulnerabilities"]} == {False}


def test_what_is_newer(perfctl: Perfctl, venv: Path) -> None:
    """By the index that pip is configured for."""
    pages = {
        name: {"files": [{"filename": f"{name}-{version}.tar.gz", "url": "x", "hashes": {}}]}
        for name, version in (("jinja2", "3.1.6"), ("six", "1.17.0"))
    }
    with serving(Index(projects=pages)) as index:  # type: ignore[arg-type]  # pages
        env = {"PIP_INDEX_URL": index.url, "PIP_CONFIG_FILE": "/dev/null"}
        done = perfctl("deps", "--venv", venv, "--offline", DATA, "--format", "json", env=env)
    assert [(r["name"], r["latest"], r["update_type"]) for r in done.json["data"]["packages"]] == [
        ("jinja2", "3.1.6", "PATCH"),
        ("six", "1.17.0", "MINOR"),
    ]


def test_the_project_says_how(perfctl: Perfctl, venv: Path, tmp_path: Path) -> None:
    """`[tool.perfctl.deps]`, from which the command line may differ."""
    config = tmp_path / "perfctl.toml"
    config.write_text(
        f'[deps]\noffline = "{DATA}"\nfail_on = "high"\n'
        '[[deps.ignore]]\nid = "CVE-0"\nreason = "gone"\nuntil = 2099-01-01\n'
    )
    line = ("--config", config, "deps", "--venv", venv, "--no-outdated")
    done = perfctl(*line)
    assert done.code == 0
    assert "the ignore of CVE-0 is of no use any more" in done.out
    assert perfctl(*line, "--fail-on", "low").code == 1
    assert perfctl(*line, "--max-age", "7d").code == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("--venv", "/nowhere"),
        ("--python", "/nowhere/python"),
        ("-r", "/nowhere/requirements.txt"),
        ("--offline", "/nowhere"),
        ("--osv-url", "ftp://x"),
        ("--max-age", "soon"),
        ("--fail-on", "sometimes"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2(perfctl: Perfctl, venv: Path, arguments: tuple[str, ...]) -> None:
    """In one line; nothing is audited in place of what is not there."""
    said = (
        arguments if arguments[0] in ("--venv", "--python") else ("--venv", str(venv), *arguments)
    )
    done = perfctl("deps", "--no-outdated", *said)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.strip().splitlines()) <= 2
