"""The example does what its README says, view by view."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .site import (
    VAULT,
    Answer,
    Site,
    async_request,
    command,
    data,
    items,
    request,
    running,
    surprises,
    url_names,
    view_names_visited,
    visits,
)

NEW_ITEM = {
    "vault": 9,
    "kind": "login",
    "title": "Lighthouse",
    "website": "https://lighthouse.example/",
    "ciphertext": base64.b64encode(b"sealed").decode(),
    "secret_mac": "a" * 64,
    "strength": 4,
    "tags": [1, 2],
}


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/items/", "items/list.html"),
        ("/items/?page=2", "items/list.html"),
        ("/items/7/", "items/detail.html"),
        ("/items/search/?q=alice", "items/search.html"),
        ("/items/search/", "items/search.html"),
        ("/items/audit/", "items/audit.html"),
        ("/items/shared/", "items/shared.html"),
        ("/items/7/strength/", "items/strength.html"),
    ],
)
def test_a_page_uses_its_template(vault: Site, path: str, template: str) -> None:
    """Each page answers from its own template, in the frame of the site."""
    answer = vault(request, "GET", path)
    assert (answer.status, answer.template) == (200, template)
    assert "Sign out alice" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/items/",
        "/items/7/",
        "/items/search/",
        "/items/audit/",
        "/items/shared/",
        "/items/7/strength/",
        "/items/7/breach/",
        "/items/export.csv",
        "/vaults/1/backup/",
        "/shares/1/expiry/",
    ],
)
def test_a_page_sends_the_anonymous_to_the_login(vault: Site, path: str) -> None:
    """Nobody sees a page of a vault without a session."""
    answer = vault(request, "GET", path, None)
    assert (answer.status, answer.location) == (302, f"/accounts/login/?next={path}")


@pytest.mark.parametrize("path", ["/api/items/", "/api/items/7/"])
def test_the_api_answers_the_anonymous_401(vault: Site, path: str) -> None:
    """The JSON interface leads nowhere: it refuses."""
    answer = vault(request, "GET", path, None)
    assert (answer.status, json.loads(answer.text)) == (401, {"error": "Sign in first."})


@pytest.mark.parametrize(
    "path",
    [
        "/items/199/",
        "/items/199/strength/",
        "/items/199/breach/",
        "/api/items/199/",
        "/vaults/9/backup/",
        "/shares/49/expiry/",
        "/items/10000000/",
        "/nowhere",
        "/static/nothing.css",
    ],
)
def test_what_is_not_yours_does_not_exist(vault: Site, path: str) -> None:
    """Another user's item answers as a missing one does."""
    assert vault(request, "GET", path).status == 404


def test_signing_in_and_out(vault: Site) -> None:
    """The login page takes the seeded password, refuses another, and the logout leads back to it."""
    good = {"username": "bob", "password": "correct horse battery staple"}
    page = vault(request, "GET", "/accounts/login/", None)
    signed_in = vault(request, "POST", "/accounts/login/", None, data=good)
    refused = vault(request, "POST", "/accounts/login/", None, data=good | {"password": "no"})
    signed_out = vault(request, "POST", "/accounts/logout/", "bob")
    assert (page.status, page.template) == (200, "registration/login.html")
    assert (signed_in.status, signed_in.location) == (302, "/items/")
    assert (refused.status, refused.template) == (200, "registration/login.html")
    assert (signed_out.status, signed_out.location) == (302, "/accounts/login/")


def test_home_leads_to_the_items(vault: Site) -> None:
    """The bare address is a redirect."""
    answer = vault(request, "GET", "/")
    assert (answer.status, answer.location) == (302, "/items/")


def test_search_finds_by_title(vault: Site) -> None:
    """Only the items that hold the words come back."""
    title = next(item["title"] for item in vault(items) if item["id"] == 7)
    answer = vault(request, "GET", "/items/search/", data={"q": title})
    assert answer.text.count("/items/7/") == 1
    assert "Nothing found." in vault(request, "GET", "/items/search/?q=xyzzy").text


def test_the_list_asks_once_for_all_rows(vault: Site) -> None:
    """The list is the good example: the same few queries for each page."""
    answer = vault(request, "GET", "/items/")
    assert answer.text.count('<td><a href="/items/') == 25
    assert _row_queries(answer) == {"items_vault": 0, "auth_user": 1, "items_tag": 1}


def test_the_audit_asks_once_a_row(vault: Site) -> None:
    """The N+1 in Python: vault, owner and tags for each of 25 rows, above the signed-in user."""
    answer = vault(request, "GET", "/items/audit/")
    assert _row_queries(answer) == {"items_vault": 25, "auth_user": 26, "items_tag": 25}


