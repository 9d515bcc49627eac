"""Services on loopback that speak the real protocols, with faults that a test can switch on."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from perfctl.deps.advisories import parse_advisory
from perfctl.deps.feed import Release

Body = bytes | dict[str, Any]


@dataclass
class Double:
    """What a service answers, and what it was asked."""

    url: str = ""
    fault: str | None = None
    """`500`, `429`, `html`, `cut`, `slow`; None: answers as it should."""
    faults_left: int | None = None
    """After so many faults it answers again; None: never."""
    asked: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Any, accept: str) -> tuple[int, str, Body]:
        """Status, content type and body."""
        raise NotImplementedError

    def next_fault(self) -> str | None:
        """The fault of this request."""
        if self.faults_left is not None:
            self.faults_left -= 1
            if self.faults_left < 0:
                return None
        return self.fault


@contextlib.contextmanager
def serving(double: Double) -> Iterator[Double]:
    """The double on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self._answer(json.loads(self.rfile.read(length)))

        def _answer(self, body: Any) -> None:
            double.asked.append(f"{self.command} {self.path}")
            double.bodies.append(body)
            match double.next_fault():
                case "500" | "429" as code:
                    self._send(int(code), "application/json", b'{"code": 13}')
                case "html":
                    self._send(200, "text/html", b"<html><form>proxy login</form></html>")
                case "cut":
                    self._send(200, "application/json", b'{"vulns": [', length=100)
                case "slow":
                    time.sleep(30)
                case _:
                    accept = self.headers.get("Accept", "")
                    status, kind, found = double.answer(self.command, self.path, body, accept)
                    data = found if isinstance(found, bytes) else json.dumps(found).encode()
                    self._send(status, kind, data)

        def _send(self, status: int, kind: str, data: bytes, length: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length or len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.close_connection |= length is not None

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        double.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield double
        server.shutdown()


@dataclass
class Index(Double):
    """A package index: PEP 691 and 503 by what is accepted, or HTML alone."""

    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_html: bool = False

    def answer(self, method: str, path: str, body: Any, accept: str) -> tuple[int, str, Body]:
        """The page of a project; 404 for one that is not there."""
        page = self.projects.get(path.strip("/").rpartition("/")[2])
        if page is None:
            return 404, "text/html", b"not here"
        if self.is_html or "json" not in accept:
            return 200, "text/html", _html(page).encode()
        kind = "application/vnd.pypi.simple.v1+json"
        return 200, kind, {"meta": {"api-version": "1.1"}, **page}


def _html(page: dict[str, Any]) -> str:
    rows = []
    for file in page["files"]:
        said = (
            f' data-requires-python="{file["requires-python"]}"'
            if "requires-python" in file
            else ""
        )
        if file.get("yanked"):
            said += f' data-yanked="{file["yanked"]}"'
        said = said.replace(">", "&gt;").replace("<", "&lt;", 0)
        rows.append(
            f'<a href="../../files/{file["filename"]}#sha256=00"{said}>{file["filename"]}</a>'
        )
    return f"<!DOCTYPE html><html><body>{'<br>'.join(rows)}</body></html>"


@dataclass
class Osv(Double):
    """An advisory service: `querybatch` and `vulns/ID`, by this repository's slice of records."""

    records: list[dict[str, Any]] = field(default_factory=list)
    page: int | None = None
    """How many ids a page has; None: all."""

    def answer(self, method: str, path: str, body: Any, accept: str) -> tuple[int, str, Body]:
        """As https://google.github.io/osv.dev/api/ has it."""
        kind = "application/json"
        if path == "/v1/querybatch":
            return 200, kind, {"results": [self._result(query) for query in body["queries"]]}
        name = path.removeprefix("/v1/vulns/")
        found = next((record for record in self.records if record["id"] == name), None)
        return (404, kind, {"code": 5}) if found is None else (200, kind, found)

    def _result(self, query: dict[str, Any]) -> dict[str, Any]:
        release = Release(canonicalize_name(query["package"]["name"]), Version(query["version"]))
        ids = [r["id"] for r in self.records if _affects(r, release)]
        begin = int(query.get("page_token") or 0)
        end = len(ids) if self.page is None else begin + self.page
        found: dict[str, Any] = {"vulns": [{"id": name} for name in ids[begin:end]]} if ids else {}
        return found | ({"next_page_token": str(end)} if end < len(ids) else {})


def _affects(record: dict[str, Any], release: Release) -> bool:
    advisory = parse_advisory(record)
    return advisory is not None and advisory.affects(*release)


DATA = Path(__file__).parent / "data"


def slice_of_records() -> list[dict[str, Any]]:
    """All records of the repository's slice."""
    return [r for path in sorted(DATA.rglob("*.json")) for r in json.loads(path.read_text())]
