"""An OSV service on loopback for pip-audit, filled before: it asks one package after another.

So it is as fast as this machine, whatever the network; and each record comes with the package's own
branches in one entry, of which pip-audit 2.10 would take the last alone for its fixes.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name

from perfctl.deps.feed import Record, Release

_LONGEST_BODY = 100_000


@contextlib.contextmanager
def serving(known: Mapping[Release, Sequence[Record]]) -> Iterator[str]:
    """The address to give to `pip-audit --osv-url`; what was not looked up is an error of the server.

    Only who knows the address is answered: it has a secret in it.
    """
    path = f"/{secrets.token_urlsafe(16)}/v1/query"
    answers = {
        (release.name, str(release.version)): _answer(release.name, records)
        for release, records in known.items()
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(min(length, _LONGEST_BODY))
            found = None if self.path != path else answers.get(_asked(body))
            data = found if found is not None else b'{"code": 5, "message": "not looked up"}'
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{path}"
        finally:
            server.shutdown()
            thread.join()


def _asked(body: bytes) -> tuple[NormalizedName, str]:
    try:
        asked = json.loads(body)
        return canonicalize_name(asked["package"]["name"]), str(asked["version"])
    except (ValueError, KeyError, TypeError):
        return canonicalize_name("-"), ""


def _answer(name: NormalizedName, records: Sequence[Record]) -> bytes:
    found = [_in_one_entry(name, record.raw) for record in records]
    return json.dumps({"vulns": found} if found else {}, default=str).encode()


def _in_one_entry(name: NormalizedName, raw: Mapping[str, Any]) -> dict[str, Any]:
    entries = [a for a in raw["affected"] if canonicalize_name(a["package"]["name"]) == name]
    ranges = [r for a in entries for r in a.get("ranges") or () if r.get("type") == "ECOSYSTEM"]
    events = [event for span in ranges for event in span["events"]]
    versions = [version for a in entries for version in a.get("versions") or ()]
    entry = {
        "package": {"ecosystem": "PyPI", "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
        "versions": versions,
    }
    kept = {key: raw[key] for key in ("id", "modified", "published", "summary", "details", "aliases")
            if raw.get(key)}  # fmt: skip
    return {**kept, "affected": [entry]}