def test_the_shared_items_ask_once_a_row(vault: Site) -> None:
    """The N+1 in the template: item, vault, owner and tags for each of 10 shares."""
    answer = vault(request, "GET", "/items/shared/")
    assert _row_queries(answer) == {"items_vault": 10, "auth_user": 11, "items_tag": 10}
    assert answer.queries_of("items_item") == 10


def test_the_strength_comes_from_the_cache(vault: Site) -> None:
    """The second look at an item's strength needs one query less and says the same."""
    first = vault(request, "GET", "/items/21/strength/")
    second = vault(request, "GET", "/items/21/strength/")
    assert second.text.partition("<main>")[2] == first.text.partition("<main>")[2]
    assert len(second.queries) == len(first.queries) - 1
    assert "Used for 2 items" in first.text


def test_the_export_streams(vault: Site) -> None:
    """A chunk a line: heading, 40 items of her own and 10 shared ones, none with a secret."""
    answer = vault(request, "GET", "/items/export.csv")
    assert (answer.status, answer.content_type) == (200, "text/csv")
    assert answer.chunks[0] == "title,kind,website,username,vault\r\n"
    assert len(answer.chunks) == 1 + 40 + 10
    assert all(item["ciphertext"] not in answer.text for item in vault(items))


def test_the_export_streams_under_asgi(vault: Site) -> None:
    """An async server gets the same lines from an async iterator, none of them held back."""
    assert vault(async_request, "/items/export.csv").chunks == (
        vault(request, "GET", "/items/export.csv").chunks
    )


@pytest.mark.parametrize(
    ("path", "status"),
    [("/items/7/breach/", 200), ("/items/199/breach/", 404), ("/items/7/", 200)],
)
def test_views_answer_under_asgi(vault: Site, path: str, status: int) -> None:
    """The async view, and a plain one beside it, in an event loop."""
    assert vault(async_request, path).status == status


def test_the_breach_check_answers_alike_under_both(vault: Site) -> None:
    """The async view says the same under WSGI and ASGI, and sends the anonymous away under both."""
    answer = vault(async_request, "/items/7/breach/")
    assert json.loads(answer.text) == {"item": 7, "breached": False}
    assert vault(request, "GET", "/items/7/breach/").text == answer.text
    assert vault(async_request, "/items/7/breach/", None).status == 302


def test_the_backup_holds_the_vault(vault: Site) -> None:
    """All blobs of one vault, as they are stored."""
    answer = json.loads(vault(request, "GET", "/vaults/1/backup/").text)
    own = [item for item in vault(items) if item["vault_id"] == 1]
    assert answer["vault"] == "Personal"
    assert {blob["ciphertext"] for blob in answer["items"]} == {i["ciphertext"] for i in own}


def test_a_share_without_end_is_the_bug(vault: Site) -> None:
    """A share with an end answers; one without raises a TypeError, and a server sends 500."""
    assert vault(request, "GET", "/shares/1/expiry/").status == 200
    assert vault(request, "GET", "/shares/3/expiry/").status == 500
    with pytest.raises(TypeError, match="NoneType"):
        vault(request, "GET", "/shares/3/expiry/", catch=False)


def test_the_api_lists_and_shows(vault: Site) -> None:
    """The list is without blobs, the single item with its own."""
    listed = json.loads(vault(request, "GET", "/api/items/").text)["items"]
    shown = json.loads(vault(request, "GET", "/api/items/7/").text)
    stored = next(item for item in vault(items) if item["id"] == 7)
    assert len(listed) == 40 + 10
    assert shown["ciphertext"] == stored["ciphertext"]
    assert {key: shown[key] for key in listed[0]} in listed


def test_the_api_makes_an_item(vault: Site) -> None:
    """A sealed item of one's own vault is stored and found again."""
    made = vault(_post, NEW_ITEM)
    item = json.loads(made.text)
    assert (made.status, item["title"], item["tags"]) == (201, "Lighthouse", ["2fa", "family"])
    assert vault(request, "GET", f"/api/items/{item['id']}/", "erin").status == 200


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (NEW_ITEM | {"ciphertext": "my secret!"}, "ciphertext"),
        (NEW_ITEM | {"secret_mac": "my secret!"}, "secret_mac"),
        (NEW_ITEM | {"vault": 1}, "vault"),
        (NEW_ITEM | {"strength": 5}, "strength"),
    ],
)
def test_the_api_refuses(vault: Site, sent: dict[str, Any], field: str) -> None:
    """Plain text, another user's vault and nonsense are 400, by the field that is wrong."""
    answer = vault(_post, sent)
    assert (answer.status, list(json.loads(answer.text)["error"])) == (400, [field])


