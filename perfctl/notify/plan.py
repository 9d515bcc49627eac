"""Reads `[tool.perfctl.notify]`: whom to tell, over what, when not, and when again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from perfctl.config_values import nearest
from perfctl.errors import ConfigError, UsageError
from perfctl.units import parse_duration

_NAMES = (
    "command",
    "webhook",
    "email",
    "apprise",
    "severity",
    "quiet",
    "repeat",
    "escalate",
    "ping",
)
_CHANNELS = ("command", "webhook", "email", "apprise")
_SEVERITIES = ("warning", "critical")
_DAY_MINUTES = 24 * 60


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


def parse_plan(data: Mapping[str, object]) -> Plan:
    """The plan; ConfigError names what is wrong."""
    _check_names(data, _NAMES, "notify")
    escalate = data.get("escalate")
    return Plan(
        channels=_channels(data, "notify"),
        severity=_severity(data.get("severity", "warning")),
        quiet=None if "quiet" not in data else _quiet(data["quiet"]),
        repeat_ms=None if "repeat" not in data else _duration(data["repeat"], "notify.repeat"),
        escalation=None if escalate is None else _escalation(escalate),
        ping=None if "ping" not in data else _url(data["ping"], "notify.ping"),
    )


def _check_names(data: Mapping[str, object], known: Sequence[str], where: str) -> None:
    for name in data:
        if name not in known:
            raise ConfigError(f"{where}.{name}: unknown name", nearest(str(name), tuple(known)))


def _channels(data: Mapping[str, object], where: str) -> tuple[tuple[str, Channel], ...]:
    readers = {"command": _command, "webhook": _webhook, "email": _email, "apprise": _apprise}
    return tuple(
        (name, readers[name](data[name], f"{where}.{name}")) for name in _CHANNELS if name in data
    )


def _command(value: object, where: str) -> Channel:
    arguments = _texts(value, where)
    if not arguments or not arguments[0].startswith("/"):
        raise ConfigError(f"{where}: must be a list that begins with the program's absolute path")
    return Command(arguments)


def _webhook(value: object, where: str) -> Channel:
    if isinstance(value, str):
        return Webhook(_url(value, where))
    table = _table(value, where)
    _check_names(table, ("url", "secret_env"), where)
    secret = table.get("secret_env")
    return Webhook(
        _url(table.get("url"), f"{where}.url"),
        None if secret is None else _text(secret, f"{where}.secret_env"),
    )


def _email(value: object, where: str) -> Channel:
    table = _table(value, where)
    _check_names(table, Email._fields, where)
    port = table.get("port", 25)
    if type(port) is not int or not 0 < port < 65536:
        raise ConfigError(f"{where}.port: must be a port, not {port!r}")
    tls = table.get("tls", "auto")
    if tls not in ("auto", "always", "implicit", "never"):
        raise ConfigError(f"{where}.tls: must be auto, always, implicit or never, not {tls!r}")
    user, password = table.get("user"), table.get("password_env")
    return Email(
        to=_texts(table.get("to"), f"{where}.to"),
        sender=_text(table.get("sender"), f"{where}.sender"),
        host=_text(table.get("host", "localhost"), f"{where}.host"),
        port=port,
        user=None if user is None else _text(user, f"{where}.user"),
        password_env=None if password is None else _text(password, f"{where}.password_env"),
        tls=str(tls),
    )


def _apprise(value: object, where: str) -> Channel:
    return Apprise(_texts([value] if isinstance(value, str) else value, where))


def _escalation(value: object) -> Escalation:
    table = _table(value, "notify.escalate")
    _check_names(table, ("after", *_CHANNELS), "notify.escalate")
    channels = _channels(table, "notify.escalate")
    if not channels:
        raise ConfigError("notify.escalate: names nobody to tell")
    after_ms = _duration(table.get("after", "30m"), "notify.escalate.after")
    return Escalation(after_ms, tuple((f"escalate.{name}", one) for name, one in channels))


def _severity(value: object) -> str:
    if value not in _SEVERITIES:
        raise ConfigError(f"notify.severity: must be warning or critical, not {value!r}")
    return str(value)


def _quiet(value: object) -> Quiet:
    begin, dash, end = _text(value, "notify.quiet").partition("-")
    minutes = [_minute_of_day(text) for text in (begin, end)]
    if not dash or None in minutes or minutes[0] == minutes[1]:
        raise ConfigError(f"notify.quiet: must be like 22:00-07:00, not {value!r}")
    return Quiet(minutes[0] or 0, minutes[1] or 0)


def _minute_of_day(text: str) -> int | None:
    hours, _, minutes = text.strip().partition(":")
    if not (hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):
        return None
    found = int(hours) * 60 + int(minutes)
    return found if found < _DAY_MINUTES and int(minutes) < 60 else None


def _duration(value: object, where: str) -> int:
    try:
        found = parse_duration(_text(value, where))
    except ConfigError:
        raise
    except UsageError as exc:
        raise ConfigError(f"{where}: {exc.message}", exc.hint) from exc
    if found < 60_000:
        raise ConfigError(f"{where}: must be at least 1m")
    return found


def _url(value: object, where: str) -> str:
    text = _text(value, where)
    if not text.startswith(("http://", "https://")):
        raise ConfigError(f"{where}: must be an http or https address")
    return text


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ConfigError(f"{where}: must be a list of texts")
    return tuple(_text(item, where) for item in value)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ConfigError(f"{where}: must be a text in one line")
    return value


def _table(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: must be a table")
    return value
