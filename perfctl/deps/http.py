"""Asks services over HTTP: connections kept, answers that fail asked for again, proxies and netrc.

By requests, which the extra `audit` brings with pip-audit.
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

TIMEOUT_S = 15.0
TRIES = 3
PAUSE_S = 0.2
_AGAIN = (429, 500, 502, 503, 504)
_LONGEST_PAUSE_S = 10.0


class Refused(Exception):
    """A service gave no answer that one could go by: refused, damaged, too slow."""


def open_session(
    jobs: int, *, cert: str | None = None, proxy: str | None = None
) -> requests.Session:
    """A session for so many threads; `cert` is a bundle to trust in place of the usual ones."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = requests.Session()
    retry = Retry(
        TRIES,
        backoff_factor=PAUSE_S,
        backoff_max=_LONGEST_PAUSE_S,
        status_forcelist=_AGAIN,
        allowed_methods=None,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    adapter = HTTPAdapter(pool_connections=8, pool_maxsize=jobs, max_retries=retry)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    if cert:
        session.verify = cert
    if proxy:
        session.proxies = {"http": proxy, "https": proxy}
    return session


def get(session: requests.Session, url: str, accept: str) -> requests.Response | None:
    """The answer to GET; None for 404. Raises Refused."""
    return _ask(session, "GET", url, headers={"Accept": accept})


def get_json(session: requests.Session, url: str) -> dict[str, Any]:
    """The JSON object at an address. Raises Refused."""
    return _object(_ask(session, "GET", url, headers={"Accept": "application/json"}), url)


def post_json(session: requests.Session, url: str, body: object) -> dict[str, Any]:
    """The JSON object that answers a JSON body. Raises Refused."""
    return _object(_ask(session, "POST", url, json=body), url)


def place_of(url: str) -> str:
    """An address to show: without who asks, and without what follows the path."""
    split = urllib.parse.urlsplit(url)
    return split._replace(netloc=split.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _ask(session: requests.Session, method: str, url: str, **more: Any) -> requests.Response | None:
    import requests

    try:
        answer = session.request(method, url, timeout=TIMEOUT_S, **more)
        answer.content  # noqa: B018  # read whole, or refused
    except (requests.RequestException, ValueError) as exc:
        raise Refused(f"{_reason(exc)} from {place_of(url)}") from exc
    if answer.status_code == 404:
        return None
    if answer.status_code != 200:
        raise Refused(f"HTTP {answer.status_code} from {place_of(url)}")
    return answer


def _object(answer: requests.Response | None, url: str) -> dict[str, Any]:
    try:
        found = None if answer is None else answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(f"no JSON object from {place_of(url)}")
    return found


def _reason(exc: Exception) -> str:
    words = {
        "ConnectionError": "no connection",
        "ConnectTimeout": "no connection in time",
        "ReadTimeout": "no answer in time",
        "RetryError": "no answer after several tries",
        "ChunkedEncodingError": "an answer that breaks off",
        "SSLError": "a certificate that does not hold",
        "ProxyError": "no connection through the proxy",
    }
    return words.get(type(exc).__name__, type(exc).__name__)
