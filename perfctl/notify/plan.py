"""Reads `[tool.perfctl.notify]`: whom to tell, over what, when not, and when again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from perfctl.config import Config
from perfctl.config_values import Place, as_duration, as_table, as_text, as_texts, nearest
from perfctl.model import MINUTE_MS

_SEVERITIES = ("warning", "critical")
_TLS = ("auto", "always", "implicit", "never")
_DAY_MINUTES = 24 * 60
_LEAST_MS = MINUTE_MS
_BARE = r"[\w.!#$%&'*+/=?^`{|}~-]+(@[\w.-]+)?"
_ADDRESS = re.compile(rf"{_BARE}|[^<>@\"(),:;\\]*<{_BARE}>", re.ASCII)
"""What the standard library's parser of mail headers takes without falling over."""


class Command(NamedTuple):
    """A program, never a shell; the message is JSON on its standard input."""

    arguments: tuple[str, ...]


class Webhook(NamedTuple):
    """A POST of the message as JSON, signed where a secret is given by the environment."""

    url: str
    secret_env: str | None = None


class Email(NamedTuple):
    """A mail by SMTP; the password comes from the environment."""

    to: tuple[str, ...]
    sender: str
    host: str = "localhost"
    port: int = 25
    user: str | None = None
    password_env: str | None = None
    tls: str = "auto"


class Apprise(NamedTuple):
    """Addresses of the apprise package (extra `notify`)."""

    urls: tuple[str, ...]


Channel = Command | Webhook | Email | Apprise


class Quiet(NamedTuple):
    """Minutes of the local day in which only critical alerts are told."""

    begin: int
    end: int

    def holds(self, minute_of_day: int) -> bool:
        """Whether it is quiet then; over midnight too."""
        if self.begin <= self.end:
            return self.begin <= minute_of_day < self.end
        return minute_of_day >= self.begin or minute_of_day < self.end


class Escalation(NamedTuple):
    """Who else is told of what nobody has acknowledged for so long."""

    after_ms: int
    channels: tuple[tuple[str, Channel], ...]


class Plan(NamedTuple):
    """All of it; without channels nothing is told."""

    channels: tuple[tuple[str, Channel], ...] = ()
    severity: str = "warning"
    quiet: Quiet | None = None
    repeat_ms: int | None = None
    escalation: Escalation | None = None
    ping: str | None = None

    @property
    def all_channels(self) -> dict[str, Channel]:
        """Every channel by the name that its messages bear, those of the escalation too."""
        return dict(self.channels + (self.escalation.channels if self.escalation else ()))


def parse_plan(config: Config) -> Plan:
    """The plan; ConfigError names the file, the setting and what is wrong with it."""
    plan = Plan()
    for name, value in config.notify.items():
        place = config.notify_places[name]
        if name not in _READERS:
            raise place.error("unknown name", nearest(name, _READERS))
        plan = _READERS[name](plan, value, place)
    return plan


def _command(value: object, place: Place) -> Channel:
    arguments = _lines(value, place)
    if not arguments[0].startswith("/"):
        raise place.error("must be a list that begins with the program's absolute path")
    return Command(arguments)


def _webhook(value: object, place: Place) -> Channel:
    if isinstance(value, str):
        return Webhook(_url(value, place))
    table = as_table(value, place, Webhook._fields)
    secret_env = _optional_line(table, "secret_env", place)
    return Webhook(_url(table.get("url"), place.at("url")), secret_env)


def _email(value: object, place: Place) -> Channel:
    table = as_table(value, place, Email._fields)
    return Email(
        to=_addresses(table.get("to"), place.at("to")),
        sender=_address(table.get("sender"), place.at("sender")),
        host=_line(table.get("host", "localhost"), place.at("host")),
        port=_port(table.get("port", 25), place.at("port")),
        user=_optional_line(table, "user", place),
        password_env=_optional_line(table, "password_env", place),
        tls=_choice(table.get("tls", "auto"), place.at("tls"), _TLS),
    )


def _apprise(value: object, place: Place) -> Channel:
    return Apprise(_lines([value] if isinstance(value, str) else value, place))


