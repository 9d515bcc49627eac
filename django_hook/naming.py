"""Under which name a request is recorded: its method and the pattern of its URL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import translate
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import LocalePrefixPattern, RoutePattern

from django_hook import faults
from django_hook.conf import HookSettings
from perfctl.model import Flag
from perfctl.recording import routes
from perfctl.recording.check import METHODS
from perfctl.recording.record import encode_head

STATIC = "(static)"
REDIRECT = "(redirect)"
UNMATCHED = "(unmatched)"
MIDDLEWARE = "(middleware)"
OTHER = "(other)"
_MOST_ENDPOINTS = 2000
_MOST_NAMES = 200


class Endpoint:
    """Method and route, as a record has them, and what is said of their requests."""

    __slots__ = ("flags", "head", "is_ignored", "is_special", "route")

    def __init__(self, route: str, head: str, flags: int, *, is_ignored: bool) -> None:
        self.route = route
        self.head = head
        self.flags = flags
        self.is_ignored = is_ignored
        self.is_special = is_ignored or flags != 0


class Namer:
    """Names requests; at most 2,000 endpoints and 200 names a route in a process."""

    def __init__(self, hook_settings: HookSettings) -> None:
        self._probes = _matcher(hook_settings.probes)
        self._ignore = _matcher(hook_settings.ignore)
        self._long = _matcher(hook_settings.long)
        self.endpoints: dict[tuple[str | None, str, str | None], Endpoint] = {}
        """By method, route as Django has it, and name."""
        self._names: dict[str | None, set[str]] = {}

    def find(
        self, request: HttpRequest, response: HttpResponseBase | None, name: str | None
    ) -> Endpoint:
        """The endpoint of an answered request; `response` is None where it failed or was killed."""
        match = request.resolver_match
        if match is None:
            return self._without_route(request, response)
        # What a client may choose is bounded before it becomes a key.
        name = self._bounded(match.route, name, OTHER) if name else None
        key = (_method(request), match.route, name)
        endpoint = self.endpoints.get(key)
        if endpoint is None:
            route = _route(match.route, getattr(request, "urlconf", None))
            endpoint = self._learn(key, f"{route}#{name}" if name else route)
        return endpoint

    def _without_route(self, request: HttpRequest, response: HttpResponseBase | None) -> Endpoint:
        path = request.path_info
        if self._ignore(path):
            return Endpoint(path, "", 0, is_ignored=True)
        route = _answered_by(request.path, response)
        if self._probes(path):
            route = self._bounded(None, "/" + path.strip("/"), route)
        key = (_method(request), route, "")
        return self.endpoints.get(key) or self._learn(key, route)

    def _bounded(self, route: str | None, name: str, instead: str) -> str:
        names = self._names.setdefault(route, set())
        if name not in names:
            if len(names) >= _MOST_NAMES:
                return instead
            names.add(name)
        return name

    def _learn(self, key: tuple[str, str, str | None], route: str) -> Endpoint:
        flags = Flag.PROBE if self._probes(route) else Flag(0)
        flags |= Flag.LONG if self._long(route) else Flag(0)
        is_ignored = self._ignore(route)
        if len(self.endpoints) >= _MOST_ENDPOINTS:
            route = OTHER
        endpoint = Endpoint(route, encode_head(key[0], route), int(flags), is_ignored=is_ignored)
        if len(self.endpoints) < _MOST_ENDPOINTS:
            self.endpoints[key] = endpoint
        return endpoint


def _method(request: HttpRequest) -> str:
    method = request.method
    return method if method in METHODS else "OTHER"


class _Matcher(NamedTuple):
    words: frozenset[str]
    globs: re.Pattern[str] | None

    def __call__(self, route: str) -> bool:
        if route.strip("/") in self.words:
            return True
        return self.globs is not None and self.globs.match(route) is not None


def _matcher(entries: Iterable[str]) -> _Matcher:
    """Matches routes: a word stands for the whole route, anything else is a glob."""
    words = {entry.strip("/") for entry in entries if not set(entry) & set("*?[")}
    globs = [translate(e if e.startswith(("/", "*", "(")) else f"/{e}") for e in entries]
    globs = [glob for glob, entry in zip(globs, entries, strict=True) if set(entry) & set("*?[")]
    return _Matcher(frozenset(words), re.compile("|".join(globs)) if globs else None)


def _answered_by(path: str, response: HttpResponseBase | None) -> str:
    """What answered where no route did."""
    status = response.status_code if response is not None else 0
    if _is_static(path) and status < 500:
        return STATIC
    if 300 <= status < 400 and status != 304:
        return REDIRECT
    return UNMATCHED if status == 404 else MIDDLEWARE


def _is_static(path: str) -> bool:
    prefixes = (settings.STATIC_URL, settings.MEDIA_URL)
    return any(prefix and prefix != "/" and path.startswith(prefix) for prefix in prefixes)


def _route(raw: str, urlconf: str | None) -> str:
    urlconf = urlconf or settings.ROOT_URLCONF
    shown = routes.readable(raw)
    if shown != routes.with_slash(raw):  # by its looks it has regexes in it
        shown = _readable_routes(urlconf).get(raw, shown)
    plain, may_lack_slash = routes.without_format_suffix(shown)
    if may_lack_slash and not plain.endswith("/") and plain + "/" in _all_routes(urlconf):
        plain += "/"
    has_languages = settings.USE_I18N and is_language_prefix_patterns_used(urlconf)[0]
    if has_languages and raw not in _routes_without_language(urlconf):
        return routes.with_language_prefix(plain, {code for code, _ in settings.LANGUAGES})
    return plain


@cache
def _all_routes(urlconf: str) -> frozenset[str]:
    return frozenset(_readable_routes(urlconf).values())


@cache
def _readable_routes(urlconf: str) -> dict[str, str]:
    """By the route of a match: what it reads, of which only the parts of `re_path` are regexes.

    Routes with a language are missing where another one is active.
    """
    try:
        found = dict(_routes_of(get_resolver(urlconf).url_patterns))
    except Exception:  # a pattern of the project's own kind
        faults.count("routes")
        return {}
    return {raw: routes.with_slash(shown) for raw, shown in found.items()}


@cache
def _routes_without_language(urlconf: str) -> frozenset[str]:
    """The routes of matches that stand beside `i18n_patterns`: `my/` is a word, not a language."""
    try:
        patterns = get_resolver(urlconf).url_patterns
        plain = [p for p in patterns if not isinstance(p.pattern, LocalePrefixPattern)]
        return frozenset(raw for raw, _ in _routes_of(plain))
    except Exception:  # a pattern of the project's own kind
        faults.count("routes")
        return frozenset()


def _routes_of(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[tuple[str, str]]:
    for below in patterns:
        part = str(below.pattern)
        shown = part if isinstance(below.pattern, RoutePattern) else routes.simplified(part)
        if isinstance(below, URLResolver):
            for raw, shown_below in _routes_of(below.url_patterns):
                # As Django joins them.
                yield part + (raw.removeprefix("^") if part else raw), shown + shown_below
        else:
            yield part, shown
