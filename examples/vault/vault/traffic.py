"""Visits to the site as people make them: the same for the same seed, so that runs compare.

A few pages get most of the visits, a few items are opened most of the time (Zipf), people sign in
before they see anything and sometimes out again; some addresses do not exist, some requests fail.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from items import fake

if TYPE_CHECKING:
    from django.test import Client

T = TypeVar("T")

SIGN_IN = "/accounts/login/"
SIGN_OUT = "/accounts/logout/"
MISSING_ID = 10_000_000


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: by whom (None: without a cookie), what is sent, and the status that answers."""

    method: str
    path: str
    user: str | None
    status: int
    query: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    json: Mapping[str, object] | None = None


def visits(n: int, seed: int) -> Iterator[Visit]:
    """`n` visits in order, sign-ins included; each kind comes once before the usual mix begins."""
    return itertools.islice(_endless(random.Random(seed)), n)


def run(visits: Iterable[Visit]) -> Iterator[tuple[Visit, int]]:
    """Make the visits in this process, with one test client a user; yields the statuses."""
    clients: dict[str | None, Client] = {}
    for visit in visits:
        if visit.user is None or visit.user not in clients:
            clients[visit.user] = _client()
        yield visit, _status(clients[visit.user], visit)


def _client() -> Client:
    from django.test import Client  # not before Django is set up

    return Client(raise_request_exception=False)


def _status(client: Client, visit: Visit) -> int:
    sent: dict[str, Any] = {"data": visit.query or visit.form or {}}
    if visit.json is not None:
        sent = {"data": visit.json, "content_type": "application/json"}
    response = getattr(client, visit.method.lower())(visit.path, **sent)
    if response.streaming:
        b"".join(response.streaming_content)
    response.close()
    return int(response.status_code)


def _endless(rng: random.Random) -> Iterator[Visit]:
    signed_in: set[str] = set()
    for kind in itertools.chain(KINDS, _mix(rng)):
        visit = kind(rng, _zipf(rng, fake.USERS))
        if visit.user and visit.user not in signed_in:
            signed_in.add(visit.user)
            yield sign_in(visit.user)
        yield visit
        if visit.path == SIGN_OUT and visit.user:
            signed_in.discard(visit.user)


def _mix(rng: random.Random) -> Iterator[Kind]:
    while True:
        yield _zipf(rng, KINDS)


def _zipf(rng: random.Random, ranked: Sequence[T]) -> T:
    """One of the choices: the second comes half as often as the first, the third a third."""
    return rng.choices(ranked, [1 / rank for rank in range(1, len(ranked) + 1)])[0]


def sign_in(user: str) -> Visit:
    """The visit that a user's other visits need before them."""
    return Visit("POST", SIGN_IN, user, 302, form={"username": user, "password": fake.PASSWORD})


def _item_list(rng: random.Random, user: str) -> Visit:
    return Visit("GET", "/items/", user, 200, query={"page": str(_zipf(rng, (1, 2)))})


def _item_detail(rng: random.Random, user: str) -> Visit:
    return Visit("GET", f"/items/{_item(rng, user)}/", user, 200)


def _api_list(rng: random.Random, user: str) -> Visit:
    return Visit("GET", "/api/items/", user, 200)


def _healthz(rng: random.Random, user: str) -> Visit:
    return Visit("GET", "/healthz", None, 200)


def _api_detail(rng: random.Random, user: str) -> Visit:
    return Visit("GET", f"/api/items/{_item(rng, user)}/", user, 200)


def _search(rng: random.Random, user: str) -> Visit:
    return Visit("GET", "/items/search/", user, 200, query={"q": _zipf(rng, fake.SITES)})


def _style_sheet(rng: random.Random, user: str) -> Visit:
    return Visit("GET", "/static/items/vault.css", None, 200)


def _strength(rng: random.Random, user: str) -> Visit:
    item = _zipf(rng, fake.item_ids(user)[:5])  # people look again at those that worry them
    return Visit("GET", f"/items/{item}/strength/", user, 200)


