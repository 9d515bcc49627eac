"""Copied into the vault as test_pages.py: a suite as a project has it, with what depends on its order.

The admin asks for content types once a process, the strength of an item is cached for all tests.
"""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client, TestCase


class Pages(TestCase):
    """Pages that a user sees."""

    user = "alice"

    @classmethod
    def setUpTestData(cls) -> None:
        """The fake data set."""
        call_command("seed_vault", verbosity=0)

    def setUp(self) -> None:
        """Signed in."""
        self.client.force_login(get_user_model().objects.get(username=self.user))

    def test_list(self) -> None:
        """Two pages of the list."""
        for page in "12":
            assert self.client.get("/items/", {"page": page}).status_code == 200

    def test_search(self) -> None:
        """A search."""
        assert self.client.get("/items/search/", {"q": "bank"}).status_code == 200

    def test_strength(self) -> None:
        """From the cache, unless nobody asked before."""
        assert self.client.get("/items/1/strength/").status_code == 200

    def test_strength_again(self) -> None:
        """The same item."""
        assert self.client.get("/items/1/strength/").status_code == 200

    def test_a_bug_is_expected(self) -> None:
        """An error that the test wants is none of the gate's business."""
        self.client.raise_request_exception = False
        assert self.client.get("/shares/3/expiry/").status_code == 500


class Administration(Pages):
    """The same pages, and two that note what was done: that needs a content type."""

    def test_add_tag(self) -> None:
        """Noted in the log."""
        assert self.client.post("/admin/items/tag/add/", {"name": "new"}).status_code == 302

    def test_add_another_tag(self) -> None:
        """Noted in the log."""
        assert self.client.post("/admin/items/tag/add/", {"name": "newer"}).status_code == 302


@pytest.fixture(scope="module")
def greeted() -> Client:
    """A request that falls to whichever test comes first."""
    client = Client()
    assert client.get("/accounts/login/").status_code == 200
    return client


@pytest.mark.parametrize("path", ["/accounts/login/", "/static/items/vault.css"])
def test_without_a_session(greeted: Client, path: str) -> None:
    """Pages that need nobody."""
    assert greeted.get(path).status_code == 200
