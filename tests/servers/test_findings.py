"""What the README of the example promises is what perfctl answers, under either kind of server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .harness import VAULT, Kind, ask, serving, traffic


@pytest.fixture(scope="module", params=[Kind.GTHREAD, Kind.UVICORN], ids=lambda kind: kind.name)
def recorded(
    request: pytest.FixtureRequest, seeded: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a server that has had 300 visits."""
    folder = tmp_path_factory.mktemp("recorded")
    made = [visit for visit in traffic.visits(300, seed=3) if visit.path != traffic.SIGN_OUT]
    with serving(folder, request.param, database=seeded, workers=1) as server:
        for user in traffic.fake.USERS:
            server.sign_in(user)
        assert server.load(made) == 0
        assert [answer for answer in server.answers if answer.status != answer.visit.status] == []
    ask(folder, "collect")
    return folder


def test_only_the_deliberate_n_plus_one_are_found(recorded: Path) -> None:
    """Both of them, at each request, and none anywhere else."""
    endpoints = _endpoints(recorded)
    found = {route: row["n_plus_one"] for (_, route), row in endpoints.items() if row["n_plus_one"]}
    assert found == {
        route: endpoints["GET", route]["count"] for route in ("/items/audit/", "/items/shared/")
    }


def test_an_n_plus_one_is_told_with_its_line(recorded: Path) -> None:
    """Each that asks for tags is found where the project's own code asks: a view, a template."""
    patterns = ask(recorded, "database")["patterns"]
    sites = {
        row["call_site"] for row in patterns if row["n_plus_one"] and "items_tag" in row["sql"]
    }
    views = VAULT / "items" / "views.py"
    page = VAULT / "items" / "templates" / "items" / "shared.html"
    assert sites == {
        f"items/views.py:{_line(views, 'in item.tags.all()')} in item_audit",
        f"items/shared.html:{_line(page, 'in share.item.tags.all')}",
    }


def test_the_bug_is_an_error_and_refusals_are_not(recorded: Path) -> None:
    """500s of the one view that raises; 400, 401 and 404 are no errors."""
    failing = {route for (_, route), row in _endpoints(recorded).items() if row["error_rate"]}
    assert failing == {"/shares/<int:pk>/expiry/"}
    failed = ask(recorded, "requests", "--failed", "--limit", "0")["requests"]
    assert {(row["route"], row["status"]) for row in failed} == {("/shares/<int:pk>/expiry/", 500)}


def test_the_cache_is_seen_by_its_prefix(recorded: Path) -> None:
    """The strength of an item is judged once, then found."""
    assert _endpoints(recorded)["GET", "/items/<int:pk>/strength/"]["cache_hit_rate"] > 0
    assert {row["prefix"] for row in ask(recorded, "cache")["caches"]} == {"strength"}


def test_the_probe_is_left_out(recorded: Path) -> None:
    """What the load balancer asks is no traffic; what does not exist is one line."""
    routes = {route for _, route in _endpoints(recorded)}
    assert "/healthz" not in routes
    assert "(unmatched)" in routes


def _endpoints(folder: Path) -> dict[tuple[str, str], Any]:
    rows = ask(folder, "endpoints")["endpoints"]
    return {(row["method"], row["route"]): row for row in rows}


def _line(path: Path, text: str) -> int:
    lines = path.read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)
