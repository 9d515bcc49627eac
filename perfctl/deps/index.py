"""Asks package indexes for many projects at once.

The simple API as JSON (PEP 691), as HTML where an index has no other (PEP 503); `file:` indexes and
`find-links` are read from disk. A project that no index answered for is an error, never "nothing newer".
"""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName

from perfctl.deps.http import Refused, get, open_session, place_of
from perfctl.deps.pipconfig import Indexes
from perfctl.deps.releases import File, Page

if TYPE_CHECKING:
    import requests

JOBS = 24
_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


class NotListed(Exception):
    """No index knows the project."""


Answer = Page | Refused | NotListed


def ask(
    indexes: Indexes,
    names: Sequence[NormalizedName],
    *,
    note: Callable[[NormalizedName], None] = lambda name: None,
) -> dict[NormalizedName, Answer]:
    """What the indexes together say of each project; `note` hears of each that is done.

    Files of all indexes count, as for pip. One that fails makes the whole answer unknown.
    """
    session = open_session(JOBS, cert=indexes.cert, proxy=indexes.proxy)
    with session, ThreadPoolExecutor(JOBS) as pool:
        sources = [_source(session, url) for url in indexes.urls]
        sources += [_links(session, place) for place in indexes.find_links]

        def find(name: NormalizedName) -> Answer:
            try:
                return _joined([source(name) for source in sources])
            except (Refused, NotListed) as exc:
                return exc
            finally:
                note(name)

        return dict(zip(names, pool.map(find, names), strict=True))


Source = Callable[[NormalizedName], Page | None]


def _joined(pages: Iterable[Page | None]) -> Page:
    found = [page for page in pages if page is not None]
    if not found:
        raise NotListed
    files = tuple(file for page in found for file in page.files)
    told = next((page for page in found if page.status), found[0])
    return Page(files, told.status, told.reason)


def _source(session: requests.Session, url: str) -> Source:
    folder = _folder(url)
    if folder is not None:
        return lambda name: _read_folder(folder / name)
    return lambda name: _get(session, f"{url}/{name}/")


def _links(session: requests.Session, place: str) -> Source:
    """A folder, or a page, with the files of all projects: only those of one count."""
    folder = _folder(place)
    page = _read_folder(folder) if folder is not None else _get(session, place)
    files = page.files if page is not None else ()

    def find(name: NormalizedName) -> Page | None:
        own = tuple(file for file in files if _is_of(name, file.name))
        return Page(own) if own else None

    return find


def _is_of(name: NormalizedName, file: str) -> bool:
    begin = file.lower().replace("_", "-").replace(".", "-")
    return begin.startswith(f"{name}-") and begin[len(name) + 1 : len(name) + 2].isdigit()


def _folder(url: str) -> Path | None:
    """The folder of a `file:` URL or a path; None for what is asked over the network."""
    split = urllib.parse.urlsplit(url)
    if split.scheme == "file":
        return Path(urllib.parse.unquote(split.path))
    return Path(url).expanduser() if not split.scheme else None


def _read_folder(folder: Path) -> Page | None:
    """An `index.html`, else the files that lie there; None where the folder is not there."""
    try:
        page = folder / "index.html"
        if page.is_file():
            return _read_html(page.read_bytes().decode("utf-8", "replace"), str(page))
        with os.scandir(folder) as entries:
            return Page(tuple(File(entry.name) for entry in entries if entry.is_file()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise Refused(f"{folder}: {exc.strerror}") from exc


def _get(session: requests.Session, url: str) -> Page | None:
    answer = get(session, url, _ACCEPT)
    if answer is None:
        return None
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    try:
        if kind in (_JSON, "application/json"):
            return _read_json(answer.json())
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise Refused(f"no page of a project from {place_of(url)}") from exc
    return _read_html(answer.content.decode("utf-8", "replace"), place_of(url))


def _read_json(page: dict[str, Any]) -> Page:
    status = page.get("project-status") or {}
    files = tuple(
        File(
            str(item["filename"]),
            item.get("requires-python"),
            _yanked(item.get("yanked")),
            _time_ms(item.get("upload-time")),
        )
        for item in page["files"]
    )
    return Page(files, _status(status.get("status")), status.get("reason"))


def _yanked(said: object) -> str | None:
    return said if isinstance(said, str) else "" if said else None


def _status(said: str | None) -> str | None:
    return None if said in (None, "active") else said


def _time_ms(text: str | None) -> int | None:
    return int(datetime.fromisoformat(text).timestamp() * 1000) if text else None


class _Anchors(HTMLParser):
    """What the links of a page lead to, and what it says of its project."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[File] = []
        self.meta: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "meta" and (said.get("name") or "").startswith("pypi:"):
            self.meta[str(said["name"])] = said.get("content") or ""
        if tag == "a" and said.get("href"):
            path = urllib.parse.urlsplit(str(said["href"])).path
            name = urllib.parse.unquote(path.rpartition("/")[2])
            yanked = None if "data-yanked" not in said else said["data-yanked"] or ""
            self.files.append(File(name, said.get("data-requires-python"), yanked))


def _read_html(text: str, place: str) -> Page:
    """Refused where it lists no files: that is what a proxy's login page looks like."""
    parser = _Anchors()
    parser.feed(text)
    known = [file for file in parser.files if file.name.endswith((".whl", ".gz", ".zip"))]
    if not known:
        raise Refused(f"a page that lists no files from {place}")
    status = _status(parser.meta.get("pypi:project-status"))
    return Page(tuple(known), status, parser.meta.get("pypi:project-status-reason"))
