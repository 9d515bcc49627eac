"""The vault in a process of its own: what is called there sees Django set up on a seeded database.

Django is configured once a process, and the tests of the hook configure it otherwise.
"""

from __future__ import annotations

import asyncio
import io
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VAULT = Path(__file__).resolve().parents[2] / "examples" / "vault"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a view answered, and what it took."""

    status: int
    template: str | None
    chunks: list[str]
    queries: list[str]
    location: str | None
    content_type: str

    @property
    def text(self) -> str:
        """The whole body."""
        return "".join(self.chunks)

    def queries_of(self, table: str) -> int:
        """How many queries read first from this table."""
        return sum(f'FROM "{table}"' in sql for sql in self.queries)


class Site:
    """Calls functions of this module's kind in the process where the vault lives."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What the function returns there; what it raises is raised here."""
        return self._pool.submit(function, *args, **kwargs).result(60)


@contextmanager
def running(database: Path) -> Iterator[Site]:
    """The vault with the fake data set, until the block ends."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=_set_up, initargs=(database,)) as pool:
        yield Site(pool)


def request(
    method: str, path: str, user: str | None = "alice", *, catch: bool = True, **sent: Any
) -> Answer:
    """One request under WSGI; an exception becomes a 500 unless it shall not be caught."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(raise_request_exception=not catch)
    if user:
        client.force_login(_user(user))
    with CaptureQueriesContext(connection) as captured:
        response = getattr(client, method.lower())(path, **sent)
        body = response.streaming_content if response.streaming else [response.content]
        chunks = [bytes(chunk).decode() for chunk in body]
    return _answer(response, chunks, [query["sql"] for query in captured.captured_queries])


def async_request(path: str, user: str | None = "alice") -> Answer:
    """One GET under ASGI."""
    return asyncio.run(_async_get(path, user))


def command(*args: str) -> str:
    """What a management command writes."""
    from django.core.management import call_command

    written = io.StringIO()
    call_command(*args, stdout=written)
    return written.getvalue()


def data() -> str:
    """All that the site's own tables hold, as JSON."""
    return command("dumpdata", "items", "auth.user")


def items() -> list[dict[str, Any]]:
    """All items as rows."""
    from items.models import Item

    return list(Item.objects.values())


def url_names() -> set[str]:
    """The names of all the site's addresses, the admin's left out."""
    from django.urls import get_resolver

    return {str(name) for name in get_resolver().reverse_dict if isinstance(name, str)}


def view_names_visited(count: int, seed: int) -> set[str]:
    """The names of the addresses that the traffic reaches."""
    from django.urls import Resolver404, resolve
    from vault import traffic

    names = set()
    for visit in traffic.visits(count, seed):
        try:
            names.add(str(resolve(visit.path).url_name))
        except Resolver404:
            names.add("(unmatched)")
    return names


def surprises(count: int, seed: int) -> list[tuple[str, int, int]]:
    """The visits that were answered otherwise than the traffic says: path, expected, got."""
    from vault import traffic

    made = traffic.run(traffic.visits(count, seed))
    return [(visit.path, visit.status, got) for visit, got in made if got != visit.status]


def visits(count: int, seed: int) -> list[str]:
    """The traffic in writing."""
    from vault import traffic

    return [repr(visit) for visit in traffic.visits(count, seed)]


async def _async_get(path: str, user: str | None) -> Answer:
    from asgiref.sync import sync_to_async
    from django.test import AsyncClient

    client = AsyncClient(raise_request_exception=False)
    if user:
        await sync_to_async(lambda: client.force_login(_user(user)))()
    response = await client.get(path)
    if response.streaming:
        chunks = [bytes(chunk).decode() async for chunk in response.streaming_content]
    else:
        chunks = [response.content.decode()]
    return _answer(response, chunks, [])


def _answer(response: Any, chunks: list[str], queries: list[str]) -> Answer:
    templates = [template.name for template in response.templates]
    return Answer(
        response.status_code,
        templates[0] if templates else None,
        chunks,
        queries,
        response.headers.get("Location"),
        response.headers.get("Content-Type", ""),
    )


def _user(name: str) -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get(username=name)


def _set_up(database: Path) -> None:
    sys.path.insert(0, str(VAULT))
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "vault.settings",
        "VAULT_DB": str(database),
        "PERFCTL_DB": str(database.with_name("perfctl.db")),
        "VAULT_BACKUP_SECONDS": "0",
        "VAULT_BREACH_SECONDS": "0",
    }
    warnings.simplefilter("error")
    import django
    from django.test.utils import setup_test_environment

    django.setup()
    setup_test_environment()
    command("migrate", "-v0")
    command("seed_vault")