def _shared(rng: random.Random, user: str) -> Visit:
    return Visit("GET", "/items/shared/", user, 200)


def _audit(rng: random.Random, user: str) -> Visit:
    return Visit("GET", "/items/audit/", user, 200)


def _breach(rng: random.Random, user: str) -> Visit:
    return Visit("GET", f"/items/{_item(rng, user)}/breach/", user, 200)


def _create(rng: random.Random, user: str) -> Visit:
    new = {
        "vault": fake.vault_ids(user)[0],
        "kind": "login",
        "title": f"New {rng.randrange(10_000)}",
        "ciphertext": fake.blob("new", rng.randrange(10_000)),
        "secret_mac": rng.randbytes(32).hex(),
        "strength": 4,
    }
    return Visit("POST", "/api/items/", user, 201, json=new)


def _home(rng: random.Random, user: str) -> Visit:
    return Visit("GET", "/", user, 302)


def _sign_in_page(rng: random.Random, user: str) -> Visit:
    return Visit("GET", SIGN_IN, None, 200)


def _items_of_nobody(rng: random.Random, user: str) -> Visit:
    return Visit("GET", "/items/", None, 302)


def _unknown_page(rng: random.Random, user: str) -> Visit:
    path = rng.choice(("/wp-login.php", "/.env", "/robots.txt", "/favicon.ico"))
    return Visit("GET", path, None, 404)


def _expiry(rng: random.Random, user: str) -> Visit:
    share = rng.choice([pk for pk in fake.share_ids(user) if fake.share_ends(pk)])
    return Visit("GET", f"/shares/{share}/expiry/", user, 200)


def _expiry_without_end(rng: random.Random, user: str) -> Visit:
    share = rng.choice([pk for pk in fake.share_ids(user) if not fake.share_ends(pk)])
    return Visit("GET", f"/shares/{share}/expiry/", user, 500)


def _export(rng: random.Random, user: str) -> Visit:
    return Visit("GET", "/items/export.csv", user, 200)


def _backup(rng: random.Random, user: str) -> Visit:
    return Visit("GET", f"/vaults/{rng.choice(fake.vault_ids(user))}/backup/", user, 200)


def _missing_item(rng: random.Random, user: str) -> Visit:
    return Visit("GET", f"/items/{MISSING_ID}/", user, 404)


def _api_of_nobody(rng: random.Random, user: str) -> Visit:
    return Visit("GET", "/api/items/", None, 401)


def _api_missing_item(rng: random.Random, user: str) -> Visit:
    return Visit("GET", f"/api/items/{MISSING_ID}/", user, 404)


def _create_in_plain_text(rng: random.Random, user: str) -> Visit:
    new = {"vault": fake.vault_ids(user)[0], "title": "Oops", "ciphertext": "my secret!"}
    return Visit("POST", "/api/items/", user, 400, json=new)


def _wrong_password(rng: random.Random, user: str) -> Visit:
    return Visit("POST", SIGN_IN, None, 200, form={"username": user, "password": "12345678"})


def _sign_out(rng: random.Random, user: str) -> Visit:
    return Visit("POST", SIGN_OUT, user, 302)


def _item(rng: random.Random, user: str) -> int:
    return _zipf(rng, fake.item_ids(user))


Kind = Callable[[random.Random, str], Visit]

KINDS: tuple[Kind, ...] = (  # the most frequent first
    _item_list,
    _item_detail,
    _api_list,
    _healthz,
    _api_detail,
    _strength,
    _style_sheet,
    _search,
    _shared,
    _audit,
    _breach,
    _create,
    _home,
    _sign_in_page,
    _items_of_nobody,
    _unknown_page,
    _expiry,
    _export,
    _backup,
    _expiry_without_end,
    _missing_item,
    _api_of_nobody,
    _api_missing_item,
    _create_in_plain_text,
    _wrong_password,
    _sign_out,
)
