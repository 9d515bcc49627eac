"""The `[notify]` table is read as a whole before anything is told, or refused by file and name."""

from __future__ import annotations

from typing import Any

import pytest

from perfctl.config import Config, parse
from perfctl.errors import ConfigError
from perfctl.notify.plan import Command, Email, Escalation, Plan, Quiet, Webhook, parse_plan


def config(**notify: Any) -> Config:
    """A configuration of one file."""
    return parse({"notify": notify}, "perfctl.toml")


def test_a_plan_is_read() -> None:
    """Each name that the page shows."""
    plan = parse_plan(
        config(
            command=["/bin/page", "web"],
            webhook={"url": "https://example.org/hook", "secret_env": "SECRET"},
            email={"to": ["Ops <ops@example.org>"], "sender": "root", "tls": "always"},
            severity="critical",
            quiet="22:00-07:00",
            repeat="4h",
            escalate={"after": "30m", "webhook": "http://[::1]:8080/manager"},
            ping="https://example.org/ping?id=1",
        )
    )
    assert plan == Plan(
        channels=(
            ("command", Command(("/bin/page", "web"))),
            ("webhook", Webhook("https://example.org/hook", "SECRET")),
            ("email", Email(("Ops <ops@example.org>",), "root", tls="always")),
        ),
        severity="critical",
        quiet=Quiet(22 * 60, 7 * 60),
        repeat_ms=4 * 3_600_000,
        escalation=Escalation(
            1_800_000, (("escalate.webhook", Webhook("http://[::1]:8080/manager")),)
        ),
        ping="https://example.org/ping?id=1",
    )


@pytest.mark.parametrize(
    ("notify", "key"),
    [
        ({"webhok": "http://x/"}, "webhok"),
        ({"webhook": "ftp://x/"}, "webhook"),
        ({"webhook": {"url": "http://x/", "secret": "s"}}, "webhook.secret"),
        ({"webhook": {}}, "webhook.url"),
        ({"command": "rm -rf /"}, "command"),
        ({"command": ["rm"]}, "command"),
        ({"command": []}, "command"),
        ({"quiet": "22-7"}, "quiet"),
        ({"quiet": "25:00-07:00"}, "quiet"),
        ({"repeat": "soon"}, "repeat"),
        ({"repeat": "1s"}, "repeat"),
        ({"escalate": {"after": "30m"}}, "escalate"),
        ({"escalate": {"webhook": "x"}}, "escalate.webhook"),
        ({"email": {"to": []}}, "email.to"),
        ({"email": {"to": ["a@x.org"], "sender": "x\ny"}}, "email.sender"),
        ({"email": {"to": ["a@x.org"], "sender": "p@x.org", "port": True}}, "email.port"),
        ({"email": {"to": ["a@x.org"], "sender": "p@x.org", "tls": "yes"}}, "email.tls"),
        ({"severity": "all"}, "severity"),
    ],
    ids=str,
)
def test_a_wrong_plan_is_refused_by_file_and_name(notify: dict[str, Any], key: str) -> None:
    """As every other wrong setting is."""
    with pytest.raises(ConfigError) as caught:
        parse_plan(config(**notify))
    assert caught.value.message.startswith(f"perfctl.toml: notify.{key}: ")


@pytest.mark.parametrize(
    "url",
    [
        "http://exa mple/",
        "http://example.org/a b",
        "http://exämple.org/",
        "http://[::1",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:x/",
        "http:///path",
        "http://me:geheim@example.org/",
    ],
)
def test_an_address_that_cannot_be_called_is_refused(url: str) -> None:
    """When it is read, not each time that it is called; without a word of what it holds."""
    for notify in ({"ping": url}, {"webhook": url}):
        with pytest.raises(ConfigError) as caught:
            parse_plan(config(**notify))
        assert "geheim" not in caught.value.message


@pytest.mark.parametrize(
    "address", ["a@", "<", '"', "a@[", "@", ",", "a@x.org, b@x.org", "é@x.org"]
)
def test_what_is_no_mail_address_is_refused(address: str) -> None:
    """The standard library's parser of headers breaks on some of them."""
    for email in ({"to": [address], "sender": "p@x.org"}, {"to": ["a@x.org"], "sender": address}):
        with pytest.raises(ConfigError, match=r"perfctl\.toml: notify\.email\."):
            parse_plan(config(email=email))


def test_of_two_files_the_wrong_one_is_named() -> None:
    """The nearer file adds to what the farther one says."""
    far = parse({"notify": {"repeat": "soon"}}, "/etc/perfctl.toml")
    both = parse({"notify": {"webhook": "http://x/"}}, "perfctl.toml", far)
    with pytest.raises(ConfigError, match=r"^/etc/perfctl\.toml: notify\.repeat: "):
        parse_plan(both)
