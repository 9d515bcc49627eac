"""Sends a message over one channel; whatever keeps it from arriving is a `NotDelivered`."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import os
import re
import smtplib
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.utils import formatdate
from functools import partial
from typing import NamedTuple, assert_never

from perfctl.errors import EnvironmentFault
from perfctl.notify.deadline import within
from perfctl.notify.plan import Apprise, Channel, Command, Email, Webhook
from perfctl.visible import visible

TIMEOUT_S = 10.0
"""What a delivery may take in all."""
_LONGEST = 200
_FAILURES = (OSError, ValueError, http.client.HTTPException, smtplib.SMTPException)


class NotDelivered(EnvironmentFault):
    """The message did not arrive; it stays in the outbox."""


class Sendable(NamedTuple):
    """What a channel needs of a message."""

    id: str
    title: str
    text: str
    body: str
    """JSON."""
    host: str


def send(channel: Channel, message: Sendable, environ: Mapping[str, str] = os.environ) -> None:
    """Deliver a message, within some seconds; NotDelivered says why it did not work."""
    match channel:
        case Command():
            _run(channel, message)
        case Webhook():
            where = f"webhook {_host(channel.url)}"
            _deliver(where, partial(_post, channel, message, environ))
        case Email():
            where = f"mail by {channel.host}:{channel.port}"
            _deliver(where, partial(_mail, channel, message, environ))
        case Apprise():
            _deliver("apprise", partial(_tell_apprise, channel, message))
        case _:
            assert_never(channel)


def ping(url: str) -> None:
    """Tell a dead man's switch that `collect` came by."""
    _deliver(f"ping {_host(url)}", partial(_open, url))


def _deliver(where: str, act: Callable[[], None]) -> None:
    try:
        within(TIMEOUT_S, f"perfctl {where}", act)
    except _FAILURES as exc:
        raise NotDelivered(f"{where}: {_reason(exc)}") from exc


def _reason(exc: Exception) -> str:
    """In one line; without the address, whose path may hold a token."""
    if isinstance(exc, http.client.InvalidURL | UnicodeError):
        return "is no address that can be called"
    said = str(exc).split("\n", 1)[0].strip()
    return visible(said or type(exc).__name__)[:_LONGEST]


def _run(channel: Command, message: Sendable) -> None:
    program = channel.arguments[0]
    try:
        done = subprocess.run(
            channel.arguments,
            input=message.body,
            text=True,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotDelivered(f"{program}: no end after {TIMEOUT_S:g} s") from None
    except (OSError, ValueError) as exc:
        raise NotDelivered(f"{program}: {_reason(exc)}") from exc
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        reason = visible(said[-1])[:_LONGEST] if said else "no message"
        raise NotDelivered(f"{program} ended with {done.returncode}: {reason}")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kw: object) -> None:
        """A message is for the address that was configured, and for no other."""
        return


def _open(request: urllib.request.Request | str) -> None:
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as exc:
        exc.close()  # it is an answer too, with a connection
        raise


def _post(channel: Webhook, message: Sendable, environ: Mapping[str, str]) -> None:
    body = message.body.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "perfctl",
        "X-Perfctl-Event-Id": message.id,
    }
    if channel.secret_env:
        secret = _secret(channel.secret_env, environ).encode()
        signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
        headers["X-Perfctl-Signature"] = f"sha256={signature}"
    _open(urllib.request.Request(channel.url, body, headers, method="POST"))  # noqa: S310  # http(s) only: plan._url


def _mail(channel: Email, message: Sendable, environ: Mapping[str, str]) -> None:
    with _smtp(channel) as server:
        if channel.user:
            server.login(channel.user, _secret(channel.password_env, environ))
        server.send_message(_letter(channel, message))


def _letter(channel: Email, message: Sendable) -> EmailMessage:
    """The mail; its id stays through all tries, so that a mailbox knows the second one."""
    host = re.sub(r"[^A-Za-z0-9.-]+", "-", message.host).strip(".-") or "localhost"
    mail = EmailMessage()
    mail["Subject"] = message.title
    mail["From"] = channel.sender
    mail["To"] = ", ".join(channel.to)
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = f"<{message.id}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    return mail


def _smtp(channel: Email) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if channel.tls == "implicit":
        return smtplib.SMTP_SSL(channel.host, channel.port, timeout=TIMEOUT_S, context=context)
    server = smtplib.SMTP(channel.host, channel.port, timeout=TIMEOUT_S)
    server.ehlo()
    if channel.tls == "always" or (channel.tls == "auto" and server.has_extn("starttls")):
        server.starttls(context=context)
        server.ehlo()
    return server


def _tell_apprise(channel: Apprise, message: Sendable) -> None:
    try:
        import apprise  # half a second, and only where it is used
    except ImportError:
        raise NotDelivered("apprise is not installed", "pip install 'perfctl[notify]'") from None
    sender = apprise.Apprise()
    if not all(sender.add(url) for url in channel.urls):
        raise NotDelivered("apprise does not know one of its addresses")
    if not sender.notify(title=message.title, body=message.text):
        raise NotDelivered("apprise could not deliver to all of its addresses")


def _secret(name: str | None, environ: Mapping[str, str]) -> str:
    if not name or not environ.get(name):
        raise NotDelivered(f"the environment has no {name or 'password_env'}")
    return environ[name]


def _host(url: str) -> str:
    """The host alone: a path may hold a token."""
    return visible(url.split("/")[2].rpartition("@")[2])