@pytest.mark.parametrize("body", ["{", "[]", "7"])
def test_the_api_refuses_what_is_no_object(vault: Site, body: str) -> None:
    """A body that is no JSON object is 400."""
    answer = vault(
        request, "POST", "/api/items/", "erin", data=body, content_type="application/json"
    )
    assert answer.status == 400


def test_the_ping_needs_no_session(vault: Site) -> None:
    """The load balancer is answered after one question to the database."""
    answer = vault(request, "GET", "/healthz", None)
    assert (json.loads(answer.text), answer.queries) == ({"status": "ok"}, ["SELECT 1"])


def test_the_style_sheet_is_served(vault: Site) -> None:
    """Without a front server, with DEBUG off."""
    answer = vault(request, "GET", "/static/items/vault.css", None)
    assert (answer.status, answer.content_type) == (200, "text/css")


def test_the_admin_never_shows_a_blob(vault: Site) -> None:
    """The administrator's page of an item has its title, not its ciphertext."""
    stored = next(item for item in vault(items) if item["id"] == 7)
    page = vault(request, "GET", "/admin/items/item/7/change/")
    assert page.status == 200
    assert stored["title"] in page.text
    assert stored["ciphertext"] not in page.text
    assert stored["secret_mac"] not in page.text


def test_secrets_are_blobs(vault: Site) -> None:
    """What stands for a secret is base64 of noise, different for each item."""
    blobs = [base64.b64decode(item["ciphertext"], validate=True) for item in vault(items)]
    assert len(set(blobs)) == len(blobs) >= 200


def test_the_migrations_are_complete(vault: Site) -> None:
    """The models have no change that a migration does not make."""
    vault(command, "makemigrations", "--check", "--dry-run")


def test_seeding_again_changes_nothing(vault: Site) -> None:
    """A second `seed_vault` leaves all as it is and says so."""
    before = vault(data)
    assert vault(command, "seed_vault") == "There are users already: nothing was seeded.\n"
    assert vault(data) == before


def test_the_seed_and_the_traffic_are_the_same_in_each_process(tmp_path: Path) -> None:
    """Two processes make the same data set, byte by byte, and the same visits."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with running(tmp_path / "a" / "vault.db") as a, running(tmp_path / "b" / "vault.db") as b:
        assert a(data) == b(data)
        assert a(visits, 500, 7) == b(visits, 500, 7)
        assert len(a(visits, 500, 7)) == 500
        assert a(visits, 500, 7) != a(visits, 500, 8)


def test_the_traffic_is_answered_as_it_says(tmp_path: Path) -> None:
    """300 visits in this process: each gets the status that it expects."""
    with running(tmp_path / "vault.db") as site:
        assert site(surprises, 300, 11) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_the_traffic_covers_every_view(vault: Site, seed: int) -> None:
    """However short, it reaches each address of the site, and one that does not exist."""
    assert vault(view_names_visited, 40, seed) == vault(url_names) | {"(unmatched)"}


def test_the_readme_names_every_view() -> None:
    """Each view function has its line."""
    readme = (VAULT / "README.md").read_text()
    views = (VAULT / "items" / "views.py").read_text()
    names = re.findall(r"^(?:async )?def (\w+)\(request", views, re.MULTILINE)
    assert len(names) >= 10
    assert [name for name in names if f"`{name}`" not in readme] == []


def test_manage_py_works_from_anywhere(tmp_path: Path) -> None:
    """By hand, in another folder, with the database where VAULT_DB says."""
    env = os.environ | {
        "VAULT_DB": str(tmp_path / "own.db"),
        "PERFCTL_DB": str(tmp_path / "perfctl.db"),
    }
    for args in (["check"], ["migrate", "-v0"], ["seed_vault"]):
        manage = [sys.executable, str(VAULT / "manage.py"), *args]
        subprocess.run(manage, cwd=tmp_path, env=env, check=True, capture_output=True)
    assert (tmp_path / "own.db").exists()


def _row_queries(answer: Answer) -> dict[str, int]:
    return {table: answer.queries_of(table) for table in ("items_vault", "auth_user", "items_tag")}


def _post(sent: dict[str, Any]) -> Answer:
    return request("POST", "/api/items/", "erin", data=sent, content_type="application/json")
