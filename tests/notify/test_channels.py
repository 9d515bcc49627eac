"""Each channel delivers, or says why it did not, within some seconds."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import threading
from email import message_from_string
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from perfctl.notify import channels
from perfctl.notify.channels import NotDelivered, Sendable, ping, send
from perfctl.notify.plan import Apprise, Channel, Command, Email, Webhook
from tests.notify.servers import http_server, saying, smtp_server

SENDABLE = Sendable("id1", "a title", "a text", '{"id": "id1"}', "web 1")


def test_a_webhook_is_signed() -> None:
    """HMAC of the body with a secret from the environment, never from the file."""
    with http_server() as hook:
        channel = Webhook(hook.url, "HOOK_SECRET")
        with pytest.raises(NotDelivered, match="HOOK_SECRET"):
            send(channel, SENDABLE, {})
        send(channel, SENDABLE, {"HOOK_SECRET": "s3cret"})
    (got,) = hook.got
    expected = hmac.new(b"s3cret", got.body, hashlib.sha256).hexdigest()
    assert got.headers["X-Perfctl-Signature"] == f"sha256={expected}"


def test_a_command_gets_json_on_standard_input_and_no_shell(tmp_path: Path) -> None:
    """Arguments stay arguments, whatever stands in them."""
    out = tmp_path / "out"
    code = f"import sys; open({str(out)!r}, 'w').write(sys.stdin.read() + sys.argv[1])"
    send(Command((sys.executable, "-c", code, "$(touch x); `id`")), SENDABLE)
    assert out.read_text() == '{"id": "id1"}$(touch x); `id`'
    with pytest.raises(NotDelivered, match="ended with 3"):
        send(Command((sys.executable, "-c", "raise SystemExit(3)")), SENDABLE)
    with pytest.raises(NotDelivered):
        send(Command(("/nonexistent/program",)), SENDABLE)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_apprise_delivers_where_it_is_installed() -> None:
    """Its json:// address, on the loopback."""
    with http_server() as hook:
        send(Apprise((hook.url.replace("http://", "json://"),)), SENDABLE)
    assert json.loads(hook.got[0].body)["message"] == "a text"
    with pytest.raises(NotDelivered):
        send(Apprise(("nonsense://",)), SENDABLE)


def test_a_mail_has_a_date_and_an_id_of_its_host() -> None:
    """The id is the same in each try; blanks in a host's name do not break the header."""
    with smtp_server() as mailbox:
        channel = Email(("a@x.org",), "p@x.org", "127.0.0.1", mailbox.port)
        for _ in range(2):
            send(channel, SENDABLE)
    for _, _, text in mailbox.mails:
        mail = message_from_string(text)
        assert mail["Message-ID"] == "<id1@web-1>"
        assert parsedate_to_datetime(mail["Date"]).tzinfo is not None


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"HTTP/1.1 no\r\n\r\n"])
def test_what_is_no_http_is_not_delivered(answer: bytes) -> None:
    """By a webhook and by a ping; the line that came instead is shown in one line."""
    with saying(answer) as port:
        for call in (
            lambda: send(Webhook(f"http://127.0.0.1:{port}/secret"), SENDABLE),
            lambda: ping(f"http://127.0.0.1:{port}/secret"),
        ):
            with pytest.raises(NotDelivered, match=f"127.0.0.1:{port}: ") as caught:
                call()
            assert caught.value.message.isprintable()
            assert "secret" not in caught.value.message


@pytest.mark.parametrize("url", ["http://exa mple/secret", "http://a..b/secret", "http://[::1"])
def test_an_address_that_cannot_be_called_is_not_delivered(url: str) -> None:
    """Whatever the configuration has let through."""
    with pytest.raises(NotDelivered) as caught:
        ping(url)
    assert "secret" not in caught.value.message


SLOW: dict[str, tuple[bytes, bytes]] = {
    "webhook": (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
    "email": (b"220-hello\r\n", b"220-still here\r\n"),
}


@pytest.mark.parametrize("kind", SLOW)
def test_a_server_that_dribbles_is_left(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line comes soon, the last one never; the next try does not wait beside the first."""
    monkeypatch.setattr(channels, "TIMEOUT_S", 0.3)
    with saying(*SLOW[kind]) as port:
        channel: Channel = Webhook(f"http://127.0.0.1:{port}/")
        if kind == "email":
            channel = Email(("a@x.org",), "p@x.org", "127.0.0.1", port)
        with pytest.raises(NotDelivered, match=r"no end after 0\.3 s"):
            send(channel, SENDABLE)
        before = threading.active_count()
        with pytest.raises(NotDelivered, match="the try before"):
            send(channel, SENDABLE)
        assert threading.active_count() <= before


def test_a_command_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its arguments are not shown."""
    monkeypatch.setattr(channels, "TIMEOUT_S", 0.3)
    with pytest.raises(NotDelivered, match=r"no end after 0\.3 s") as caught:
        send(Command((sys.executable, "-c", "import time; time.sleep(60)", "geheim")), SENDABLE)
    assert "geheim" not in caught.value.message


def test_a_fault_in_a_channel_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no failed delivery is raised where the caller sees it."""

    def fail(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(channels, "_post", fail)
    with pytest.raises(ZeroDivisionError):
        send(Webhook("http://127.0.0.1:9/"), SENDABLE)
