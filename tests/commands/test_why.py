"""`why` as its users run it: recorded hours, marks and collections, one question."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfctl.model import MINUTE_MS
from perfctl.units import iso_utc
from tests import environments
from tests.answers.scenes import HOUR, TAG, Site
from tests.commands.conftest import Perfctl

BEGIN, CHANGE = 5 * HOUR, 2 * HOUR


@pytest.fixture
def deployed(perfctl: Perfctl, store: Path, now_ms: int, tmp_path: Path) -> Path:
    """Hours of a site: two hours ago a deploy bumped a package and added a query per row."""
    venv = environments.make(tmp_path / "venv", django="5.2.1", django_filter="24.3")
    site = Site(store, now_ms)
    site.serve(BEGIN, CHANGE, release="v1.4.1")
    site.serve_others(BEGIN, CHANGE, release="v1.4.1")
    site.serve(CHANGE, per_row=20, release="v1.4.2")
    site.serve_others(CHANGE, release="v1.4.2")
    site.load(BEGIN)
    at = iso_utc(now_ms - (BEGIN + 5) * MINUTE_MS)
    perfctl("deploy", "mark", "v1.4.1", "--at", at, "--venv", venv, db=store)
    environments.install(venv, django_filter="25.1")
    at = iso_utc(now_ms - (CHANGE + 1) * MINUTE_MS)
    perfctl("deploy", "mark", "v1.4.2", "--at", at, "--venv", venv, db=store)
    return store


def test_the_deploy_comes_first_with_its_package_and_its_query(
    perfctl: Perfctl, deployed: Path
) -> None:
    """In JSON with all keys of the contract; CPU and traffic are cleared with their figures."""
    done = perfctl("why", "GET /items/", "--format", "json", db=deployed)

    assert done.code == 0
    assert done.json["schema"] == "perfctl.why/1"
    data = done.json["data"]
    assert {"at", "from", "to", "ratio", "interval"} <= set(data["change"])
    assert set(data["change"]["interval"]) == {"since", "until"}
    assert data["change"]["to"] > 1.8 * data["change"]["from"]
    for suspect in data["suspects"]:
        assert set(suspect) == {"kind", "what", "score", "for", "against", "under"}
    kinds = [(suspect["kind"], suspect["under"]) for suspect in data["suspects"]]
    assert kinds == [("deploy", None), ("query", "v1.4.2"), ("package", "v1.4.2")]
    deploy, query, package = data["suspects"]
    assert deploy["what"] == "v1.4.2"
    assert TAG in query["what"]
    assert package["what"] == "django-filter 24.3 → 25.1"
    cleared = {item["kind"]: item["what"] for item in data["cleared"]}
    assert {"cpu", "traffic"} <= set(cleared)
    assert "%" in cleared["cpu"]
    assert "requests a minute" in cleared["traffic"]


def test_the_table_says_it_in_words(perfctl: Perfctl, deployed: Path) -> None:
    """With the list of what it was not."""
    done = perfctl("why", "/items/", db=deployed)

    assert done.code == 0
    lines = done.out.splitlines()
    first = next(i for i, line in enumerate(lines) if "deploy v1.4.2" in line)
    query = next(i for i, line in enumerate(lines) if TAG in line)
    package = next(i for i, line in enumerate(lines) if "django-filter 24.3 → 25.1" in line)
    cleared = next(i for i, line in enumerate(lines) if line.startswith("not it"))
    assert first < query < package < cleared
    assert "cpu" in lines[cleared]


@pytest.mark.parametrize("fmt", ["ndjson", "csv", "tsv", "md"])
def test_other_formats_list_the_suspects(perfctl: Perfctl, deployed: Path, fmt: str) -> None:
    """A row each."""
    done = perfctl("why", "/items/", "--format", fmt, db=deployed)
    assert done.code == 0
    assert len(done.out.splitlines()) == 3 + {"ndjson": 0, "md": 2}.get(fmt, 1)


def test_a_metric_of_a_route(perfctl: Perfctl, deployed: Path) -> None:
    """`--metric`, and how far from the change a cause may lie."""
    data = perfctl(
        "why", "/items/", "--metric", "queries", "--around", "10s", "--format", "json", db=deployed
    ).json["data"]
    assert data["change"]["metric"] == "queries"
    assert (data["change"]["from"], data["change"]["to"]) == (2, 22)


def test_a_window_without_the_change_has_none(perfctl: Perfctl, deployed: Path) -> None:
    """What is asked about is what is looked at: no change is an answer, exit 0."""
    done = perfctl(
        "why", "/items/", "--since", "deploy:v1.4.1", "--until", "deploy:v1.4.2",
        "--format", "json", db=deployed,
    )  # fmt: skip
    assert done.code == 0
    assert done.json["data"]["verdict"] == "no_change"
    assert done.json["data"]["change"] is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("/itmes/",), 2),
        (("/items/", "--metric", "nonsense"), 2),
        (("/items/", "--around", "soon"), 2),
        ((), 2),
        (("/items/", "--since", "20m"), 3),
    ],
)
def test_exit_codes(
    perfctl: Perfctl, deployed: Path, arguments: tuple[str, ...], code: int
) -> None:
    """Wrong usage is 2 with nothing on stdout; too little to tell is 3 with the whole answer."""
    done = perfctl("why", *arguments, db=deployed)
    assert done.code == code
    assert bool(done.out) == (code == 3)


def test_a_store_without_data_cannot_tell(perfctl: Perfctl, store: Path, tmp_path: Path) -> None:
    """Of a metric the envelope, of a route the way to bring data; no store is made."""
    done = perfctl("why", "error_rate", "--format", "json", db=store)
    assert done.code == 3
    assert done.json["data"]["verdict"] == "cannot_tell"
    assert perfctl("why", "/items/", db=store).code == 3
    assert perfctl("why", "cpu", db=tmp_path / "none.db").code == 3
    assert not (tmp_path / "none.db").exists()


def test_names_from_outside_do_not_steer_the_terminal(
    perfctl: Perfctl, store: Path, now_ms: int
) -> None:
    """Of releases, packages and queries."""
    site = Site(store, now_ms)
    site.serve(BEGIN, CHANGE)
    site.serve(CHANGE, per_row=20, release="\x1b[2Jv2")
    site.install({"a": "1"}, BEGIN)
    site.install({"a": "1", "b\x1b[31m": "2‮"}, CHANGE)
    done = perfctl("why", "/items/", db=store)
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "‮" not in done.out
    assert "v2" in done.out
