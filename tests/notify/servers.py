"""Loopback servers that take what perfctl sends: HTTP and SMTP; and ones that take nothing."""

from __future__ import annotations

import contextlib
import http.server
import socketserver
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple


class Got(NamedTuple):
    """One HTTP request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Hook(NamedTuple):
    """A running HTTP server, what it got, and the statuses that it will answer with."""

    url: str
    got: list[Got]
    statuses: list[int]


@contextlib.contextmanager
def http_server(*statuses: int) -> Iterator[Hook]:
    """Answers with these statuses one after the other, then 200; 302 leads elsewhere."""
    got: list[Got] = []
    left = list(statuses)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            got.append(Got(self.command, self.path, dict(self.headers), body))
            status = left.pop(0) if left else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST

        def log_message(self, *args: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with _running(server):
        yield Hook(f"http://127.0.0.1:{server.server_address[1]}", got, left)


@contextlib.contextmanager
def saying(first: bytes, again: bytes = b"", every_s: float = 0.02) -> Iterator[int]:
    """The port of a server that says something, and then something else until nobody listens."""
    is_over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.request.sendall(first)
                while again and not is_over.wait(every_s):
                    self.request.sendall(again)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with _running(server):
        try:
            yield server.server_address[1]
        finally:
            is_over.set()


class Mailbox(NamedTuple):
    """A running SMTP server and the mails it took: (sender, recipients, text)."""

    port: int
    mails: list[tuple[str, list[str], str]]


@contextlib.contextmanager
def smtp_server() -> Iterator[Mailbox]:
    """Speaks as much of RFC 5321 as a client needs to hand a mail over."""
    mails: list[tuple[str, list[str], str]] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 test")
            sender, recipients = "", []
            while line := self.rfile.readline().decode().strip():
                verb = line.partition(" ")[0].upper()
                if verb in ("EHLO", "HELO", "RSET", "NOOP"):
                    self._say("250 ok")
                elif verb == "MAIL":
                    sender = line.partition("<")[2].partition(">")[0]
                    self._say("250 ok")
                elif verb == "RCPT":
                    recipients.append(line.partition("<")[2].partition(">")[0])
                    self._say("250 ok")
                elif verb == "DATA":
                    self._say("354 go on")
                    mails.append((sender, recipients, self._text()))
                    self._say("250 taken")
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("502 no")

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def _text(self) -> str:
            lines = []
            while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                lines.append(line)
            return "\n".join(lines)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with _running(server):
        yield Mailbox(server.server_address[1], mails)


@contextlib.contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
