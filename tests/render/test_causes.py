"""The texts of `deploy`, `why` and `endpoints --compare`: they fit, say all, and obey nobody."""

from __future__ import annotations

from typing import Any

import pytest

from perfctl.answers.answer import Answer
from perfctl.answers.compare import Before, Change, ComparedEndpoint
from perfctl.answers.deploys import DeployRow, PackageChange, PackageChanges
from perfctl.render import compare, deploys, why
from perfctl.render.glyphs import width
from tests.render.samples import HOSTILE, STORE, answer, console, endpoint

AT = "2026-11-24T11:40:00.000Z"


def deploy(name: str = "v1.4.2", **changes: Any) -> DeployRow:
    """One mark."""
    row = DeployRow(
        id=7, name=name, at=AT, state="marked", release=name, ref=name, commit="9c1e2f3a" * 5,
        environment="production", host="web1", origin="GITHUB_SHA",
        first_request_at="2026-11-24T11:42:00.000Z", python_environment="/srv/vault/.venv",
        packages=84, changes=[PackageChange("django", "5.2.1", "5.2.8")],
    )  # fmt: skip
    return row._replace(**changes)


def listed(*rows: DeployRow) -> Answer:
    """The list of deploys."""
    changed = [PackageChanges(AT, "web1", "/srv/vault/.venv", [PackageChange("six", "1", None)])]
    return answer("deploy", {"deploys": list(rows), "package_changes": changed}, window=None)


def suspect(kind: str, what: str, under: str | None = None, **changes: Any) -> dict[str, Any]:
    """A suspect as the answer holds it."""
    row = {"kind": kind, "what": what, "score": 0.98, "for": ["deployed 1 min before"],
           "against": [], "under": under}  # fmt: skip
    return row | changes


def explained(**changes: Any) -> Answer:
    """A change with a deploy, its query, and a suspect that is unlikely."""
    change = {
        "metric": "request_p50", "unit": "ms", "at": AT, "from": 13.5, "to": 29.4, "ratio": 2.18,
        "interval": {"since": "2026-11-24T11:35:00.000Z", "until": "2026-11-24T11:45:00.000Z"},
        "is_worse": True, "samples": {"before": 600, "after": 360}, "strength": 6.4,
        "is_assumed": False, "until": AT, "other_routes": {"moved": 0, "of": 5},
    }  # fmt: skip
    data = {
        "subject": {"kind": "route", "name": "GET /items/", "alert": None},
        "verdict": "found",
        "change": change,
        "suspects": [
            suspect("deploy", "v1.4.2"),
            suspect("query", "0123456789ab: SELECT * FROM tag WHERE item_id = ?", "v1.4.2"),
            suspect("cpu", "cpu 30 % → 52 %", score=0.2, against=["requests do otherwise"]),
        ],
        "cleared": [{"kind": "traffic", "what": "traffic 24.0 → 24.0 requests a minute"}],
        "unknown": [{"kind": "queue", "what": "queue time was not measured"}],
        "other_changes": [change],
    }
    return answer("why", data | changes)


def compared(**changes: Any) -> Answer:
    """Two routes, one of them new."""
    rows = [
        ComparedEndpoint(**_fields(endpoint()), before=Before(900, 6.2, 80.0, 49.1, 200.0, 0, 4.0),
                         change=Change(1.4, 2.0, 2.06, 3.1, 8.3, 0.0042, [])),
        ComparedEndpoint(**_fields(endpoint("/new/")), before=None, change=None),
    ]  # fmt: skip
    other = {"what": "deploy:v1", "deploy": "v1", "since": AT, "until": AT, "samples": 900}
    gone = [{"method": "GET", "route": "/gone/", "count": 3}]
    return answer("endpoints", {"endpoints": rows, "compared_with": other, "gone": gone} | changes)