_CHANNELS: dict[str, Callable[[object, Place], Channel]] = {
    "command": _command,
    "webhook": _webhook,
    "email": _email,
    "apprise": _apprise,
}


def _add_channel(name: str) -> Callable[[Plan, object, Place], Plan]:
    def read(plan: Plan, value: object, place: Place) -> Plan:
        channel = (name, _CHANNELS[name](value, place))
        return plan._replace(channels=(*plan.channels, channel))

    return read


def _escalation(value: object, place: Place) -> Escalation:
    table = as_table(value, place, ("after", *_CHANNELS))
    channels = tuple(
        (f"escalate.{name}", read(table[name], place.at(name)))
        for name, read in _CHANNELS.items()
        if name in table
    )
    if not channels:
        raise place.error("names nobody to tell", f"one of {', '.join(_CHANNELS)}")
    after_ms = as_duration(table.get("after", "30m"), place.at("after"), _LEAST_MS)
    return Escalation(after_ms, channels)


def _quiet(value: object, place: Place) -> Quiet:
    begin, dash, end = as_text(value, place).partition("-")
    minutes = [_minute_of_day(text) for text in (begin, end)]
    if not dash or None in minutes or minutes[0] == minutes[1]:
        raise place.error(f"must be like 22:00-07:00, not {value!r}")
    return Quiet(minutes[0] or 0, minutes[1] or 0)


def _minute_of_day(text: str) -> int | None:
    hours, _, minutes = text.strip().partition(":")
    if not (hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):
        return None
    found = int(hours) * 60 + int(minutes)
    return found if found < _DAY_MINUTES and int(minutes) < 60 else None


def _url(value: object, place: Place) -> str:
    """An address that can be called; what is wrong with it is said without it: it may be secret."""
    url = _line(value, place)
    if not url.startswith(("http://", "https://")):
        raise place.error("must be an http or https address")
    if not url.isascii() or " " in url:
        raise place.error("must be an address without spaces, its other signs written as %20")
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError as exc:
        raise place.error(f"is no address: {exc}") from exc
    if not is_whole:
        raise place.error("is no address: it names no host, or port 0")
    if "@" in parts.netloc:
        raise place.error("must not hold a user or a password")
    return url


def _address(value: object, place: Place) -> str:
    text = _line(value, place)
    if _ADDRESS.fullmatch(text) is None:
        raise place.error(f"must be like ops@example.org or Ops <ops@example.org>, not {text!r}")
    return text


def _addresses(value: object, place: Place) -> tuple[str, ...]:
    return tuple(_address(text, place) for text in _lines(value, place))


def _port(value: object, place: Place) -> int:
    if type(value) is not int or not 0 < value < 65536:
        raise place.error(f"must be a port, not {value!r}")
    return value


def _choice(value: object, place: Place, known: tuple[str, ...]) -> str:
    text = as_text(value, place)
    if text not in known:
        raise place.error(f"must be {', '.join(known[:-1])} or {known[-1]}, not {text!r}")
    return text


def _lines(value: object, place: Place) -> tuple[str, ...]:
    texts = as_texts(value, place)
    if not texts:
        raise place.error("must not be empty")
    return tuple(_line(text, place) for text in texts)


def _line(value: object, place: Place) -> str:
    """A text that makes no second header or argument of what follows a line break."""
    text = as_text(value, place)
    if not text.isprintable():
        raise place.error("must be a text in one line")
    return text


def _optional_line(table: Mapping[str, object], name: str, place: Place) -> str | None:
    return _line(table[name], place.at(name)) if name in table else None


_READERS: dict[str, Callable[[Plan, object, Place], Plan]] = {
    **{name: _add_channel(name) for name in _CHANNELS},
    "severity": lambda plan, value, place: plan._replace(
        severity=_choice(value, place, _SEVERITIES)
    ),
    "quiet": lambda plan, value, place: plan._replace(quiet=_quiet(value, place)),
    "repeat": lambda plan, value, place: plan._replace(
        repeat_ms=as_duration(value, place, _LEAST_MS)
    ),
    "escalate": lambda plan, value, place: plan._replace(escalation=_escalation(value, place)),
    "ping": lambda plan, value, place: plan._replace(ping=_url(value, place)),
}