def _fields(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


CASES = [(deploys, listed(deploy(), deploy("v1.4.1"))), (why, explained()), (compare, compared())]


@pytest.mark.parametrize(("face", "found"), CASES)
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_it_fits_the_terminal(face: Any, found: Answer, columns: int) -> None:
    """No line is wider than it."""
    text = face.render(found, console(columns), store=STORE)
    assert max(width(line) for line in text.splitlines()) <= columns


def test_suspects_are_numbered_and_their_parts_stand_below() -> None:
    """What speaks for the whole is not said again of a part."""
    lines = why.render(explained(), console(None), store=STORE).splitlines()

    assert " 1 0.98  deploy v1.4.2" in lines
    place = lines.index(" 1 0.98  deploy v1.4.2")
    assert lines[place + 1] == "         + deployed 1 min before"
    assert lines[place + 2].startswith("   0.98  query 0123456789ab")
    assert lines[place + 3] == " 2 0.20  cpu 30 % → 52 %"
    assert "         − requests do otherwise" in lines
    assert any(line.startswith("not it       traffic 24.0") for line in lines)
    assert any(line.startswith("cannot tell  queue time") for line in lines)
    assert any(line.startswith("also         2026-11-24 12:40") for line in lines)
    assert any("2026-11-24 12:40 CET (95 %: 12:35 – 12:45)" in line for line in lines)
    assert lines[-1] == "It fits in time and figures; that is no proof."


def test_what_holds_for_several_is_said_once() -> None:
    """CPU and memory are of the same sample."""
    said = "no sample of the machine on both sides"
    unknown = [{"kind": "cpu", "what": said}, {"kind": "memory", "what": said}]
    text = why.render(explained(unknown=unknown), console(None), store=STORE)
    assert text.count(said) == 1


def test_where_nothing_fits_it_says_where_to_look() -> None:
    """Instead of naming somebody."""
    text = why.render(explained(verdict="nothing_fits", suspects=[]), console(80), store=STORE)
    assert "Nothing that perfctl knows of fits" in text
    assert "no proof" not in text


def test_what_came_after_an_alert_is_listed() -> None:
    """It is no cause, and no noise either."""
    found = explained(
        verdict="no_change", change=None, suspects=[], cleared=[], unknown=[],
        subject={"kind": "alert", "name": "GET /items/", "alert": "k3x9m2pq"},
    )  # fmt: skip
    text = why.render(found, console(None), store=STORE)
    assert "It did not turn for the worse before the alert began." in text
    assert "also         2026-11-24 12:40 13.5 ms → 29.4 ms" in text
    assert "usual noise" not in text


def test_each_deploy_has_its_changes_below() -> None:
    """And packages that changed without one a table of their own."""
    text = deploys.render(listed(deploy()), console(None), store=STORE)
    assert "django 5.2.1 → 5.2.8" in text
    assert "six 1 (removed)" in text
    assert "9c1e2f3a9c1e" in text


def test_a_comparison_has_both_sides() -> None:
    """What is new is said to be, what is gone too."""
    text = compare.render(compared(), console(None), store=STORE)
    assert "200ms → 412ms" in text
    assert "4 → 12.3" in text
    assert "new" in text
    assert "GET /gone/" in text
    assert "900 requests before v1" in text


@pytest.mark.parametrize("face", ["deploy", "why", "compare"])
def test_text_from_outside_stays_text(face: str) -> None:
    """Names of releases, packages, hosts, queries and routes."""
    match face:
        case "deploy":
            row = deploy(HOSTILE, host=HOSTILE, environment=HOSTILE,
                         changes=[PackageChange(HOSTILE, None, HOSTILE)])  # fmt: skip
            text = deploys.render(listed(row), console(80), store=STORE)
        case "why":
            rows = [suspect("deploy", HOSTILE, **{"for": [HOSTILE], "against": [HOSTILE]})]
            found = explained(
                suspects=rows,
                cleared=[{"kind": "host", "what": HOSTILE}],
                subject={"kind": "route", "name": HOSTILE, "alert": None},
            )
            text = why.render(found, console(80), store=STORE)
        case _:
            gone = [{"method": "GET", "route": HOSTILE, "count": 3}]
            text = compare.render(compared(gone=gone), console(80), store=STORE)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "‮" not in text
    assert "\r" not in text
    assert "red" in text
